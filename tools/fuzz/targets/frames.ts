/** The trunk's frames: what is read is what would be written, to the byte. */

import { PipeError } from '../../../src/core/errors.ts';
import { SlabPool } from '../../../src/core/pool.ts';
import {
  frameLength,
  readFrame,
  STREAM,
  TEXT_MAX_BYTES,
  writeFrame,
} from '../../../src/layer/trunk/codec.ts';
import { expect, type FuzzTarget } from '../target.ts';

function frame(type: number, flags: number, id: number, value: number, text = ''): Buffer {
  const bytes = Buffer.alloc(frameLength(Buffer.from(text)));
  writeFrame(bytes, 0, type, flags, id, value, text === '' ? null : Buffer.from(text));
  return bytes;
}

/** One of each. */
export const FRAMES: readonly Buffer[] = [
  frame(STREAM, 1, 0, 0, 'label'),
  frame(STREAM, 2, 2, 70_000),
  frame(2, 1, 0, 5, 'refused'),
  frame(3, 6, 0, 0),
  frame(4, 0, 0, 1 << 20),
  frame(5, 0, 0, Number.MAX_SAFE_INTEGER),
  frame(6, 0, 3, 17),
  frame(7, 0, 0, 1),
  frame(8, 0, 0, 1),
  frame(9, 8, 0, 0, 'the end'),
];

export const frames: FuzzTarget = {
  name: 'frames',
  maxBytes: 2048,
  dictionary: [
    ...FRAMES,
    Buffer.alloc(TEXT_MAX_BYTES, 'x'),
    Buffer.from('0200', 'hex'),
    Buffer.from('0201', 'hex'),
  ],
  seeds: [Buffer.concat([FRAMES[6] as Buffer, FRAMES[0] as Buffer, Buffer.from('hello')]), ...FRAMES],
  run(input) {
    const pool = new SlabPool();
    const datagram = pool.copy(input);
    const types: number[] = [];
    let outcome = 'whole';
    try {
      while (datagram.length > 0) {
        const before = input.length - datagram.length;
        const { type, flags, id, value, text } = readFrame(datagram);
        types.push(type);
        const after = input.length - datagram.length;
        expect(text.length <= TEXT_MAX_BYTES, `a text of ${text.length} bytes`);
        expect(Number.isSafeInteger(value) && value >= 0, `a value of ${value}`);
        const again = Buffer.alloc(frameLength(text));
        expect(
          writeFrame(again, 0, type, flags, id, value, text) === after - before,
          'of another length when written',
        );
        expect(again.equals(input.subarray(before, after)), `written as ${again.toString('hex')}`);
        if (type === STREAM) break;
      }
    } catch (error) {
      if (!(error instanceof PipeError)) throw error;
      expect(error.code === 'malformed', `the error is ${error.code}`);
      outcome = error.message.replace(/\d+/g, '#');
    }
    datagram.release();
    expect(pool.out === 0, 'a chunk is lost');
    return [...types.map(String), outcome];
  },
};
