/** Goal: the pool hands out slabs of the right size, uses them again, keeps no more than its limit, and counts. */
import t from 'tap';
import { HEADROOM, LARGEST_CHUNK, SlabPool } from '../../src/core/pool.ts';

const CLASSES = [2048, 16_384, 65_536, 262_144];

t.test('each length gets the smallest class that holds it', async (t) => {
  const pool = new SlabPool();
  for (const [length, size] of [
    [0, 2048],
    [1, 2048],
    [2048, 2048],
    [2049, 16_384],
    [16_385, 65_536],
    [65_537, 262_144],
    [262_144, 262_144],
    [262_145, 262_145],
  ] as const) {
    const chunk = pool.take(length);
    t.equal(chunk.length, length);
    t.equal(chunk.headroom, HEADROOM);
    t.equal(chunk.memory.length, size + HEADROOM, `${length} bytes`);
    chunk.release();
  }
  t.equal(LARGEST_CHUNK, CLASSES[3]);
  t.equal(pool.out, 0);
});

t.test('slabs are used again, the warm one first', async (t) => {
  const pool = new SlabPool();
  const first = pool.take(100);
  const second = pool.take(100);
  const [one, two] = [first.memory, second.memory];
  first.release();
  second.release();
  t.equal(pool.freeBytes, 2 * (2048 + HEADROOM));
  const again = pool.take(5);
  t.equal(again.memory, two);
  const other = pool.take(5);
  t.equal(other.memory, one);
  t.equal(pool.freeBytes, 0);
  again.release();
  other.release();
  t.equal(pool.out, 0);
});

t.test('no more than keepBytes of each class is kept, and nothing of what is larger', async (t) => {
  const pool = new SlabPool({ keepBytes: 70_000 });
  const chunks = [...CLASSES, 300_000].flatMap((size) => Array.from({ length: 50 }, () => pool.take(size)));
  t.equal(pool.out, 250);
  for (const chunk of chunks) chunk.release();
  t.equal(pool.out, 0);
  const kept = [34, 4, 1, 0].reduce((sum, n, i) => sum + n * ((CLASSES[i] as number) + HEADROOM), 0);
  t.equal(pool.freeBytes, kept);
});

t.test('a pool that keeps nothing still works', async (t) => {
  const pool = new SlabPool({ keepBytes: 0 });
  pool.copy(Buffer.from('x')).release();
  t.equal(pool.freeBytes, 0);
  t.equal(pool.out, 0);
});

t.test('seal: a small result leaves the large slab behind', async (t) => {
  const pool = new SlabPool();
  for (const [got, room] of [
    [0, 2048],
    [1, 2048],
    [2048, 2048],
    [32_768, 65_536],
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
  t.equal(pool.out, 1);
  chunk.release();
  t.equal(pool.out, 0);
  t.equal(pool.freeBytes, 0);
});
