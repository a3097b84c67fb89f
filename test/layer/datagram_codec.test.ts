/** Goal: the framing survives every split of the stream, and nothing that a peer sends makes it crash or allocate. */
import fc from 'fast-check';
import t from 'tap';
import type { Chunk, Slab } from '../../src/core/chunk.ts';
import { PipeError } from '../../src/core/errors.ts';
import { SlabPool } from '../../src/core/pool.ts';
import { protocolOf } from '../../src/core/protocols.ts';
import {
  DatagramDecoder,
  encodeMessage,
  HEADER_MAX_BYTES,
  type Recognise,
} from '../../src/layer/datagram/codec.ts';
import { propertyOptions, Random, seeds } from '../helpers/random.ts';

/** Remembers the largest slab that was asked for. */
class WatchedPool extends SlabPool {
  largest = 0;
  override borrow(length: number): Slab {
    this.largest = Math.max(this.largest, length);
    return super.borrow(length);
  }
}

function encode(pool: SlabPool, message: Uint8Array): Buffer {
  const frame = encodeMessage(pool.copy(message), pool);
  const bytes = Buffer.from(frame.view());
  frame.release();
  return bytes;
}

/** Feeds the stream in pieces, cut at these places; gives the messages, and the error if there was one. */
function decode(
  pool: SlabPool,
  stream: Buffer,
  cuts: readonly number[],
  max = 2 ** 20,
  recognise: Recognise | null = null,
): { messages: Buffer[]; error: unknown; inMessage: boolean } {
  const decoder = new DatagramDecoder(pool, max, recognise);
  const messages: Buffer[] = [];
  const at = [0, ...[...cuts].sort((a, b) => a - b), stream.length];
  let error: unknown = null;
  try {
    for (let i = 1; i < at.length; i++) {
      decoder.push(pool.copy(stream.subarray(at[i - 1], at[i])));
      for (let message = decoder.next(); message !== null; message = decoder.next()) {
        messages.push(Buffer.from(message.view()));
        message.release();
      }
      if (decoder.hasRest) throw new Error('null, and yet there is a rest');
    }
  } catch (thrown) {
    error = thrown;
  }
  const { inMessage } = decoder;
  decoder.clear();
  decoder.clear();
  return { messages, error, inMessage };
}

t.test('any messages, the stream cut anywhere', async () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 });
  fc.assert(
    fc.property(messages, fc.array(fc.nat()), (sent, cuts) => {
      const pool = new SlabPool();
      const stream = Buffer.concat(sent.map((message) => encode(pool, message)));
      const places = cuts.map((cut) => cut % (stream.length + 1));
      const got = decode(pool, stream, places);
      return (
        got.error === null &&
        !got.inMessage &&
        pool.out === 0 &&
        got.messages.length === sent.length &&
        got.messages.every((message, i) => message.equals(sent[i] as Uint8Array))
      );
    }),
    propertyOptions(1000),
  );
});

t.test('large messages, byte by byte at the borders', async (t) => {
  const pool = new SlabPool();
  const random = new Random(1);
  const sent = [127, 128, 16_383, 16_384, 70_000, 0, 262_144].map((length) => random.bytes(length));
  const frames = sent.map((message) => encode(pool, message));
  const stream = Buffer.concat(frames);
  const cuts: number[] = [];
  let at = 0;
  for (const frame of frames) {
    at += frame.length;
    for (let i = -4; i <= 6; i++) cuts.push(Math.max(0, Math.min(stream.length, at + i)));
  }
  const got = decode(pool, stream, cuts);
  t.equal(got.error, null);
  t.ok(
    got.messages.length === sent.length &&
      got.messages.every((message, i) => message.equals(sent[i] as Buffer)),
  );
  t.equal(pool.out, 0);
});

t.test('the length goes into the headroom: no copy', async (t) => {
  const pool = new SlabPool();
  const message = pool.copy(Buffer.alloc(300, 7));
  const { memory } = message;
  const frame = encodeMessage(message, pool);
  t.equal(frame.memory, memory);
  t.same([...frame.view().subarray(0, 3)], [0xac, 2, 7]);
  frame.release();
  t.equal(pool.out, 0);
});

t.test('without headroom: a copy, and what is in front stays as it was', async (t) => {
  const pool = new SlabPool();
  const rest = pool.copy(Buffer.from('frontback'));
  const front = rest.split(5);
  const kept = rest.share();
  const frame = encodeMessage(rest, pool);
  t.equal(frame.view().toString('latin1'), '\u0004back');
  t.equal(front.view().toString(), 'front');
  t.equal(kept.view().toString(), 'back');
  t.ok(frame.headroom >= HEADER_MAX_BYTES, 'the copy has room for the next layer');
  for (const chunk of [frame, front, kept]) chunk.release();
  t.equal(pool.out, 0);
});

