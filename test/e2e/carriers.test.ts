/** Goal: whatever happens to carriers, each by itself or all together, the apps notice nothing but a pause. */

import t, { type Test } from 'tap';
import { openPath, type Path } from '../helpers/e2e_proxy.ts';
import { dialThrough, type End, Pattern, Target } from '../helpers/e2e_tcp.ts';
import { sleep, until, within } from '../helpers/e2e_wait.ts';
import { STRIPED, STRIPED_PORTABLE, type Way } from '../helpers/e2e_ways.ts';
import { FaultProxy, type FaultyCarrier } from '../helpers/fault_proxy.ts';
import { Random, SEED } from '../helpers/random.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** What has passed each way at the end of a handshake, at least: HELLO and PROOF; WELCOME. */
const PROVED = 80;
const WELCOMED = 72;
const pattern = new Pattern();
const seed = `seed ${SEED}`;

t.setTimeout(900_000);
t.jobs = 3;

interface World {
  readonly target: Target;
  readonly faults: FaultProxy;
  readonly path: Path;
  /** An app and the target's end of its connection, both knowing what has to come. */
  connect(): Promise<[End, End]>;
}

/** app - `-c` - network with faults - `-s` - target. */
async function world(t: Test, way: Way, prepare: (faults: FaultProxy) => number = () => 4): Promise<World> {
  const target = await Target.listen(t);
  let faults: FaultProxy | undefined;
  let carriers = 4;
  const between = async (port: number) => {
    faults = await FaultProxy.listen(t, port);
    carriers = prepare(faults);
    return faults.port;
  };
  // Which carriers come is the subject here: not waited for, other than below.
  const path = await openPath(t, way, target.port, { between, carriers: 0 });
  const joined = () =>
    faults?.alive.filter(({ forward, backward }) => forward.passed > PROVED && backward.passed > WELCOMED) ??
    [];
  await until(
    () => joined().length >= carriers,
    () => `${joined().length} of ${carriers} carriers came:\n${path.near.text}`,
  );
  const connect = async () => {
    const [app, far] = await dialThrough(t, path.port, target);
    app.expected = far.expected = pattern;
    return [app, far] as [End, End];
  };
  return { target, faults: faults as FaultProxy, path, connect };
}

/** So much from the app and a little back, whole and in order, then both ends; within `ms`. */
async function transfer(t: Test, [app, far]: [End, End], bytes: number, ms: number): Promise<void> {
  const back = Math.ceil(bytes / 16);
  const all = async () => {
    await Promise.all([app.sendPattern(pattern, bytes), far.sendPattern(pattern, back)]);
    app.fin();
    far.fin();
    return [await far.over(ms), await app.over(ms)];
  };
  const ends = await within(ms, all(), () => `${far.received} of ${bytes} bytes, ${app.received} of ${back}`);
  t.same(ends, ['FIN', 'FIN']);
  t.same(
    [far.received, far.wrongAt, app.received, app.wrongAt],
    [bytes, -1, back, -1],
    'every byte is right',
  );
}

/** From the app, for as long as it takes, whole and in order; then both ends. */
async function sendUntil(t: Test, [app, far]: [End, End], enough: () => boolean): Promise<void> {
  let going = true;
  const sending = (async () => {
    while (going) await app.sendPattern(pattern, MIB);
  })();
  await until(enough, () => `still not after ${app.sent} bytes`, 30_000);
  going = false;
  await sending;
  app.fin();
  far.fin();
  t.same([await far.over(), await app.over()], ['FIN', 'FIN']);
  t.same([far.received, far.wrongAt], [app.sent, -1]);
}

