/** Goal: the two adapters stacked, pipe to stream to pipe, are a pipe that keeps the contract. */
import t from 'tap';
import { DuplexPipe } from '../../src/pipe/from_duplex.ts';
import { memoryPair } from '../../src/pipe/memory.ts';
import { PipeDuplex } from '../../src/pipe/to_duplex.ts';
import { testPipe } from '../contract/suite.ts';
import { MEMORY } from '../contract/traits.ts';

testPipe(
  t,
  'DuplexPipe(PipeDuplex(memory)) on both ends',
  async ({ pool, random }) => {
    const ends = memoryPair('bytes', {
      capacity: random.int(20_000, 200_000),
      cut: (available) => random.int(1, available),
    });
    const [a, b] = ends.map((end) => new DuplexPipe(new PipeDuplex(end, { pool }), { pool }));
    return [a as DuplexPipe, b as DuplexPipe];
  },
  { kind: 'bytes', ...MEMORY },
);

testPipe(
  t,
  'the adapters on one end, the memory pipe itself on the other',
  async ({ pool }) => {
    const [a, b] = memoryPair('bytes');
    return [new DuplexPipe(new PipeDuplex(a, { pool }), { pool }), b];
  },
  { kind: 'bytes', ...MEMORY },
);
