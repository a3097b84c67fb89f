/** Goal: every frame survives the wire, and whatever else is on it ends in a PipeError. */
import fc from 'fast-check';
import t from 'tap';
import type { Chunk } from '../../../src/core/chunk.ts';
import { PipeError } from '../../../src/core/errors.ts';
import { SlabPool } from '../../../src/core/pool.ts';
import {
  ACK,
  FIN,
  FRAME_BYTES,
  type Frame,
  frameLength,
  GOAWAY,
  isAcknowledged,
  MAX_OFFSET,
  OPEN,
  PING,
  PONG,
  RESET_STREAM,
  readFrame,
  STOP_SENDING,
  STREAM,
  TEXT_MAX_BYTES,
  writeFrame,
} from '../../../src/layer/trunk/codec.ts';
import { propertyOptions } from '../../helpers/random.ts';

const pool = new SlabPool();
const TYPES = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const REASONED = [RESET_STREAM, STOP_SENDING, GOAWAY];

function encode(frames: readonly Frame[], data: Uint8Array = Buffer.alloc(0)): Buffer {
  const length = frames.reduce((sum, { text }) => sum + frameLength(text), 0);
  const into = Buffer.alloc(length + data.length, 0xee);
  let at = 0;
  for (const { type, flags, id, value, text } of frames)
    at = writeFrame(into, at, type, flags, id, value, text.length === 0 ? null : text);
  if (at !== length) throw new Error('frameLength() and writeFrame() differ');
  into.set(data, at);
  return into;
}

/** All frames, and the data behind a STREAM. Always gives its chunk back. */
function decode(bytes: Uint8Array): { frames: Frame[]; data: Buffer } {
  const chunk: Chunk = pool.copy(bytes);
  try {
    const frames: Frame[] = [];
    while (chunk.length > 0) {
      const frame = readFrame(chunk);
      frames.push(frame);
      if (frame.type === STREAM) break;
    }
    return { frames, data: Buffer.from(chunk.view()) };
  } finally {
    chunk.release();
  }
}

/** Null for what is malformed; anything but that PipeError comes through. */
function attempt(bytes: Uint8Array): ReturnType<typeof decode> | null {
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof PipeError && error.code === 'malformed') return null;
    throw error;
  }
}

const text = fc.uint8Array({ maxLength: TEXT_MAX_BYTES }).map((bytes) => Buffer.from(bytes));
const NO_TEXT = Buffer.alloc(0);

const frame = (type: number): fc.Arbitrary<Frame> =>
  fc
    .record({
      flags:
        type === STREAM
          ? fc.nat({ max: 3 })
          : REASONED.includes(type)
            ? fc.nat({ max: 255 })
            : fc.constant(0),
      id: fc.nat({ max: 0xffff_ffff }),
      value: fc.maxSafeNat(),
      text,
    })
    .map((part) => {
      const worded = REASONED.includes(type) || (type === STREAM && (part.flags & OPEN) !== 0);
      return { ...part, type, text: worded ? part.text : NO_TEXT };
    });

const datagram = fc.record({
  frames: fc
    .tuple(
      fc.array(fc.constantFrom(...TYPES.filter((type) => type !== STREAM)).chain(frame), { maxLength: 5 }),
      fc.option(frame(STREAM)),
    )
    .map(([control, stream]) => (stream === null ? control : [...control, stream])),
  data: fc.uint8Array({ maxLength: 100 }),
});

t.test('round trip of datagrams', async (t) => {
  fc.assert(
    fc.property(datagram, ({ frames, data }) => {
      const streams = frames.at(-1)?.type === STREAM;
      const bytes = encode(frames, streams ? data : NO_TEXT);
      const back = decode(bytes);
      t.same(back.frames, frames);
      return !streams || back.data.equals(data);
    }),
    propertyOptions(500),
  );
  t.equal(pool.out, 0);
});

t.test('cut short anywhere: never more than what was there, never a surprise', async () => {
  fc.assert(
    fc.property(datagram, ({ frames, data }) => {
      const bytes = encode(frames, data);
      for (let length = 0; length < bytes.length; length++) {
        const got = attempt(bytes.subarray(0, length));
        if (got !== null && got.frames.length > frames.length) return false;
      }
      return pool.out === 0;
    }),
    propertyOptions(50),
  );
});

t.test('every bit flipped, and noise', async () => {
  fc.assert(
    fc.property(datagram, ({ frames, data }) => {
      const bytes = encode(frames, data);
      for (let bit = 0; bit < 8 * bytes.length; bit++) {
        const flip = 1 << (bit & 7);
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ flip;
        attempt(bytes);
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ flip;
      }
      return pool.out === 0;
    }),
    propertyOptions(20),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      attempt(bytes);
      return pool.out === 0;
    }),
    propertyOptions(2000),
  );
});

t.test('the example of docs/wire.md', async (t) => {
  const bytes = Buffer.from('0102000000000002000000000001117068656c6c6f', 'hex');
  const written = { type: STREAM, flags: FIN, id: 2, value: 70_000, text: NO_TEXT };
  t.equal(encode([written], Buffer.from('hello')).toString('hex'), bytes.toString('hex'));
  const { frames, data } = decode(bytes);
  t.same(frames, [written]);
  t.equal(data.toString(), 'hello');
});

t.test('a frame may not say what its type does not mean', async (t) => {
  const bad = (part: Partial<Frame>) =>
    attempt(encode([{ type: PING, flags: 0, id: 0, value: 0, text: NO_TEXT, ...part }])) === null;
  for (const type of [0, 11, 255]) t.ok(bad({ type }), `type ${type}`);
  for (const flags of [4, 7, 255]) t.ok(bad({ type: STREAM, flags }), `STREAM with flags ${flags}`);
  for (const type of [4, 5, 6, 7, 8]) t.ok(bad({ type, flags: 1 }), `type ${type} with a flag`);
  for (const type of [4, 5, 6, 7, 8]) t.ok(bad({ type, text: Buffer.from('x') }), `type ${type} with a text`);
  t.ok(bad({ type: STREAM, flags: FIN, text: Buffer.from('x') }), 'a label without OPEN');
  t.ok(bad({ type: GOAWAY, text: Buffer.alloc(TEXT_MAX_BYTES + 1) }), 'a text that is too long');
  t.notOk(bad({ type: GOAWAY, text: Buffer.alloc(TEXT_MAX_BYTES) }));
  const most = encode([{ type: PONG, flags: 0, id: 0, value: MAX_OFFSET, text: NO_TEXT }]);
  t.equal(decode(most).frames[0]?.value, MAX_OFFSET);
  most.writeBigUInt64BE(2n ** 53n, 8);
  t.equal(attempt(most), null, 'a value above 2^53 - 1');
});

t.test('what is acknowledged', async (t) => {
  t.same(
    TYPES.filter((type) => !isAcknowledged(type)),
    [ACK, PING, PONG],
  );
  t.equal(FRAME_BYTES, 16);
});