t.test('a message that lies in one chunk is handed on without a copy', async (t) => {
  const pool = new WatchedPool();
  const decoder = new DatagramDecoder(pool, 1000);
  const chunk = pool.copy(
    Buffer.concat([encode(pool, Buffer.from('one')), encode(pool, Buffer.from('two'))]),
  );
  const { memory } = chunk;
  decoder.push(chunk);
  const messages = [decoder.next(), decoder.next()] as Chunk[];
  t.same(
    messages.map((message) => message.view().toString()),
    ['one', 'two'],
  );
  t.ok(messages.every((message) => message.memory === memory));
  t.equal(decoder.next(), null);
  for (const message of messages) message.release();
  t.equal(pool.out, 0);
});

t.test('lengths 0, max, max + 1, 2^32 - 1: what is too large allocates nothing', async (t) => {
  const max = 5000;
  for (const [header, expected] of [
    [[0], null],
    [[0x88, 0x27], null],
    [[0x89, 0x27], 'too-large'],
    [[0xff, 0xff, 0xff, 0xff, 0x0f], 'too-large'],
    [[0xff, 0xff, 0xff, 0xff, 0x1f], 'malformed'],
    [[0x80, 0x80, 0x80, 0x80, 0x80], 'malformed'],
  ] as const) {
    const pool = new WatchedPool();
    const decoder = new DatagramDecoder(pool, max);
    decoder.push(pool.copy(Buffer.from(header)));
    pool.largest = 0;
    let code: string | null = null;
    try {
      decoder.next()?.release();
    } catch (error) {
      t.ok(error instanceof PipeError);
      code = (error as PipeError).code;
    }
    t.equal(code, expected, header.join(' '));
    if (expected !== null) t.equal(pool.largest, 0, 'nothing was allocated');
    decoder.clear();
    t.equal(pool.out, 0);
  }
});

t.test('garbage: messages or a PipeError, and never more memory than one message', async (t) => {
  for (const seed of seeds(2000)) {
    const random = new Random(seed);
    const pool = new WatchedPool();
    const garbage = random.bytes(random.int(0, 600));
    // Low bytes make more valid lengths.
    if (random.chance(0.5))
      for (let i = 0; i < garbage.length; i++) garbage[i] = (garbage[i] as number) & 0x8f;
    const cuts = Array.from({ length: random.int(0, 10) }, () => random.int(0, garbage.length));
    const got = decode(pool, garbage, cuts, 1000);
    if (got.error !== null && !(got.error instanceof PipeError)) t.fail(`seed ${seed}: ${got.error}`);
    if (got.messages.some((message) => message.length > 1000))
      t.fail(`seed ${seed}: a message above the maximum`);
    if (pool.out !== 0 || pool.largest > 1000)
      t.fail(`seed ${seed}: out ${pool.out}, largest ${pool.largest}`);
  }
});

t.test('each bit of a stream flipped: other messages or a PipeError, nothing else', async (t) => {
  const pool = new SlabPool();
  const stream = Buffer.concat(
    ['', 'abc', 'x'.repeat(200), 'end'].map((text) => encode(pool, Buffer.from(text))),
  );
  for (let bit = 0; bit < stream.length * 8; bit++) {
    const flipped = Buffer.from(stream);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    const got = decode(pool, flipped, [bit >> 3], 4096);
    if (got.error !== null && !(got.error instanceof PipeError)) t.fail(`bit ${bit}: ${got.error}`);
    if (pool.out !== 0) t.fail(`bit ${bit}: leak`);
  }
});

t.test('the hint ends reads where messages end, and never asks for nothing or too much', async (t) => {
  const sizes = fc.array(fc.nat({ max: 2000 }), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 5000 }), fc.nat(), (lengths, most, cut) => {
      const pool = new SlabPool();
      const stream = Buffer.concat(lengths.map((length) => encode(pool, Buffer.alloc(length))));
      const decoder = new DatagramDecoder(pool, 4096);
      decoder.push(pool.copy(stream.subarray(0, cut % (stream.length + 1))));
      for (let message = decoder.next(); message !== null; message = decoder.next()) message.release();
      const hint = decoder.readHint(most);
      decoder.clear();
      return hint >= 1 && hint <= most && pool.out === 0;
    }),
    propertyOptions(500),
  );
  const pool = new SlabPool();
  const decoder = new DatagramDecoder(pool, 4096);
  const frame = encode(pool, Buffer.alloc(1000));
  decoder.push(pool.copy(Buffer.concat([frame, frame.subarray(0, 402)])));
  decoder.next()?.release();
  t.equal(decoder.next(), null);
  t.equal(decoder.readHint(5000), 600 + 4 * frame.length);
  decoder.clear();
  t.equal(pool.out, 0);
});

