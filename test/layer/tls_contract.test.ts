/** Goal: TlsPipe keeps the contract over any pipe of bytes, however that one cuts, and on both backends. */
import t from 'tap';
import { memoryPair } from '../../src/pipe/memory.ts';
import { testPipe } from '../contract/suite.ts';
import { MEMORY, SOCKET } from '../contract/traits.ts';
import { tlsPair } from '../helpers/tls_pair.ts';
import { socketPair, TRANSPORTS, V4 } from '../helpers/transports.ts';

const memory = { kind: 'bytes', ...MEMORY } as const;
const socket = { kind: 'bytes', ...SOCKET } as const;

testPipe(t, 'over memory', ({ pool }) => tlsPair(memoryPair('bytes'), pool), memory);

testPipe(
  t,
  'over memory, cut anywhere',
  ({ pool, random }) =>
    tlsPair(
      memoryPair('bytes', {
        capacity: random.int(20_000, 100_000),
        cut: (available) => (random.chance(0.5) ? 1 : random.int(1, available)),
      }),
      pool,
    ),
  memory,
);

testPipe(
  t,
  'over native sockets',
  async ({ pool }) => tlsPair(await socketPair(TRANSPORTS.native(pool), V4), pool),
  { ...socket, mostHeld: 3 },
);

testPipe(
  t,
  'over portable sockets',
  async ({ pool }) => tlsPair(await socketPair(TRANSPORTS.portable(pool), V4), pool),
  { ...socket, noticesResetUnread: false },
);
