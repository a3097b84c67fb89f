/** Goal: CompressPipe keeps the contract over any pipe of bytes, with each codec, each way of sending, on both backends. */
import t from 'tap';
import { type Clock, systemClock } from '../../../src/core/clock.ts';
import type { SlabPool } from '../../../src/core/pool.ts';
import { CodecRegistry } from '../../../src/layer/compress/codec.ts';
import { availableCodecs, zstdOfNode } from '../../../src/layer/compress/codecs.ts';
import { CompressPipe, type CompressPipeOptions } from '../../../src/layer/compress/pipe.ts';
import { memoryPair } from '../../../src/pipe/memory.ts';
import { testPipe } from '../../contract/suite.ts';
import { MEMORY, SOCKET } from '../../contract/traits.ts';
import { fixed, STORING } from '../../helpers/compress.ts';
import { type BytesPipe, socketPair, TRANSPORTS, V4 } from '../../helpers/transports.ts';

t.setTimeout(300_000);

/** The moment that a patient one waits is over at the next pass of the loop. */
const HASTY: Clock = {
  now: () => systemClock.now(),
  after(ms, fire) {
    if (ms > 1000) return systemClock.after(ms, fire);
    const pass = setImmediate(fire);
    return () => clearImmediate(pass);
  },
};

/** The suite sends the same random piece again and again: next to nothing, once compressed. */
const memory = { kind: 'bytes', ...MEMORY, mostUnderWay: 256 * 2 ** 20 } as const;
const socket = { kind: 'bytes', ...SOCKET } as const;
/** As long as all that is under way is small on the wire. */
const SMALL = { capacity: 4000 };

function over(
  [a, b]: [BytesPipe, BytesPipe],
  pool: SlabPool,
  make: () => CompressPipeOptions,
): [CompressPipe, CompressPipe] {
  const pools = { sendPool: pool, receivePool: pool };
  return [new CompressPipe(a, { ...make(), ...pools }), new CompressPipe(b, { ...make(), ...pools })];
}

const WAYS: Record<string, () => CompressPipeOptions> = {
  'zstd, level 3': () => ({ policy: fixed('zstd', 3) }),
  'zstd, level 19, on other threads': () => ({ policy: fixed('zstd', 19), bufferBytes: 16_384 }),
  'zstd, patient': () => ({ policy: fixed('zstd', 9, true), patient: true, clock: HASTY }),
  'LZ4, level 1': () => ({ policy: fixed('lz4', 1) }),
  'LZ4, level 9': () => ({ policy: fixed('lz4', 9) }),
  'as it is': () => ({ policy: STORING }),
};

for (const [name, make] of Object.entries(WAYS)) {
  testPipe(
    t,
    `${name}, over memory`,
    async ({ pool }) => over(memoryPair('bytes', SMALL), pool, make),
    memory,
  );
}

testPipe(
  t,
  'zstd, over memory, cut anywhere',
  async ({ pool, random }) =>
    over(
      memoryPair('bytes', {
        ...SMALL,
        cut: (available) => (random.chance(0.5) ? 1 : random.int(1, available)),
      }),
      pool,
      () => ({ policy: fixed('zstd', 1) }),
    ),
  memory,
);

testPipe(
  t,
  'as it is, over memory, cut anywhere',
  async ({ pool, random }) =>
    over(
      memoryPair('bytes', {
        ...SMALL,
        cut: (available) => (random.chance(0.5) ? 1 : random.int(1, available)),
      }),
      pool,
      () => ({ policy: STORING }),
    ),
  memory,
);

const ofNode = zstdOfNode();
if (ofNode !== null) {
  const codecs = new CodecRegistry().add(ofNode);
  testPipe(
    t,
    'zstd of node:zlib, over memory',
    async ({ pool }) =>
      over(memoryPair('bytes', SMALL), pool, () => ({ codecs, policy: fixed('zstd', 3, false, codecs) })),
    memory,
  );
}

// Its history ends before the suite's piece comes again.
testPipe(
  t,
  'LZ4, over native sockets',
  async ({ pool }) =>
    over(await socketPair(TRANSPORTS.native(pool), V4), pool, () => ({ policy: fixed('lz4', 1) })),
  socket,
);

testPipe(
  t,
  'LZ4, over portable sockets',
  async ({ pool }) =>
    over(await socketPair(TRANSPORTS.portable(pool), V4), pool, () => ({ policy: fixed('lz4', 1) })),
  { ...socket, noticesResetUnread: false },
);

t.test('there are codecs', async (t) => {
  t.same(
    availableCodecs().all.map(({ name }) => name),
    ['zstd', 'lz4'],
  );
});
