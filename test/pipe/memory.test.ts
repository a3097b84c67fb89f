/** Goal: the memory pipe keeps the contract, since simulations and the tests of all other layers stand on it. */
import t from 'tap';
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
