/**
 * Goal: TlsPipe keeps the contract over any pipe of bytes, however that one cuts, and on both backends; with records by the
 * addon, by node:tls, and with one of each at the two ends.
 */
import t from 'tap';
import { memoryPair } from '../../src/pipe/memory.ts';
import { testPipe } from '../contract/suite.ts';
import { MEMORY, SOCKET } from '../contract/traits.ts';
import { NATIVE, NODE, tlsPair } from '../helpers/tls_pair.ts';
import { socketPair, TRANSPORTS, V4 } from '../helpers/transports.ts';

const memory = { kind: 'bytes', ...MEMORY } as const;
const socket = { kind: 'bytes', ...SOCKET } as const;

const ENGINES = [
  { name: 'addon', ends: [NATIVE, NATIVE] },
  { name: 'node:tls', ends: [NODE, NODE] },
  { name: 'addon to node:tls', ends: [NATIVE, NODE] },
  { name: 'node:tls to addon', ends: [NODE, NATIVE] },
] as const;

for (const { name, ends } of ENGINES) {
  testPipe(t, `${name}, over memory`, ({ pool }) => tlsPair(memoryPair('bytes'), pool, ...ends), memory);
  testPipe(
    t,
    `${name}, over memory, cut anywhere`,
    ({ pool, random }) =>
      tlsPair(
        memoryPair('bytes', {
          capacity: random.int(20_000, 100_000),
          cut: (available) => (random.chance(0.5) ? 1 : random.int(1, available)),
        }),
        pool,
        ...ends,
      ),
    memory,
  );
  testPipe(
    t,
    `${name}, over native sockets`,
    async ({ pool }) => tlsPair(await socketPair(TRANSPORTS.native(pool), V4), pool, ...ends),
    // What is on its way down, a record that was read ahead, and what came with it.
    { ...socket, mostHeld: 3 },
  );
  testPipe(
    t,
    `${name}, over portable sockets`,
    async ({ pool }) => tlsPair(await socketPair(TRANSPORTS.portable(pool), V4), pool, ...ends),
    { ...socket, noticesResetUnread: false },
  );
}
