/**
 * Goal: whatever two ends do, in whatever order, a bridge keeps every byte in its place, passes FIN behind the last of
 * them, never makes a FIN of a reset, and ends when both directions have. Thousands of seeds: SEEDS=100000 for a night.
 */
import t, { type Test } from 'tap';
import type { SlabPool } from '../../src/core/pool.ts';
import { DatagramPipe } from '../../src/layer/datagram/pipe.ts';
import { DuplexPipe } from '../../src/pipe/from_duplex.ts';
import { type MemoryPipe, memoryPair } from '../../src/pipe/memory.ts';
import type { PipeKind } from '../../src/pipe/pipe.ts';
import { PipeDuplex } from '../../src/pipe/to_duplex.ts';
import { simulate, type Wiring } from '../helpers/bridge_sim.ts';
import { type Random, seeds } from '../helpers/random.ts';

function pair<K extends PipeKind>(
  kind: K,
  random: Random,
  connecting = false,
  capacities = [1, 10, 1000, 20_000, 200_000],
): [MemoryPipe<K>, MemoryPipe<K>] {
  return memoryPair(kind, {
    capacity: random.pick(capacities),
    cut: random.chance(0.5)
      ? (available) => available
      : (available) => random.int(1, Math.min(available, 300)),
    connecting,
  });
}

const relay =
  (kind: PipeKind) =>
  (random: Random): Wiring => {
    const [[app, a], [b, target]] = [pair(kind, random), pair(kind, random)];
    return { app, target, joined: [[a, b]] };
  };

function connectingRelay(random: Random): Wiring {
  const [[app, a], [b, target]] = [pair('bytes', random), pair('bytes', random, true)];
  return { app, target, joined: [[a, b]], connect: () => b.connect() };
}

/** Between two bridges; with room for a byte at a time a world would take for ever. */
const link = (random: Random) => pair('bytes', random, false, [500, 5000, 200_000]);

function datagrams(random: Random, pool: SlabPool): Wiring {
  const [[app, a], [m, n], [b, target]] = [pair('bytes', random), link(random), pair('bytes', random)];
  const options = () => ({ pool, maxSendBytes: random.pick([50, 1400, 65_000]) });
  return {
    app,
    target,
    joined: [
      [a, new DatagramPipe(m, options())],
      [new DatagramPipe(n, options()), b],
    ],
  };
}

function streams(random: Random, pool: SlabPool): Wiring {
  const [[app, a], [m, n], [b, target]] = [pair('bytes', random), link(random), pair('bytes', random)];
  const adapted = (end: MemoryPipe<'bytes'>) => new DuplexPipe(new PipeDuplex(end, { pool }), { pool });
  return {
    app,
    target,
    joined: [
      [a, adapted(m)],
      [adapted(n), b],
    ],
  };
}

async function run(t: Test, count: number, wire: (random: Random, pool: SlabPool) => Wiring): Promise<void> {
  let failures = 0;
  for (const seed of seeds(count)) {
    const wrong = await simulate(seed, wire);
    if (wrong === null) continue;
    t.fail(`SEED=${seed}: ${wrong}`);
    if (++failures >= 3) return;
  }
  t.pass(`${count} seeds`);
}

t.test('the relay, bytes', (t) => run(t, 2000, relay('bytes')));
t.test('the relay, messages', (t) => run(t, 500, relay('messages')));
t.test('the relay, its far pipe still connecting', (t) => run(t, 500, connectingRelay));
t.test('the pair, over datagrams', (t) => run(t, 1000, datagrams));
t.test('the pair, over both stream adapters', (t) => run(t, 300, streams));