for (const way of [STRIPED, STRIPED_PORTABLE]) {
  const each = (name: string, work: (t: Test) => Promise<void>) =>
    t.test(`${name}: ${way.name}`, { buffered: true }, work);

  each('a reset of a carrier at each 64 KiB of what it carries', async (t) => {
    const { faults, path, connect } = await world(t, way);
    let next = 0;
    faults.onCarrier = (carrier) => {
      // Half of them carry data, the other half ACKs alone and die by what they answer.
      const at = next++ * 64 * KIB;
      if (next <= 48) carrier.resetAt(next % 2 === 0 ? 'forward' : 'backward', at);
    };
    for (const carrier of faults.alive) carrier.resetAt('forward', carrier.forward.passed + 64 * KIB);
    const [app, far] = await connect();
    let going = true;
    const sending = (async () => {
      while (going) await Promise.all([app.sendPattern(pattern, MIB), far.sendPattern(pattern, MIB)]);
    })();
    await until(
      () => faults.all.length >= 52,
      () => `${faults.all.length} carriers came:\n${path.near.text}`,
      100_000,
    );
    going = false;
    await sending;
    app.fin();
    far.fin();
    t.same([await far.over(), await app.over()], ['FIN', 'FIN']);
    t.same([far.received, far.wrongAt, app.received, app.wrongAt], [app.sent, -1, far.sent, -1]);
    t.ok(faults.all.filter((carrier) => carrier.over).length >= 44, 'they did die');
    await path.end();
  });

  each('a reset in the handshake, at every few bytes of each message', async (t) => {
    const { faults, path, connect } = await world(t, way);
    const points: [where: 'forward' | 'backward', at: number][] = [];
    for (let at = 0; at <= 96; at += 12) points.push(['forward', at], ['backward', at]);
    let turn = 0;
    faults.onCarrier = (carrier) => {
      // Who fails again and again pauses longer and longer. Two come in turn, and each of them fails every third time; in
      // between it carries enough to be dialled again at once, or at least does not live for long.
      const point = turn++ % 3 === 0 ? points.shift() : undefined;
      if (point !== undefined) carrier.resetAt(...point);
      else if (points.length > 0) {
        carrier.resetAt('forward', MIB);
        setTimeout(() => carrier.reset(), 300).unref();
      }
    };
    const [app, far] = await connect();
    // Those that stay leave something to carry to those that come.
    for (const carrier of faults.alive) carrier.forward.rate = 4 * KIB;
    faults.alive[0]?.reset();
    faults.alive[0]?.reset();
    while (points.length > 0) await app.sendPattern(pattern, MIB);
    app.fin();
    far.fin();
    t.same([await far.over(), await app.over()], ['FIN', 'FIN']);
    t.same([far.received, far.wrongAt], [app.sent, -1]);
    await path.end();
  });

  for (const [name, some, directions] of [
    ['one carrier falls silent', 1, ['forward', 'backward']],
    ['one carrier falls silent towards -s', 1, ['forward']],
    ['one carrier falls silent towards -c', 1, ['backward']],
    ['all carriers but one fall silent', 3, ['forward', 'backward']],
  ] as const) {
    each(name, async (t) => {
      const { faults, path, connect } = await world(t, way);
      const ends = await connect();
      const sending = transfer(t, ends, 48 * MIB, 60_000);
      await faults.hasPassed(8 * MIB);
      const held = faults.alive.slice(0, some);
      for (const carrier of held) for (const direction of directions) carrier[direction].hold();
      await sending;
      for (const carrier of held) carrier.release();
      await path.end();
    });
  }

  each('all carriers but one die, and cannot come back', async (t) => {
    const { faults, path, connect } = await world(t, way);
    const ends = await connect();
    const sending = transfer(t, ends, 48 * MIB, 60_000);
    await faults.hasPassed(8 * MIB);
    faults.closed = true;
    for (const carrier of faults.alive.slice(1)) carrier.reset();
    await sending;
    await path.end();
  });

  each('all carriers die and may come back after 2 s', async (t) => {
    const { faults, path, connect } = await world(t, way);
    const ends = await connect();
    const idle = await connect();
    const sending = transfer(t, ends, 48 * MIB, 90_000);
    await faults.hasPassed(8 * MIB);
    faults.closed = true;
    for (const carrier of faults.alive) carrier.reset();
    await sleep(2000);
    t.same(
      [...ends, ...idle].map((end) => end.outcome),
      [null, null, null, null],
      'nobody was told',
    );
    faults.closed = false;
    await sending;
    await transfer(t, idle, MIB, 30_000);
    await path.end();
  });

  each('all carriers fall silent for 2 s, and then go on', async (t) => {
    const { faults, path, connect } = await world(t, way);
    const ends = await connect();
    const sending = transfer(t, ends, 48 * MIB, 60_000);
    await faults.hasPassed(8 * MIB);
    for (const carrier of faults.alive) carrier.hold();
    await sleep(2000);
    t.same(
      ends.map((end) => end.outcome),
      [null, null],
    );
    for (const carrier of faults.alive) carrier.release();
    await sending;
    await path.end();
  });

  each('all carriers die as an end of stream is sent', async (t) => {
    const { faults, path, connect } = await world(t, way);
    for (let round = 0; round < 6; round++) {
      const [app, far] = await connect();
      const bytes = 100_000 * round;
      await app.sendPattern(pattern, bytes);
      app.fin();
      if (round % 3 > 0) await sleep(round % 3);
      for (const carrier of faults.alive) carrier.reset();
      t.equal(await far.over(), 'FIN', `round ${round}`);
      t.same([far.received, far.wrongAt, app.outcome], [bytes, -1, null]);
      far.fin();
      t.equal(await app.over(), 'FIN');
    }
    await path.end();
  });

  each('30 Mbit/s 1 ms away and 10 Mbit/s 50 ms away: both are used', async (t) => {
    const { faults, path, connect } = await world(t, { ...way, args: ['-n', '2'] }, () => 2);
    for (const [i, carrier] of faults.alive.entries()) {
      for (const direction of [carrier.forward, carrier.backward]) {
        direction.rate = i === 0 ? 3750 : 1250;
        direction.delayMs = i === 0 ? 0.5 : 25;
      }
    }
    const [fast, slow] = faults.alive as [FaultyCarrier, FaultyCarrier];
    // How much of it each gets is for the simulation to say, where nothing depends on the machine: a hang shows here.
    await sendUntil(t, await connect(), () => slow.forward.passed > MIB && fast.forward.passed > MIB);
    await path.end();
  });

  each('one carrier is 500 ms farther away than the others', async (t) => {
    const { faults, path, connect } = await world(t, way);
    const late = faults.alive[2];
    if (late !== undefined) late.forward.delayMs = late.backward.delayMs = 250;
    await transfer(t, await connect(), 16 * MIB, 120_000);
    const before = path.far.rssKb;
    await transfer(t, await connect(), 24 * MIB, 120_000);
    const grown = path.far.rssKb - before;
    t.ok(grown < 100_000, `what waits for the late one takes ${grown} KB`);
    await path.end();
  });

  each(`delays that change all the time reorder what is on different carriers (${seed})`, async (t) => {
    const { faults, path, connect } = await world(t, way);
    const random = new Random(SEED);
    const weather = setInterval(() => {
      for (const { forward, backward } of faults.alive) {
        for (const direction of [forward, backward]) direction.delayMs = random.int(0, 60);
      }
    }, 20);
    t.teardown(() => clearInterval(weather));
    await Promise.all([1, 2, 3].map(async () => transfer(t, await connect(), 12 * MIB, 60_000)));
    clearInterval(weather);
    await path.end();
  });
}

