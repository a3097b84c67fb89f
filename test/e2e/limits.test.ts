/** Goal: out of descriptors or at its limit, the proxy neither spins nor fails those that it serves; others get through later. */

import t, { type Test } from 'tap';
import { openPath, type Path } from '../helpers/e2e_proxy.ts';
import { dial, type End, Target } from '../helpers/e2e_tcp.ts';
import { sleep, until } from '../helpers/e2e_wait.ts';
import { BACKENDS, PAIR, RELAY, STRIPED, type Way } from '../helpers/e2e_ways.ts';

t.setTimeout(900_000);

/** A target that echoes, and apps that try to get there; some are let in, some are not. */
async function crowd(t: Test, way: Way, wrapper: string[], args: string[], size: number) {
  const target = await Target.listen(t);
  target.onEnd = (end) => {
    end.socket.on('data', (data: Buffer) => end.socket.write(data));
    end.socket.on('end', () => end.socket.end());
  };
  const path = await openPath(t, way, target.port, { wrapper, args });
  const apps = await Promise.all(Array.from({ length: size }, () => dial(t, path.port)));
  for (const app of apps) app.write('hello');
  return { target, path, apps };
}

const served = (apps: End[]) => apps.filter((app) => app.received >= 5 && app.outcome === null);

async function settled(apps: End[]): Promise<End[]> {
  for (let last = -1; ; ) {
    const now = served(apps).length;
    if (now > 0 && now === last) return served(apps);
    last = now;
    await sleep(700);
  }
}

async function noSpin(t: Test, path: Path): Promise<void> {
  await Promise.all(path.proxies.map((proxy) => proxy.rests()));
  t.pass('nobody spins');
}

async function stillServed(t: Test, apps: End[]): Promise<void> {
  const before = apps.map((app) => app.received);
  for (const app of apps) app.write('again');
  for (const [i, app] of apps.entries()) await app.has((before[i] as number) + 5);
  t.pass('those connected keep working');
}

/** Those inside leave; everybody who waited has to get through. */
async function takeTurns(t: Test, apps: End[]): Promise<void> {
  const waiting = new Set(apps.filter((app) => app.outcome === null));
  const inside = () => [...waiting].filter((app) => app.received >= 5);
  while (waiting.size > 0) {
    await until(
      () => inside().length > 0,
      () => `${waiting.size} never got through`,
    );
    for (const app of inside()) {
      waiting.delete(app);
      app.fin();
    }
  }
  for (const app of apps) t.equal(await app.over(), 'FIN');
}

for (const way of [RELAY, PAIR, STRIPED]) {
  t.test(`under ulimit -n 120 those who do not fit wait: ${way.name}`, async (t) => {
    const wrapper = ['sh', '-c', 'ulimit -n 120; exec "$0" "$@"'];
    const { path, apps } = await crowd(t, way, wrapper, [], 60);
    const inside = await settled(apps);
    t.ok(inside.length >= 5 && inside.length < 60, `${inside.length} of 60 are served`);
    t.same(
      apps.filter((app) => app.outcome !== null).map((app) => app.events),
      [],
      'nobody is turned away',
    );
    await noSpin(t, path);
    await stillServed(t, inside);
    await takeTurns(t, apps);
    await path.idle();
  });
}

for (const way of BACKENDS) {
  t.test(`really out of descriptors, against advice: ${way.name}`, async (t) => {
    // Fewer are not enough for Node to start: it reads all modules of a folder at once.
    const wrapper = ['sh', '-c', 'ulimit -n 100; exec "$0" "$@"'];
    const { target, path, apps } = await crowd(t, way, wrapper, ['--max-connections', '10000'], 80);
    const inside = await settled(apps);
    t.ok(inside.length > 0 && inside.length < 80, `${inside.length} of 80 are served`);
    await noSpin(t, path);
    await stillServed(t, inside);
    const errors = path.near.count(/cannot accept connections for now/);
    t.ok(errors <= 80, `${errors} lines about it`);
    for (const app of apps) app.reset();
    await path.idle();
    const late = await dial(t, path.port);
    late.write('hello');
    await late.has(5);
    t.ok(target.count > 0, 'and then it works again');
    late.reset();
  });
}

for (const way of [...BACKENDS, PAIR, STRIPED]) {
  t.test(`--max-connections 5: ${way.name}`, async (t) => {
    const { path, apps } = await crowd(t, way, [], ['--max-connections', '5'], 23);
    const inside = await settled(apps);
    t.equal(inside.length, 5);
    t.equal(path.near.count(/at the limit of 5 connections; new ones wait/), 1);
    await noSpin(t, path);
    await stillServed(t, inside);
    await takeTurns(t, apps);
    await path.idle();
  });
}
