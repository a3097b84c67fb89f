/** Goal: a stream's bytes come out once and in order however they came in, and lies end in a PipeError. */
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { PipeError } from '../../../src/core/errors.ts';
import { SlabPool } from '../../../src/core/pool.ts';
import { ReceiveStream } from '../../../src/layer/trunk/receive.ts';
import { propertyOptions, Random } from '../../helpers/random.ts';

const LIMIT = 1 << 20;

function make(limit = LIMIT) {
  const pool = new SlabPool();
  const stream = new ReceiveStream(pool, limit);
  const push = (offset: number, bytes: Uint8Array, fin = false) => stream.push(offset, pool.copy(bytes), fin);
  return { pool, stream, push };
}

function drain(stream: ReceiveStream, max = Number.POSITIVE_INFINITY): Buffer {
  const parts: Buffer[] = [];
  for (let chunk = stream.read(max); chunk !== null; chunk = stream.read(max)) {
    parts.push(Buffer.from(chunk.view()));
    chunk.release();
  }
  return Buffer.concat(parts);
}

/** A PipeError, and nothing is kept of what was refused. */
function refused(t: Test, what: RegExp, { pool, stream }: ReturnType<typeof make>, work: () => void): void {
  try {
    work();
    t.fail('was taken');
  } catch (error) {
    t.ok(error instanceof PipeError);
    t.match(error, { code: 'malformed', message: what });
  }
  stream.clear();
  t.equal(pool.out, 0, 'all slabs are back');
}

/** Pieces that cover the string: some overlap, some come twice, in any order. */
const delivery = fc.record({
  bytes: fc.uint8Array({ maxLength: 6000 }).map((bytes) => Buffer.from(bytes)),
  cuts: fc.array(fc.nat({ max: 6000 }), { maxLength: 60 }),
  copies: fc.array(fc.tuple(fc.nat({ max: 6000 }), fc.nat({ max: 3000 })), { maxLength: 20 }),
  seed: fc.nat(),
  max: fc.integer({ min: 1, max: 7000 }),
});

t.test('any segmentation, duplication, overlap and order', async () => {
  fc.assert(
    fc.property(delivery, ({ bytes, cuts, copies, seed, max }) => {
      const random = new Random(seed);
      const total = bytes.length;
      const edges = [0, ...cuts.map((cut) => Math.min(cut, total)), total].sort((a, b) => a - b);
      const pieces = edges.slice(1).map((end, i) => [edges[i] as number, end] as const);
      for (const [start, length] of copies)
        pieces.push([Math.min(start, total), Math.min(start + length, total)]);
      for (let i = pieces.length - 1; i > 0; i--) {
        const j = random.int(0, i);
        [pieces[i], pieces[j]] = [pieces[j] as [number, number], pieces[i] as [number, number]];
      }
      const { pool, stream, push } = make(total);
      const got: Buffer[] = [];
      let grown = 0;
      for (const [start, end] of pieces) {
        // FIN may come on any copy of the last piece.
        grown += push(start, bytes.subarray(start, end), end === total);
        if (stream.highest !== grown) return false;
        if (random.chance(0.3)) got.push(drain(stream, max));
      }
      got.push(drain(stream, max));
      const whole = Buffer.concat(got).equals(bytes);
      return whole && stream.atEnd && stream.bufferedBytes === 0 && grown === total && pool.out === 0;
    }),
    propertyOptions(1000),
  );
});

t.test('segments of one large datagram, by reference', async (t) => {
  const { pool, stream } = make();
  const bytes = new Random(1).bytes(60_000);
  const whole = pool.copy(bytes);
  const parts = Array.from({ length: 60 }, () => whole.split(1000));
  whole.release();
  for (let i = 59; i >= 0; i--) stream.push(i * 1000, parts[i] as (typeof parts)[number], i === 59);
  t.ok(drain(stream).equals(bytes));
  t.equal(pool.out, 0);
});

t.test('other bytes at the same offset, early', async (t) => {
  const made = make();
  made.push(10, Buffer.from('abcdef'));
  refused(t, /other bytes/, made, () => made.push(12, Buffer.from('cdeX')));
  const around = make();
  around.push(10, Buffer.from('b'));
  around.push(20, Buffer.from('c'));
  refused(t, /other bytes/, around, () => around.push(5, Buffer.from('aaaaabaaaaaaaaaXaaaa')));
});