t.test('memory for a message grows as it comes, and a promise alone gets none', async (t) => {
  const pool = new WatchedPool();
  const length = 250_000;
  const stream = encode(pool, new Random(2).bytes(length));
  const decoder = new DatagramDecoder(pool, 2 ** 20);
  const say = (from: number, to: number) => {
    decoder.push(pool.copy(stream.subarray(from, to)));
    pool.largest = 0;
    return decoder.next();
  };
  t.equal(say(0, 3), null);
  t.equal(pool.largest, 0, 'the length came, and nothing was taken for the message');
  t.equal(pool.out, 0);
  let message: Chunk | null = null;
  for (let at = 3; at < stream.length; at += 100) {
    const come = Math.min(stream.length, at + 100) - 3;
    message = say(at, at + 100);
    if (pool.largest > Math.max(2048, 8 * come)) t.fail(`${pool.largest} bytes taken when ${come} had come`);
    if (pool.out > 1) t.fail(`${pool.out} slabs at ${come}`);
  }
  t.equal(message?.length, length);
  t.ok(message?.view().equals(stream.subarray(3)));
  message?.release();
  t.equal(pool.out, 0);

  const half = stream.length >> 1;
  say(0, half);
  t.equal(pool.largest, length, 'half of it in one read: the rest is waited for in its place');
  decoder.clear();
  t.equal(pool.out, 0);
});

t.test('errors quote how the stream began, and doubt the peer until it has said one message', async (t) => {
  for (const [bytes, words] of [
    [
      '\u0001a\u0080\u0080\u0080\u0080\u0080',
      /not a LEB128 number; the connection began with "\\x01a(\\x80){5}"$/,
    ],
    [
      '\u00ff"\\\u0000~',
      /of \d+ bytes, .*; the connection began with "\\xff\\x22\\x5c\\x00~": is the other side a tcp-proxy/,
    ],
  ] as const) {
    const pool = new SlabPool();
    const { error } = decode(pool, Buffer.from(bytes, 'latin1'), [1], 1000);
    t.match((error as PipeError).message, words);
    t.equal(pool.out, 0);
  }
});

t.test('what is something else is refused before a byte of it is a message', async (t) => {
  const hello = Buffer.concat([Buffer.from('16030100f8010000f40303', 'hex'), Buffer.alloc(240, 7)]);
  for (const [name, bytes] of [
    ['SSH', 'SSH-2.0-OpenSSH_9.2p1 Debian\r\n'],
    ['HTTP', 'GET / HTTP/1.1\r\nHost: example.org\r\n\r\n'],
    ['HTTP', 'POST http://example.org/ HTTP/1.1\r\n'],
    ['HTTP', 'CONNECT example.org:443 HTTP/1.1\r\n'],
    ['HTTP', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n'],
    ['TLS', hello],
    ["the PROXY protocol (a load balancer's)", 'PROXY TCP4 192.0.2.1 192.0.2.2 5 6\r\n'],
    ["the PROXY protocol (a load balancer's)", '\r\n\r\n\0\r\nQUIT\n\u0021\u0011'],
  ] as const) {
    const stream = Buffer.from(bytes as string, 'latin1');
    for (const cuts of [[], [1], [2, 3], Array.from({ length: 20 }, (_, i) => i)]) {
      const pool = new SlabPool();
      const { messages, error } = decode(pool, stream, cuts, 2 ** 20, protocolOf);
      t.match((error as PipeError | null)?.message, `the other side speaks ${name}, not tcp-proxy's framing`);
      t.same(messages, [], name);
      t.equal(pool.out, 0);
    }
  }
});

t.test('what apps say first through a pair is none of that', async (t) => {
  const pool = new SlabPool();
  for (const text of [
    'SSH-2.0-x\r\n',
    'GET / HTTP/1.1\r\n\r\n',
    'HTTP/1.1 200 OK\r\n',
    'PROXY TCP4 1',
    '',
    'ET /',
    '\u0003\u0001',
  ]) {
    const stream = Buffer.concat([encode(pool, Buffer.from(text)), encode(pool, Buffer.from('GET / more'))]);
    for (const cuts of [[], [1], [stream.length - 11]]) {
      const got = decode(pool, stream, cuts, 1000, protocolOf);
      t.equal(got.error, null, text);
      t.equal(got.messages.length, 2);
    }
  }
  const openings = fc.uint8Array({ minLength: 1, maxLength: 300 });
  const passes = (first: Uint8Array) =>
    decode(pool, encode(pool, first), [], 1000, protocolOf).error === null;
  fc.assert(fc.property(openings, passes), propertyOptions(2000));
});
