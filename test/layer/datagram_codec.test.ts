/** Goal: the framing survives every split of the stream, and nothing that a peer sends makes it crash or allocate. */
import fc from 'fast-check';
import t from 'tap';
import type { Chunk, Slab } from '../../src/core/chunk.ts';
import { PipeError } from '../../src/core/errors.ts';
import { SlabPool } from '../../src/core/pool.ts';
import { DatagramDecoder, encodeMessage, HEADER_MAX_BYTES } from '../../src/layer/datagram/codec.ts';
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
): { messages: Buffer[]; error: unknown; inMessage: boolean } {
  const decoder = new DatagramDecoder(pool, max);
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
