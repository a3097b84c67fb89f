/** Goal: chunks own their slab together, exactly once each, and never write into what another chunk shows. */
import t from 'tap';
import { type Chunk, Slab, type SlabOwner } from '../../src/core/chunk.ts';
import { HEADROOM, SlabPool } from '../../src/core/pool.ts';
import { Random, seeds } from '../helpers/random.ts';

const text = (chunk: Chunk) => chunk.view().toString('latin1');

t.test('a chunk shows its bytes, and headroom in front', async (t) => {
  const pool = new SlabPool();
  const chunk = pool.copy(Buffer.from('hello'));
  t.equal(chunk.length, 5);
  t.equal(chunk.headroom, HEADROOM);
  t.equal(text(chunk), 'hello');
  chunk.prepend(2);
  chunk.memory.write('> ', chunk.start, 'latin1');
  t.equal(text(chunk), '> hello');
  t.equal(chunk.headroom, HEADROOM - 2);
  chunk.consume(4);
  t.equal(text(chunk), 'llo');
  t.equal(chunk.headroom, HEADROOM + 2, 'what was consumed is headroom');
  chunk.release();
  t.equal(pool.out, 0);
});

t.test('more headroom or bytes than there are', async (t) => {
  const pool = new SlabPool();
  const chunk = pool.copy(Buffer.from('abc'));
  t.throws(() => chunk.prepend(HEADROOM + 1), RangeError);
  t.throws(() => chunk.consume(4), RangeError);
  t.throws(() => chunk.split(4), RangeError);
  t.equal(text(chunk), 'abc', 'nothing has changed');
  t.equal(pool.out, 1);
  chunk.consume(3);
  t.equal(chunk.length, 0);
  chunk.release();
  t.equal(pool.out, 0);
});

t.test('released twice, or used after release', async (t) => {
  const pool = new SlabPool();
  const chunk = pool.copy(Buffer.from('abc'));
  t.equal(chunk.released, false);
  chunk.release();
  t.equal(chunk.released, true);
  for (const use of [
    () => chunk.release(),
    () => chunk.view(),
    () => chunk.memory,
    () => chunk.share(),
    () => chunk.split(1),
  ]) {
    t.throws(use, /after release/);
  }
  t.equal(pool.out, 0, 'the pool got it back once');
});

t.test('split: two chunks, one slab, which goes home with the last', async (t) => {
  const pool = new SlabPool();
  const rest = pool.copy(Buffer.from('headbody'));
  const front = rest.split(4);
  t.equal(text(front), 'head');
  t.equal(text(rest), 'body');
  t.equal(front.headroom, HEADROOM, 'the headroom goes with the front');
  t.equal(rest.headroom, 0, 'in front of the rest is the front');
  t.throws(() => rest.prepend(1), RangeError);
  t.equal(pool.out, 1);
  rest.release();
  t.equal(pool.out, 1);
  t.equal(text(front), 'head');
  front.release();
  t.equal(pool.out, 0);
});

t.test('split at both ends', async (t) => {
  const pool = new SlabPool();
  const chunk = pool.copy(Buffer.from('ab'));
  const nothing = chunk.split(0);
  t.equal(nothing.length, 0);
  t.equal(text(chunk), 'ab');
  nothing.prepend(3);
  nothing.memory.fill(0x78, nothing.start, nothing.end);
  t.equal(text(chunk), 'ab', 'the headroom of an empty front is in front of the rest');
  const all = chunk.split(2);
  t.equal(text(all), 'ab');
  t.equal(chunk.length, 0);
  for (const one of [nothing, chunk, all]) one.release();
  t.equal(pool.out, 0);
});

t.test('share: the same bytes; the headroom stays with the first', async (t) => {
  const pool = new SlabPool();
  const chunk = pool.copy(Buffer.from('data'));
  const second = chunk.share();
  t.equal(second.headroom, 0);
  chunk.prepend(1);
  chunk.memory[chunk.start] = 0x21;
  t.equal(text(chunk), '!data');
  t.equal(text(second), 'data');
  chunk.consume(3);
  t.equal(text(second), 'data', 'its ends are its own');
  chunk.release();
  t.equal(text(second), 'data');
  t.equal(pool.out, 1);
  second.release();
  t.equal(pool.out, 0);
});

t.test('a slab goes to its owner once, whoever lets go last', async (t) => {
  const home: Slab[] = [];
  const owner: SlabOwner = { reclaim: (slab) => home.push(slab) };
  for (const seed of seeds(200)) {
    const random = new Random(seed);
    const pool = new SlabPool();
    const chunks = [pool.copy(random.bytes(64))];
    for (let i = 0; i < 12; i++) {
      const chunk = random.pick(chunks);
      chunks.push(random.chance(0.5) ? chunk.share() : chunk.split(random.int(0, chunk.length)));
    }
    while (chunks.length > 0) {
      if (pool.out !== 1) t.fail(`seed ${seed}: ${pool.out} slabs are out`);
      chunks.splice(random.int(0, chunks.length - 1), 1)[0]?.release();
    }
    if (pool.out !== 0) t.fail(`seed ${seed}: ${pool.out} slabs are out at the end`);
  }
  const slab = new Slab(Buffer.alloc(8), owner, -1);
  t.equal(slab.references, 1);
  t.same(home, []);
});

t.test('writing into headroom never shows in another chunk of the slab', async (t) => {
  for (const seed of seeds(500)) {
    const random = new Random(seed);
    const pool = new SlabPool();
    const bytes = random.bytes(200);
    const parts: { chunk: Chunk; expected: Buffer }[] = [{ chunk: pool.copy(bytes), expected: bytes }];
    for (let i = 0; i < 20; i++) {
      const part = random.pick(parts);
      const action = random.int(0, 3);
      if (action === 0) {
        const at = random.int(0, part.expected.length);
        parts.push({ chunk: part.chunk.split(at), expected: part.expected.subarray(0, at) });
        part.expected = part.expected.subarray(at);
      } else if (action === 1) {
        const header = random.bytes(random.int(0, Math.min(5, part.chunk.headroom)));
        part.chunk.prepend(header.length);
        header.copy(part.chunk.memory, part.chunk.start);
        part.expected = Buffer.concat([header, part.expected]);
      } else if (action === 2) {
        // As headroom is written by its owner only, whoever consumes must be alone with these bytes: no sharing here.
        const count = random.int(0, part.expected.length);
        part.chunk.consume(count);
        part.expected = part.expected.subarray(count);
      } else if (!part.chunk.view().equals(part.expected)) {
        t.fail(`seed ${seed}: somebody wrote into a chunk`);
      }
    }
    const wrong = parts.filter(({ chunk, expected }) => !chunk.view().equals(expected));
    if (wrong.length > 0) t.fail(`seed ${seed}: ${wrong.length} chunks changed`);
    for (const { chunk } of parts) chunk.release();
    if (pool.out !== 0) t.fail(`seed ${seed}: leak`);
  }
});
