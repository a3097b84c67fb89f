/** Goal: a peer that joined and then lies, floods or does not read ends its own trunk, with words, and fills no memory. */
import t, { type Test } from 'tap';
import { PipeError } from '../../../src/core/errors.ts';
import { SlabPool } from '../../../src/core/pool.ts';
import {
  FIN,
  frameLength,
  MAX_DATA,
  MAX_OFFSET,
  MAX_STREAM_DATA,
  OPEN,
  PING,
  RESET_STREAM,
  STREAM,
  writeFrame,
} from '../../../src/layer/trunk/codec.ts';
import { TrunkMemory } from '../../../src/layer/trunk/memory.ts';
import type { TrunkOptions } from '../../../src/layer/trunk/options.ts';
import type { StripedPipe } from '../../../src/layer/trunk/stream.ts';
import { Trunk } from '../../../src/layer/trunk/trunk.ts';
import { memoryPair } from '../../../src/pipe/memory.ts';
import { SimClock } from '../../helpers/sim_clock.ts';

const LABEL = Buffer.from('x');

type Limited = Partial<Pick<TrunkOptions, 'maxStreams' | 'maxStreamRate' | 'onRefused'>>;

/** A server's trunk, and the raw end of its only carrier. Nothing that it says is read, unless a test does. */
function victim(t: Test, limits: Limited = {}) {
  const clock = new SimClock();
  const memory = new TrunkMemory({ capacity: 16 << 20, sendPool: new SlabPool(), spare: true });
  const streams: StripedPipe[] = [];
  let ended: PipeError | null = null;
  const trunk = new Trunk({
    role: 'server',
    // Those that are refused for being fast are another test's.
    maxStreamRate: 1e6,
    ...limits,
    clock,
    memory: memory.join(),
    peerStreamWindow: 65_536,
    peerTrunkWindow: 1 << 20,
    streamWindow: memory.windows.stream,
    trunkWindow: memory.windows.trunk,
    onStream: (stream) => streams.push(stream),
    onEnd: (error) => {
      ended = error;
    },
  });
  const pool = new SlabPool();
  const [raw, carrier] = memoryPair('messages', { capacity: 1 << 20 });
  trunk.addCarrier(1, carrier);
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  /** Sends one frame in a datagram of its own, as soon as there is room. */
  const say = async (type: number, flags: number, id: number, value: number, data = Buffer.alloc(0)) => {
    const text = type === STREAM && flags & OPEN ? LABEL : null;
    const bytes = Buffer.alloc(frameLength(text) + data.length);
    data.copy(bytes, writeFrame(bytes, 0, type, flags, id, value, text));
    while (!raw.writable && raw.broken === null) await settle();
    if (raw.broken === null && ended === null) raw.send(pool.copy(bytes));
  };
  t.teardown(() => {
    for (const stream of streams) stream.discard();
    raw.discard();
  });
  /** What waits unread on the connection is the kernel's in the world outside. */
  const hangUp = () => raw.discard();
  const drain = () => {
    for (let chunk = raw.recv(); chunk !== null; chunk = raw.recv()) chunk.release();
  };
  return {
    clock,
    memory,
    pool,
    drain,
    streams,
    trunk,
    hangUp,
    say,
    settle,
    ended: () => ended,
    window: memory.windows.stream,
  };
}

const LIES: [string, RegExp, (v: ReturnType<typeof victim>) => Promise<void>][] = [
  [
    'TESTPLAN 44 and 47: the first frame exceeds the credit',
    /credit up to/,
    async ({ say, window }) => say(STREAM, OPEN, 0, window, Buffer.from('x')),
  ],
  [
    'TESTPLAN 47: an offset near the end of numbers',
    /credit up to/,
    async ({ say }) => say(STREAM, OPEN, 0, MAX_OFFSET, Buffer.from('x')),
  ],
  [
    'TESTPLAN 46: data after FIN',
    /the end moved from 1 to 2/,
    async ({ say }) => {
      await say(STREAM, OPEN | FIN, 0, 0, Buffer.from('a'));
      await say(STREAM, OPEN, 0, 1, Buffer.from('b'));
    },
  ],
  [
    'TESTPLAN 41: other bytes behind a gap',
    /other bytes at an offset/,
    async ({ say }) => {
      await say(STREAM, OPEN, 0, 10, Buffer.from('abc'));
      await say(STREAM, OPEN, 0, 10, Buffer.from('abd'));
    },
  ],
  [
    'data of a stream that would be ours to open',
    /there can be no stream 1/,
    async ({ say }) => say(STREAM, OPEN, 1, 0, Buffer.alloc(200_000)),
  ],
  [
    'data of a stream far above all others',
    /there can be no stream 1000000/,
    async ({ say }) => say(STREAM, OPEN, 1_000_000, 0, Buffer.alloc(200_000)),
  ],
  [
    'a reset at an offset beyond the credit',
    /credit up to/,
    async ({ say }) => {
      await say(STREAM, OPEN, 0, 0, Buffer.from('a'));
      await say(RESET_STREAM, 0, 0, MAX_OFFSET);
    },
  ],
];

