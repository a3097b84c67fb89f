/** The datagram framing: cut anywhere, the same messages and the same end; and no more memory than has come. */

import { PipeError } from '../../../src/core/errors.ts';
import { SlabPool } from '../../../src/core/pool.ts';
import { protocolOf } from '../../../src/core/protocols.ts';
import { DatagramDecoder } from '../../../src/layer/datagram/codec.ts';
import { Random } from '../../../test/helpers/random.ts';
import { expect, type FuzzTarget } from '../target.ts';

const MOST = 65_536;
/** A slab may be so many times as large as what has come, from the smallest one on: codec.ts. */
const ROOM = { least: 4096, ahead: 16 };

interface Decoded {
  readonly messages: string[];
  readonly error: string;
  readonly inMessage: boolean;
}

function decode(stream: Buffer, cuts: (left: number) => number): Decoded {
  const pool = new SlabPool();
  const decoder = new DatagramDecoder(pool, MOST, protocolOf);
  const messages: string[] = [];
  let error = '';
  try {
    for (let at = 0; at < stream.length; ) {
      const piece = stream.subarray(at, at + cuts(stream.length - at));
      at += piece.length;
      decoder.push(pool.copy(piece));
      for (let message = decoder.next(); message !== null; message = decoder.next()) {
        messages.push(message.view().toString('latin1'));
        message.release();
      }
      expect(!decoder.hasRest, 'no message, and yet there is a rest');
      expect(decoder.missing >= 1, `${decoder.missing} bytes are missing`);
      const held = pool.heldBytes;
      expect(held <= ROOM.least + ROOM.ahead * at, `${held} bytes are held of a stream of ${at}`);
    }
  } catch (thrown) {
    if (!(thrown instanceof PipeError)) throw thrown;
    error = `${thrown.code} ${thrown.message}`;
  }
  const { inMessage } = decoder;
  decoder.clear();
  expect(pool.out === 0, `${pool.out} chunks are lost`);
  return { messages, error, inMessage };
}

export const datagram: FuzzTarget = {
  name: 'datagram',
  maxBytes: 1024,
  dictionary: [
    'GET / HTTP/1.1\r\n',
    'SSH-2.0-',
    'PROXY TCP4 ',
    '\r\n\r\n\0\r\nQUIT\n',
    '\x4cTSTR\x01',
    Buffer.from('1603010001010000f40303', 'hex'),
    Buffer.from('ffffffff0f', 'hex'),
    Buffer.from('80808000', 'hex'),
  ],
  seeds: [
    Buffer.from('\x00\x03abc\x00\x00\x01d'),
    Buffer.concat([Buffer.from([0xac, 2]), Buffer.alloc(300, 'x')]),
  ],
  run(input) {
    const [seed = 0] = input;
    const stream = input.subarray(1);
    const whole = decode(stream, (left) => left);
    const random = new Random(seed);
    const most = random.pick([1, 2, 7, 64]);
    const cut = decode(stream, () => random.int(1, most));
    // What is quoted of the beginning may be longer in one piece; what is said of it is not.
    const kind = ({ error }: Decoded) => error.split(';')[0]?.split(': it began')[0] ?? '';
    expect(kind(whole) === kind(cut), `'${whole.error}' whole, '${cut.error}' in pieces`);
    expect(whole.messages.join('|') === cut.messages.join('|'), 'other messages in pieces');
    if (whole.error === '') expect(whole.inMessage === cut.inMessage, 'another end in pieces');
    return [
      `${Math.min(3, whole.messages.length)} messages`,
      kind(whole).replace(/\d+/g, '#'),
      `${whole.inMessage}`,
    ];
  },
};
