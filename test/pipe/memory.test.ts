/** Goal: the memory pipe keeps the contract, since simulations and the tests of all other layers stand on it. */
import t from 'tap';
import { SlabPool } from '../../src/core/pool.ts';
import { memoryPair } from '../../src/pipe/memory.ts';
import { testPipe } from '../contract/suite.ts';
import { MEMORY } from '../contract/traits.ts';

testPipe(t, 'bytes', async () => memoryPair('bytes'), { kind: 'bytes', ...MEMORY });

testPipe(
  t,
  'bytes, cut anywhere, in little room',
  async ({ random }) =>
    memoryPair('bytes', { capacity: random.int(4000, 20_000), cut: (available) => random.int(1, available) }),
  { kind: 'bytes', ...MEMORY },
);

testPipe(t, 'messages', async () => memoryPair('messages'), { kind: 'messages', ...MEMORY });

testPipe(
  t,
  'messages of limited size',
  async () => memoryPair('messages', { maxSend: 8000, capacity: 12_000 }),
  {
    kind: 'messages',
    ...MEMORY,
  },
);

t.test('the sender of very small chunks is stopped, too: each holds a slab', async (t) => {
  const pool = new SlabPool();
  const [a, b] = memoryPair('bytes');
  let sent = 0;
  for (; a.writable; sent++) a.send(pool.copy(Buffer.from('x')));
  t.equal(sent, 1024);
  t.equal(pool.out, 1024);
  a.sendFin();
  t.equal(a.finSent, false, 'FIN waits like a tail');
  b.recv()?.release();
  t.equal(a.finSent, true);
  b.discard();
  a.discard();
  t.equal(pool.out, 0);
});