t.test('a carrier that was silent and speaks again carries its share', { buffered: true }, async (t) => {
  const { faults, path, connect } = await world(t, STRIPED);
  for (const carrier of faults.alive) carrier.forward.rate = 4 * KIB;
  const ends = await connect();
  const victim = faults.alive[1];
  const healed = (async () => {
    await faults.hasPassed(8 * MIB);
    victim?.hold();
    await sleep(2500);
    victim?.release();
    await sleep(1000);
    // It may have been given up meanwhile: then its successor counts.
    return new Map(faults.alive.map((carrier) => [carrier, carrier.forward.passed]));
  })();
  let before: Map<FaultyCarrier, number> | null = null;
  void healed.then((counts) => {
    before = counts;
  });
  // How large its share is, is for the simulation to say.
  const all = () =>
    faults.alive.length === 4 &&
    faults.alive.every((carrier) => carrier.forward.passed > (before?.get(carrier) ?? 0) + MIB);
  await sendUntil(t, ends, () => before !== null && all());
  await path.end();
});

for (const never of [0, 1, 3]) {
  for (const how of ['is never answered', 'is always reset'] as const) {
    t.test(`of four carriers, number ${never + 1} ${how}`, { buffered: true }, async (t) => {
      const { path, connect } = await world(t, STRIPED, (faults) => {
        faults.onCarrier = (carrier) => {
          // Its successors share its fate, as soon as the three others are there.
          const others = faults.alive.filter(({ forward, backward }) => forward.passed + backward.passed > 0);
          if (carrier.number !== never && others.length < 3) return;
          if (how === 'is never answered') carrier.hold();
          else carrier.reset();
        };
        return 3;
      });
      await transfer(t, await connect(), 24 * MIB, 60_000);
      await path.end();
    });
  }
}

t.test('carriers of one trunk come from different addresses', { buffered: true }, async (t) => {
  const { path, connect } = await world(t, STRIPED, (faults) => {
    faults.source = (number) => `127.0.0.${2 + number}`;
    return 4;
  });
  await transfer(t, await connect(), 8 * MIB, 60_000);
  await path.idle();
});