t.test('beyond the credit, also by FIN, also at the greatest offset', async (t) => {
  for (const [offset, length] of [
    [96, 5],
    [101, 0],
    [Number.MAX_SAFE_INTEGER, 10],
  ] as const) {
    const made = make(100);
    refused(t, /credit/, made, () => made.push(offset, Buffer.alloc(length), true));
  }
  const made = make(100);
  t.equal(made.push(95, Buffer.alloc(5)), 5 + 95);
  made.stream.grant(90);
  t.equal(made.stream.limit, 100, 'credit is never taken back');
  made.stream.grant(101);
  made.push(100, Buffer.alloc(1));
  refused(t, /credit/, made, () => made.stream.reset(102));
});

t.test('an end that moves, data behind it, an end in front of data', async (t) => {
  for (const [offset, length, fin] of [
    [0, 11, true],
    [0, 9, true],
    [10, 1, false],
    [500, 0, false],
  ] as const) {
    const made = make();
    made.push(5, Buffer.alloc(5), true);
    refused(t, /the end/, made, () => made.push(offset, Buffer.alloc(length), fin));
  }
  const early = make();
  early.push(5, Buffer.alloc(5));
  refused(t, /the end/, early, () => early.push(0, Buffer.alloc(8), true));
  const reset = make();
  reset.push(5, Buffer.alloc(5));
  refused(t, /the end/, reset, () => reset.stream.reset(9));
});

t.test('a reset keeps what is in order, and nothing else', async (t) => {
  const { pool, stream, push } = make();
  push(0, Buffer.from('read'));
  push(10, Buffer.from('lost'));
  t.equal(stream.reset(100), 100 - 14);
  t.equal(stream.highest, 100);
  t.equal(stream.earlyBytes, 0);
  t.equal(drain(stream).toString(), 'read');
  t.notOk(stream.atEnd);
  t.equal(pool.out, 0);
});

t.test('too many pieces with gaps', async (t) => {
  const made = make();
  refused(t, /pieces/, made, () => {
    for (let i = 1; i < 10_000; i++) made.push(2 * i, Buffer.from('x'));
  });
  // The one that is too many is the front of a piece that goes on behind others.
  const split = make();
  for (let i = 0; i < 4096; i++) split.push(4 + 2 * i, Buffer.from('x'));
  refused(t, /pieces/, split, () => split.push(2, Buffer.from('xxxx')));
  const through = make();
  for (let i = 0; i < 4096; i++) through.push(4000 + 2 * i, Buffer.alloc(1));
  refused(t, /pieces/, through, () => through.push(1000, Buffer.alloc(3002 + 1)));
});

t.test('bulk behind one gap is no crowd of gaps, however many pieces it has', async (t) => {
  const SIZE = 2000;
  for (const step of [1, -1]) {
    const made = make(1 << 24);
    const order = Array.from({ length: 6000 }, (_, i) => (step > 0 ? i : 5999 - i));
    for (const i of order) made.push(1 + i * SIZE, Buffer.alloc(SIZE, i));
    t.equal(made.stream.earlyBytes, 6000 * SIZE);
    made.push(0, Buffer.alloc(1));
    t.equal(drain(made.stream).length, 1 + 6000 * SIZE);
    // The gaps that there were do not count any more.
    const base = 1 + 6000 * SIZE;
    for (let i = 1; i <= 4096; i++) made.push(base + 2 * i, Buffer.from('x'));
    refused(t, /pieces/, made, () => made.push(base + 2 * 4097, Buffer.from('x')));
  }
});

t.test('many pieces too small for their cost are refused, also without gaps between them', async (t) => {
  const made = make();
  refused(t, /pieces/, made, () => {
    for (let i = 10_000; i > 0; i--) made.push(i, Buffer.from('x'));
  });
});

t.test('tiny pieces do not pin more than a few times their bytes', async (t) => {
  const orders: Record<string, (i: number) => number> = {
    'in order': (i) => i,
    'behind a gap': (i) => 1 + i,
  };
  for (const [name, offsetOf] of Object.entries(orders)) {
    for (const size of [1, 7, 100, 1024]) {
      const { pool, stream } = make(1 << 22);
      const count = Math.ceil(300_000 / size);
      for (let i = 0; i < count; i++) {
        // As it comes from a socket: a slice of a large read.
        const read = pool.take(200_000);
        const piece = read.split(size);
        read.release();
        piece.memory.fill(1, piece.start, piece.end);
        stream.push(offsetOf(i * size), piece, false);
      }
      const pinned = pool.heldBytes;
      t.ok(pinned < 4 * count * size, `${name}, ${size} bytes each: ${pinned} of ${count * size}`);
      stream.clear();
      t.equal(pool.out, 0);
    }
  }
});
