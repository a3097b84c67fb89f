/** Goal: DatagramPipe keeps the contract over any pipe of bytes, however that one cuts. */
import t from 'tap';
import { DatagramPipe } from '../../src/layer/datagram/pipe.ts';
import { memoryPair } from '../../src/pipe/memory.ts';
import { testPipe } from '../contract/suite.ts';
import { MEMORY, SOCKET } from '../contract/traits.ts';
import { socketPair, TRANSPORTS, V4 } from '../helpers/transports.ts';

const memory = { kind: 'messages', ...MEMORY } as const;
const socket = { kind: 'messages', ...SOCKET } as const;

testPipe(
  t,
  'over memory',
  async ({ pool }) => {
    const [a, b] = memoryPair('bytes');
    return [new DatagramPipe(a, { pool }), new DatagramPipe(b, { pool })];
  },
  memory,
);

testPipe(
  t,
  'over memory, cut anywhere',
  async ({ pool, random }) => {
    const [a, b] = memoryPair('bytes', {
      capacity: random.int(4000, 20_000),
      cut: (available) => (random.chance(0.5) ? 1 : random.int(1, available)),
    });
    return [new DatagramPipe(a, { pool }), new DatagramPipe(b, { pool })];
  },
  memory,
);

testPipe(
  t,
  'over native sockets',
  async ({ pool }) => {
    const [a, b] = await socketPair(TRANSPORTS.native(pool), V4);
    return [new DatagramPipe(a, { pool }), new DatagramPipe(b, { pool })];
  },
  { ...socket, mostHeld: 1 },
);

testPipe(
  t,
  'over portable sockets',
  async ({ pool }) => {
    const [a, b] = await socketPair(TRANSPORTS.portable(pool), V4);
    return [new DatagramPipe(a, { pool }), new DatagramPipe(b, { pool })];
  },
  { ...socket, noticesResetUnread: false },
);
