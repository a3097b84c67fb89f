/** Goal: over real sockets, spliced or not, on both backends: bytes, FIN and RST come through in every order. */
import t, { type Test } from 'tap';
import { PipeError } from '../../src/core/errors.ts';
import { BridgeBench, type Bridged, WAYS, type Way } from '../helpers/bridged.ts';
import { Random, SEED } from '../helpers/random.ts';
import { eventually, passes } from '../helpers/settle.ts';

const boom = () => new PipeError('cancelled', 'test', 'planted');
const random = new Random(SEED);
const MEGABYTES = random.bytes(5_000_011);

type Body = (t: Test, world: Bridged, bench: BridgeBench, way: Way) => Promise<void>;

async function run(t: Test, way: Way, body: Body): Promise<void> {
  const bench = await BridgeBench.open(way);
  const world = await bench.bridge();
  try {
    await body(t, world, bench, way);
  } finally {
    if (!t.passing()) t.comment(`SEED=${SEED} repeats this`);
    if (!world.bridge.ended) world.bridge.abort();
  }
  await bench.close();
  t.equal(bench.pool.out, 0);
  t.equal(bench.kernelPipes?.out ?? 0, 0);
}

/** Cuts into random pieces and sends them all. */
async function send(from: Bridged['app'], bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const size = random.int(1, 300_000);
    await from.send(bytes.subarray(at, at + size));
    at += size;
  }
}

async function ended({ bridge }: Bridged): Promise<void> {
  await eventually('the end of the bridge', () => bridge.ended);
}

/** Sends until nothing more is taken: the other end does not read, and everything in between is full. */
async function fill(from: Bridged['app']): Promise<number> {
  const piece = MEGABYTES.subarray(0, 262_144);
  let sent = 0;
  for (let quiet = 0; quiet < 50; quiet++) {
    await passes(2);
    if (from.pipe.writable) {
      sent += from.fill(piece);
      quiet = 0;
    }
  }
  return sent;
}

