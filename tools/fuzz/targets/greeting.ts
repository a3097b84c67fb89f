/** What a connection begins with: told the same however it is cut, and never a byte read that is not due. */

import { protocolOf } from '../../../src/core/protocols.ts';
import {
  answerInTheClear,
  describeStranger,
  framed,
  GreetingReader,
} from '../../../src/layer/trunk/greeting.ts';
import { HANDSHAKE_MAX_BYTES, refusal } from '../../../src/layer/trunk/handshake.ts';
import { Random } from '../../../test/helpers/random.ts';
import { expect, type FuzzTarget } from '../target.ts';
import { expectPrintable } from './text.ts';

/** The first message, or what there is instead; and the bytes that it took. */
function greet(stream: Buffer, most: () => number): { outcome: string; at: number } {
  const reader = new GreetingReader();
  for (let at = 0; at < stream.length; ) {
    const { wants } = reader;
    expect(wants >= 1 && wants <= HANDSHAKE_MAX_BYTES + 2, `${wants} bytes are wanted`);
    const piece = stream.subarray(at, at + Math.min(wants, most()));
    const answer = reader.push(piece);
    at += piece.length;
    expect(at <= HANDSHAKE_MAX_BYTES + 2, `${at} bytes were read of a stranger`);
    if (typeof answer === 'string') return { outcome: answer, at };
    if (answer !== null) return { outcome: `message ${answer.toString('hex')}`, at };
  }
  return { outcome: reader.begun ? 'begun' : 'nothing yet', at: stream.length };
}

export const greeting: FuzzTarget = {
  name: 'greeting',
  maxBytes: 700,
  dictionary: [
    'TSTR',
    '\x4cTSTR\x01\x01',
    Buffer.from('160303004a01', 'hex'),
    Buffer.from('15030300020228', 'hex'),
    Buffer.from('1703030010', 'hex'),
    'PROXY TCP6 ::1 ::1 1 2\r\n',
    '\r\n\r\n\0\r\nQUIT\n',
    'HTTP/1.1 400 Bad Request\r\n',
    'SSH-2.0-OpenSSH\r\n',
    'CONNECT a:1 HTTP/1.1',
  ],
  seeds: [
    framed(refusal(1, 'the keys differ')),
    framed(Buffer.alloc(HANDSHAKE_MAX_BYTES, 'TSTR')),
    Buffer.from('GET / HTTP/1.0'),
  ],
  run(input) {
    const [seed = 0] = input;
    const stream = input.subarray(1);
    const whole = greet(stream, () => Number.POSITIVE_INFINITY);
    const random = new Random(seed);
    const cut = greet(stream, () => random.int(1, 3));
    // TLS is told a byte earlier or later, depending on what was read at once; what it is, is the same.
    const told = whole.outcome !== 'begun' && whole.outcome !== 'nothing yet';
    expect(whole.outcome === cut.outcome, `'${whole.outcome}' whole, '${cut.outcome}' in pieces`);
    if (told && whole.outcome.startsWith('message')) expect(whole.at === cut.at, 'another end in pieces');
    expectPrintable(describeStranger(stream), 1000);
    return [whole.outcome.slice(0, 7), `${protocolOf(stream)}`, answersOf(stream)];
  },
};

/** What a client makes of it as an answer where TLS is due: once told, more bytes do not change it. */
function answersOf(stream: Buffer): string {
  let told: string | null = null;
  for (let length = 1; length <= Math.min(stream.length, 600); length++) {
    const answer = answerInTheClear(stream.subarray(0, length));
    if (answer instanceof Error) expectPrintable(answer.message, 1000);
    const kind = answer === null ? 'tls' : answer === 'more' ? null : `${answer.code}`;
    if (told !== null) expect(kind === told, `${told}, and with another byte ${kind}`);
    told = kind;
  }
  return told ?? 'more';
}