for (const [name, words, lie] of LIES) {
  t.test(name, async (t) => {
    const v = victim(t);
    await lie(v);
    await v.settle();
    t.match(v.ended(), { code: 'malformed', message: words });
    v.hangUp();
    t.equal(v.memory.receivePool.out + v.memory.sendPool.out + v.pool.out, 0, 'nothing is kept');
  });
}

t.test('TESTPLAN 45: credit as large as numbers go is only taken note of', async (t) => {
  const v = victim(t);
  await v.say(STREAM, OPEN, 0, 0, Buffer.from('a'));
  await v.say(MAX_DATA, 0, 0, MAX_OFFSET);
  await v.say(MAX_STREAM_DATA, 0, 0, MAX_OFFSET);
  await v.settle();
  t.equal(v.ended(), null);
  t.equal(v.streams[0]?.writable, true);
  v.trunk.end(new PipeError('cancelled', 'test'));
});

t.test('TESTPLAN 50 and 51: pings and empty frames without end, from a peer that never reads', async (t) => {
  const v = victim(t);
  await v.say(STREAM, OPEN, 0, 0);
  for (let i = 0; i < 50_000; i++) {
    await v.say(PING, 0, 0, i);
    await v.say(STREAM, OPEN, 0, 0);
    if (i % 64 === 0) await v.settle();
  }
  await v.settle();
  t.equal(v.ended(), null, 'tedious, and allowed');
  t.ok(v.memory.sendPool.heldBytes < 4 << 20, `${v.memory.sendPool.heldBytes} bytes of answers`);
  t.ok(v.memory.receivePool.heldBytes < 1 << 20, `${v.memory.receivePool.heldBytes} bytes received`);
});

t.test('TESTPLAN 52: streams opened and reset without end, from a peer that never reads', async (t) => {
  const v = victim(t);
  for (let i = 0; i < 80_000 && v.ended() === null; i++) {
    await v.say(STREAM, OPEN, 2 * i, 0);
    await v.say(RESET_STREAM, 0, 2 * i, 0);
    if (i % 64 === 0) {
      await v.settle();
      for (const stream of v.streams.splice(0)) stream.discard();
    }
  }
  await v.settle();
  t.match(v.ended(), { code: 'malformed', message: /does not read the answers/ });
  v.hangUp();
  t.equal(v.memory.sendPool.heldBytes + v.memory.receivePool.heldBytes, 0);
  t.equal(v.trunk.streams.size, 0);
});

t.test('streams without end, refused and never ended by the peer, are not kept without end', async (t) => {
  const v = victim(t, { maxStreams: 10 });
  for (let i = 0; i < 60_000 && v.ended() === null; i++) {
    await v.say(STREAM, OPEN, 2 * i, 0);
    if (i % 64 > 0) continue;
    await v.settle();
    v.drain();
  }
  await v.settle();
  t.match(v.ended(), { code: 'malformed', message: /far too many streams/ });
  t.equal(v.streams.length, 10, 'apps got those that are allowed');
  t.equal(v.trunk.streams.size, 0);
});

t.test('a peer that ends what was refused may go on asking', async (t) => {
  const v = victim(t, { maxStreams: 10 });
  for (let i = 0; i < 40_000 && v.ended() === null; i++) {
    await v.say(STREAM, OPEN, 2 * i, 0);
    if (i >= 10) await v.say(RESET_STREAM, 0, 2 * i, 0);
    if (i % 64 > 0) continue;
    await v.settle();
    v.drain();
  }
  await v.settle();
  t.equal(v.ended(), null);
  t.equal(v.trunk.streams.size, 10);
  v.trunk.end(new PipeError('cancelled', 'test'));
});

t.test(
  'TESTPLAN 52: streams opened faster than is allowed are refused, and those of before stay',
  async (t) => {
    const refused: string[] = [];
    const v = victim(t, { maxStreamRate: 10, onRefused: (limit) => refused.push(limit) });
    for (let i = 0; i < 100; i++) await v.say(STREAM, OPEN, 2 * i, 0);
    await v.settle();
    t.equal(v.streams.length, 20, 'two seconds at once');
    t.equal(refused.length, 80);
    t.same(new Set(refused), new Set(['stream-rate']));
    await v.clock.advance(1000);
    for (let i = 100; i < 200; i++) await v.say(STREAM, OPEN, 2 * i, 0);
    await v.settle();
    t.equal(v.streams.length, 30, 'and a second later what a second brings');
    t.equal(v.ended(), null);
    v.trunk.end(new PipeError('cancelled', 'test'));
  },
);