const CASES: Record<string, Body> = {
  'megabytes both ways at once, and FIN behind them': async (t, { app, target, bridge }) => {
    const back = MEGABYTES.subarray(1000);
    await Promise.all([
      send(app, MEGABYTES).then(() => app.fin()),
      send(target, back).then(() => target.fin()),
      target.recvToEnd(),
      app.recvToEnd(),
    ]);
    t.ok(target.bytes.equals(MEGABYTES));
    t.ok(app.bytes.equals(back));
    await eventually('the end', () => bridge.ended);
    t.equal(bridge.forward.bytes, MEGABYTES.length);
    t.equal(bridge.backward.bytes, back.length);
    t.same([app.pipe.broken, target.pipe.broken], [null, null]);
  },
  'the app has finished, and the target answers at length': async (t, world) => {
    const { app, target } = world;
    await app.send(Buffer.from('request'));
    await app.fin();
    t.equal(await target.recvToEnd(), 'fin');
    t.equal(target.bytes.toString(), 'request');
    await passes(20);
    t.notOk(world.bridge.ended, 'half-closed connections live on');
    await Promise.all([send(target, MEGABYTES).then(() => target.fin()), app.recvToEnd()]);
    t.ok(app.bytes.equals(MEGABYTES));
    await ended(world);
    t.same(world.end, { error: null, side: null });
  },
  'the target speaks first, and finishes first': async (t, world) => {
    const { app, target } = world;
    await target.send(Buffer.from('hello'));
    await target.fin();
    t.equal(await app.recvToEnd(), 'fin');
    await Promise.all([send(app, MEGABYTES).then(() => app.fin()), target.recvToEnd()]);
    t.ok(target.bytes.equals(MEGABYTES));
    await ended(world);
    t.equal(world.end?.error, null);
  },
  'an empty connection': async (t, world) => {
    await Promise.all([world.app.fin(), world.target.fin()]);
    t.same(await Promise.all([world.app.recvToEnd(), world.target.recvToEnd()]), ['fin', 'fin']);
    await ended(world);
    t.equal(world.end?.error, null);
  },
  'the app resets in mid-transfer': async (t, world) => {
    const { app, target } = world;
    const sending = send(app, MEGABYTES);
    await target.recvBytes(1_000_000);
    await sending.catch(() => {});
    app.pipe.discard(boom());
    t.equal(await target.recvToEnd(), 'broken');
    t.equal(target.pipe.broken?.code, 'reset');
    t.equal(target.pipe.finReceived, false);
    t.ok(MEGABYTES.subarray(0, target.receivedBytes).equals(target.bytes), 'what came is the beginning');
    await ended(world);
    t.equal(world.end?.side, 'a');
    t.equal(world.end?.error?.code, 'reset');
  },
  'the target resets while the app sends': async (t, world) => {
    const { app, target } = world;
    const sending = send(app, Buffer.concat([MEGABYTES, MEGABYTES, MEGABYTES]));
    await target.recvBytes(500_000);
    target.pipe.discard(boom());
    await sending;
    t.equal((await app.untilBroken()).code, 'reset');
    t.equal(app.pipe.finReceived, false);
    await ended(world);
    t.equal(world.end?.side, 'b');
  },
  'RST from the app while FIN comes from the target': async (t, world) => {
    world.target.pipe.sendFin();
    world.app.pipe.discard(boom());
    await ended(world);
    await world.target.until('broken', () => world.target.pipe.broken !== null);
    t.equal(world.target.pipe.finReceived, false);
  },
  'RST from the app after its FIN': async (t, world, _, way) => {
    const { app, target } = world;
    await app.send(Buffer.from('x'));
    await app.fin();
    t.equal(await target.recvToEnd(), 'fin');
    app.pipe.discard(boom());
    if (way === 'portable') {
      // Node does not look at a socket whose FIN it has read, until it writes to it.
      while (!world.bridge.ended && target.pipe.broken === null) {
        await target.send(Buffer.from('probe'));
        await passes(2);
      }
      await target.send(Buffer.from('probe'));
    }
    await ended(world);
    if (way !== 'portable') t.equal((await target.untilBroken()).code, 'reset');
    t.equal(world.end?.error?.code, 'reset');
  },
  'the target does not read: the app is stopped, memory stays bounded, and all arrives in the end': async (
    t,
    world,
    bench,
  ) => {
    const { app, target, bridge } = world;
    const sent = await fill(app);
    t.equal(app.pipe.writable, false);
    t.ok(bench.pool.out <= 8, `${bench.pool.out} slabs are out`);
    t.ok(bridge.forward.congestions > 0);
    const finishing = app.fin();
    t.equal(await target.recvToEnd(), 'fin');
    await finishing;
    t.equal(target.receivedBytes, sent);
  },
  'the target does not read, and the app resets': async (t, world, _, way) => {
    const { app, target } = world;
    const sent = await fill(app);
    app.pipe.discard(boom());
    // Node notices when it reads on, which it does when there is room.
    if (way !== 'portable') await ended(world);
    t.equal(await target.recvToEnd(), 'broken');
    t.equal(target.pipe.finReceived, false);
    t.ok(target.receivedBytes < sent);
    await ended(world);
  },
  'the target does not read, and resets': async (t, world) => {
    await fill(world.app);
    world.target.pipe.discard(boom());
    t.equal((await world.app.untilBroken()).code, 'reset');
    await ended(world);
  },
  'bulk, then a trickle, then bulk: each byte in its place': async (t, world, bench) => {
    const { app, target } = world;
    let expected = 0;
    for (let round = 0; round < 3; round++) {
      expected += MEGABYTES.length;
      await Promise.all([send(app, MEGABYTES), target.recvBytes(expected)]);
      await eventually('idle, it holds no kernel pipe', () => (bench.kernelPipes?.out ?? 0) === 0);
      for (let i = 0; i < 100; i++) {
        await app.send(Buffer.of(i));
        await target.recvBytes(++expected);
        await target.send(Buffer.of(i));
        await app.recvBytes(round * 100 + i + 1);
      }
    }
    await app.fin();
    t.equal(await target.recvToEnd(), 'fin');
    const trickle = Buffer.from(Array.from({ length: 100 }, (_, i) => i));
    const round = Buffer.concat([MEGABYTES, trickle]);
    t.ok(target.bytes.equals(Buffer.concat([round, round, round])));
    t.ok(app.bytes.equals(Buffer.concat([trickle, trickle, trickle])));
  },
  'a byte there and back, 30 times, while bulk goes through two other bridges': async (t, world, bench) => {
    const others = [await bench.bridge(), await bench.bridge()];
    let stop = false;
    const bulk = others.map(async ({ app, target }) => {
      target.onEvent = () => void target.drain();
      target.drain();
      while (!stop) {
        target.received.length = 0;
        await app.send(MEGABYTES.subarray(0, 262_144));
      }
    });
    for (let i = 1; i <= 30; i++) {
      await world.app.send(Buffer.of(i));
      await world.target.recvBytes(i);
      await world.target.send(Buffer.of(i));
      await world.app.recvBytes(i);
    }
    const moved = others.map(({ bridge }) => bridge.forward.bytes);
    stop = true;
    await Promise.all(bulk);
    t.ok(Math.min(...moved) > 0, `${moved.join(' and ')} bytes went through the others`);
    for (const { bridge } of others) bridge.abort();
  },
  'abort in mid-transfer': async (t, world) => {
    const { app, target, bridge } = world;
    await fill(app);
    bridge.abort();
    t.equal(bridge.ended, true);
    t.equal(world.end?.error?.code, 'cancelled');
    t.equal((await app.untilBroken()).code, 'reset');
    t.equal(await target.recvToEnd(), 'broken');
    bridge.abort();
  },
};

for (const way of WAYS) {
  t.test(way, async (t) => {
    for (const [name, body] of Object.entries(CASES)) await t.test(name, (t) => run(t, way, body));
  });
}
