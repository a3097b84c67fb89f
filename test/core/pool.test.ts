/** Goal: the pool hands out slabs of the right size, uses them again, keeps no more than its limit, and counts. */
import t from 'tap';
import { HEADROOM, LARGEST_CHUNK, SlabPool } from '../../src/core/pool.ts';

const CLASSES = [512, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072, 262_144];

t.test('each length gets the smallest class that holds it', async (t) => {
  const pool = new SlabPool();
  for (const [length, size] of [
    [0, 512],
    [1, 512],
    [512, 512],
    [513, 2048],
    [2049, 4096],
    [16_385, 32_768],
    [65_536, 65_536],
    [131_073, 262_144],
    [262_144, 262_144],
    [262_145, 262_145],
  ] as const) {
    const chunk = pool.take(length);
    t.equal(chunk.length, length);
    t.equal(chunk.headroom, HEADROOM);
    t.equal(chunk.memory.length, size + HEADROOM, `${length} bytes`);
    chunk.release();
  }
  t.equal(LARGEST_CHUNK, CLASSES.at(-1));
  t.equal(pool.out, 0);
});

t.test('slabs are used again, the warm one first', async (t) => {
  const pool = new SlabPool();
  const first = pool.take(100);
  const second = pool.take(100);
  const [one, two] = [first.memory, second.memory];
  first.release();
  second.release();
  t.equal(pool.freeBytes, 2 * (512 + HEADROOM));
  t.equal(pool.heldBytes, 0);
  const again = pool.take(5);
  t.equal(pool.heldBytes, 512 + HEADROOM, 'the whole slab counts, however little of it is used');
  t.equal(again.memory, two);
  const other = pool.take(5);
  t.equal(other.memory, one);
  t.equal(pool.freeBytes, 0);
  again.release();
  other.release();
  t.equal(pool.out, 0);
});

t.test(
  'no more than keepBytes of each class is kept, twice that of all, and nothing of what is larger',
  async (t) => {
    const keepBytes = 70_000;
    const pool = new SlabPool({ keepBytes });
    for (const size of CLASSES) {
      const free = pool.freeBytes;
      const chunks = Array.from({ length: 200 }, () => pool.take(size));
      t.equal(pool.heldBytes, 200 * (size + HEADROOM));
      for (const chunk of chunks) chunk.release();
      const most = Math.floor(keepBytes / size) * (size + HEADROOM);
      t.ok(pool.freeBytes - free <= most, `${size} bytes: ${pool.freeBytes - free} kept`);
      t.ok(pool.freeBytes <= 2 * keepBytes);
    }
    t.ok(pool.freeBytes > keepBytes, `${pool.freeBytes} bytes are kept`);
    const free = pool.freeBytes;
    pool.take(300_000).release();
    t.equal(pool.freeBytes, free);
    t.same([pool.out, pool.heldBytes], [0, 0]);
  },
);

t.test('a pool that keeps nothing still works', async (t) => {
  const pool = new SlabPool({ keepBytes: 0 });
  pool.copy(Buffer.from('x')).release();
  t.equal(pool.freeBytes, 0);
  t.equal(pool.out, 0);
});

t.test('seal: a small result leaves the large slab behind', async (t) => {
  const pool = new SlabPool();
  for (const [got, room] of [
    [0, 512],
    [1, 512],
    [2048, 2048],
    [32_768, 32_768],
    [32_769, 262_144],
    [262_144, 262_144],
  ] as const) {
    const slab = pool.borrow(LARGEST_CHUNK);
    slab.bytes.fill(7, HEADROOM, HEADROOM + got);
    t.equal(pool.out, 1);
    const chunk = pool.seal(slab, got);
    t.equal(pool.out, 1, 'one slab for the chunk, none besides');
    t.equal(chunk.length, got);
    t.equal(chunk.memory.length - HEADROOM, room, `${got} bytes`);
    t.equal(chunk.headroom, HEADROOM);
    t.ok(chunk.view().every((byte) => byte === 7));
    chunk.release();
  }
  const small = pool.borrow(1);
  const chunk = pool.seal(small, 1);
  t.equal(chunk.memory, small.bytes, 'the smallest class is never copied');
  chunk.release();
  t.equal(pool.out, 0);
});

t.test('a borrowed slab that found nothing goes back', async (t) => {
  const pool = new SlabPool();
  const slab = pool.borrow(1000);
  t.equal(pool.out, 1);
  pool.reclaim(slab);
  t.equal(pool.out, 0);
  const chunk = pool.take(1000);
  t.equal(chunk.memory, slab.bytes);
  chunk.share().release();
  t.equal(pool.out, 1, 'a slab that was reclaimed counts from one again');
  chunk.release();
  t.equal(pool.out, 0);
});

t.test('wrap: counted, not copied, not kept', async (t) => {
  const pool = new SlabPool();
  const outer = new Uint8Array(16).fill(1);
  const chunk = pool.wrap(outer.subarray(4, 8));
  t.equal(chunk.length, 4);
  t.equal(chunk.headroom, 0, 'what lies before it belongs to somebody else');
  outer[4] = 9;
  t.same([...chunk.view()], [9, 1, 1, 1]);
  t.same([pool.out, pool.heldBytes], [1, 4]);
  chunk.release();
  t.same([pool.out, pool.heldBytes, pool.freeBytes], [0, 0, 0]);
});

t.test('compact: what waits pins no more than it should', async (t) => {
  const pool = new SlabPool();
  const pieceOf = (slab: number, length: number) => {
    const whole = pool.take(slab);
    const piece = whole.split(length);
    whole.release();
    return piece;
  };
  t.equal(pool.compact(pieceOf(65_536, 9000)).pinnedBytes, 65_536 + HEADROOM, 'as much as an eighth stays');
  t.equal(pool.compact(pieceOf(65_536, 8000)).pinnedBytes, 8192 + HEADROOM);
  t.equal(pool.compactTight(pieceOf(65_536, 9000)).pinnedBytes, 16_384 + HEADROOM);
  t.equal(pool.compactTight(pieceOf(65_536, 1)).pinnedBytes, 512 + HEADROOM);
  const whole = pool.take(262_144);
  const first = whole.split(65_536);
  t.equal(pool.compact(first), first, 'bulk is shared');
  const own = pool.compactTight(first);
  t.equal(own.pinnedBytes, 65_536 + HEADROOM, 'unless memory is short');
  own.release();
  whole.release();
});

t.test('sealPieces: chunks of one slab, each with its own headroom', async (t) => {
  const pool = new SlabPool();
  const slab = pool.borrow(262_144);
  const chunks = pool.sealPieces(slab, 2500, 1000);
  t.same(
    chunks.map(({ start, length, headroom }) => [start, length, headroom]),
    [
      [3 * HEADROOM + 2000, 500, HEADROOM],
      [2 * HEADROOM + 1000, 1000, HEADROOM],
      [HEADROOM, 1000, HEADROOM],
    ],
    'the last one first',
  );
  t.equal(pool.out, 1);
  for (const chunk of chunks) {
    t.equal(pool.out, 1, 'the last of them takes the slab home');
    chunk.release();
  }
  t.equal(pool.out, 0);
});
