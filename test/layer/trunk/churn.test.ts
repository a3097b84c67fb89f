/** Goal: streams that are opened, ended and reset by the thousands leave nothing behind: no slab, no entry, no timer. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { PipeError } from '../../../src/core/errors.ts';
import { SlabPool } from '../../../src/core/pool.ts';
import { TrunkMemory } from '../../../src/layer/trunk/memory.ts';
import type { StripedPipe } from '../../../src/layer/trunk/stream.ts';
import { Trunk } from '../../../src/layer/trunk/trunk.ts';
import { memoryPair } from '../../../src/pipe/memory.ts';
import { Random, SEED } from '../../helpers/random.ts';
import { pass } from '../../helpers/settle.ts';
import { SimClock } from '../../helpers/sim_clock.ts';

const CARRIERS = 3;
const AT_A_TIME = 200;
const ROUNDS = 150;
const MOST_BYTES = 6000;

/** What becomes of a stream: who ends it, and how. */
const ENDS = [
  'both finish',
  'client resets at once',
  'client resets',
  'server resets',
  'nobody reads',
] as const;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function world() {
  const clock = new SimClock();
  const random = new Random(SEED);
  const side = (role: 'client' | 'server', onStream: (stream: StripedPipe) => void) => {
    const memory = new TrunkMemory({ sendPool: new SlabPool() });
    const { stream: streamWindow, trunk: trunkWindow } = memory.windows;
    const windows = {
      streamWindow,
      trunkWindow,
      peerStreamWindow: streamWindow,
      peerTrunkWindow: trunkWindow,
    };
    const ended: PipeError[] = [];
    const trunk = new Trunk({
      role,
      clock,
      memory: memory.join(),
      ...windows,
      onStream,
      onEnd: (error) => void ended.push(error),
    });
    return { memory, trunk, ended };
  };
  const client = side('client', () => {});
  const server = side('server', (stream) => serve(stream));
  const raw = new SlabPool();
  for (let id = 0; id < CARRIERS; id++) {
    const [near, far] = memoryPair('messages', { capacity: 256 * 1024 });
    client.trunk.addCarrier(id, near);
    server.trunk.addCarrier(id, far);
  }

  /** Reads to the end, then ends; what has no end is ended by the other side. */
  const drain = (stream: StripedPipe) => {
    const read = () => {
      for (let chunk = stream.recv(); chunk !== null; chunk = stream.recv()) chunk.release();
      if (stream.broken !== null || (stream.finReceived && stream.finSent)) stream.discard();
    };
    stream.onActivity = read;
    read();
  };
  const say = (stream: StripedPipe) => {
    if (stream.writable) stream.send(raw.copy(Buffer.alloc(random.int(0, MOST_BYTES), 7)));
  };
  const serve = (stream: StripedPipe) => {
    const end = stream.label.toString();
    if (end === 'nobody reads') {
      stream.onActivity = () => {
        if (stream.broken !== null) stream.discard();
      };
      return;
    }
    say(stream);
    if (end === 'server resets') stream.discard(new PipeError('refused', 'test', 'not today'));
    else {
      stream.sendFin();
      drain(stream);
    }
  };
  const open = () => {
    const end = random.pick(ENDS);
    const stream = client.trunk.open(Buffer.from(end));
    say(stream);
    if (end === 'client resets at once') stream.discard(new PipeError('reset', 'test'));
    else if (end === 'both finish' || end === 'server resets') {
      stream.sendFin();
      drain(stream);
    } else return stream;
    return null;
  };
  return {
    clock,
    client,
    server,
    raw,
    async round() {
      const left = Array.from({ length: AT_A_TIME }, open).filter((stream) => stream !== null);
      // Some are reset while they are still on their way.
      await pass();
      if (random.chance(0.5)) await clock.advance(random.int(0, 30));
      for (const stream of left) stream.discard(new PipeError('reset', 'test'));
    },
    counts() {
      return {
        streams: [client.trunk.streams.size, server.trunk.streams.size],
        carriers: [client.trunk.carriers.size, server.trunk.carriers.size],
        slabs: [client, server].flatMap(({ memory }) => [memory.sendPool.out, memory.receivePool.out]),
        raw: raw.out,
        waiting: [client.trunk.unacknowledgedBytes, client.trunk.bufferedBytes, server.trunk.bufferedBytes],
        idle: [client.trunk.idle, server.trunk.idle],
        timers: clock.pending,
        ended: [...client.ended, ...server.ended].map(({ message }) => message),
      };
    },
  };
}

t.test(`${AT_A_TIME * ROUNDS} streams in every way to end, seed ${SEED}`, async (t) => {
  const { clock, round, counts, client, server } = world();
  await clock.advance(1000);
  const before = counts();
  let heap = 0;
  for (let i = 0; i < ROUNDS; i++) {
    await round();
    // By then the engine has made what it makes once.
    if (i === ROUNDS / 3) {
      await clock.advance(1000);
      collectGarbage();
      heap = process.memoryUsage().heapUsed;
    }
  }
  await clock.advance(1000);
  t.same(counts(), before);
  const { granted } = client.memory;
  t.ok(granted <= client.memory.grantable && server.memory.granted <= server.memory.grantable, `${granted}`);
  collectGarbage();
  const grown = process.memoryUsage().heapUsed - heap;
  t.ok(grown < 2_000_000, `the heap grew by ${grown} bytes over ${(AT_A_TIME * ROUNDS * 2) / 3} streams`);
  for (const { trunk } of [client, server]) trunk.end(new PipeError('cancelled', 'test'));
  t.equal(clock.pending, 0);
});
