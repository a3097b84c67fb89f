/** Goal: SIGHUP makes of a process what its file says now, and no connection is lost by that. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startProxy, type TcpProxy } from '../helpers/e2e_proxy.ts';
import { freePort, temporaryFolder } from '../helpers/e2e_run.ts';
import { dial, dialThrough, Pattern, Target } from '../helpers/e2e_tcp.ts';
import { until } from '../helpers/e2e_wait.ts';
import { BACKENDS } from '../helpers/e2e_ways.ts';

type Listener = Record<string, string | number>;

/** Writes the file anew and waits until it counts, or is refused. */
async function reload(
  proxy: TcpProxy,
  file: string,
  text: string,
  answer = /SIGHUP: read again/,
): Promise<void> {
  writeFileSync(file, text);
  const from = proxy.lines.length;
  proxy.child.kill('SIGHUP');
  await proxy.line(answer, from);
}

const json = (...listeners: Listener[]): string =>
  JSON.stringify({ 'log-level': 'debug', 'drain-timeout': 0, listeners });

async function start(t: Test, env: Readonly<Record<string, string>>, ...listeners: Listener[]) {
  const file = join(temporaryFolder(t), 'c.json');
  writeFileSync(file, json(...listeners));
  return { file, proxy: await startProxy(t, ['--config', file], { env }) };
}

for (const { name, env } of BACKENDS) {
  t.test(`listeners that are new, gone, changed, and as before: ${name}`, async (t) => {
    const [before, after, other] = [await Target.listen(t), await Target.listen(t), await Target.listen(t)];
    const [a, b, c] = [await freePort(), await freePort(), await freePort()];
    const relay = (port: number, target: Target): Listener => ({
      mode: 'relay',
      listen: `127.0.0.1:${port}`,
      target: target.port,
    });
    const { file, proxy } = await start(t, env, relay(a, before), relay(b, other));
    const pattern = new Pattern();
    const [app, far] = await dialThrough(t, a, before);
    far.expected = pattern;
    let going = true;
    const sending = (async () => {
      while (going) await app.sendPattern(pattern, 1_000_000);
    })();
    const [stays, staysFar] = await dialThrough(t, b, other);

    await reload(proxy, file, json(relay(a, after), relay(b, other), relay(c, other)));
    t.match(proxy.text, /SIGHUP: read again: 2 opened, 1 closed, 1 as before/);
    const [, second] = await dialThrough(t, a, after);
    t.ok(second, 'new connections go where the file says now');
    await dialThrough(t, c, other);

    await reload(proxy, file, json(relay(a, after)));
    await t.rejects(dial(t, b), { code: 'ECONNREFUSED' }, 'what is gone accepts no more');
    stays.fin('still here');
    await staysFar.over();
    t.equal(staysFar.text, 'still here', 'but its connections go on');
    staysFar.fin();
    t.equal(await stays.over(), 'FIN');

    const at = far.received;
    await far.has(at + 5_000_000);
    going = false;
    await sending;
    app.fin();
    t.equal(await far.over(), 'FIN');
    t.same(
      [far.wrongAt, far.received],
      [-1, app.sent],
      'the one that was under way all the time has lost nothing',
    );
    far.fin();
    t.equal(await app.over(), 'FIN');
    await proxy.line(/served 1 connection /);
    t.equal(await proxy.end('SIGTERM', 40_000), 0);
  });
}

t.test('a striped pair: other carriers, another key, and the stream that is there goes on', async (t) => {
  const target = await Target.listen(t);
  const [near, far] = [await freePort(), await freePort()];
  const server: Listener = { name: 's', mode: 'server', listen: `127.0.0.1:${far}`, target: target.port };
  const client: Listener = {
    name: 'c',
    mode: 'client',
    listen: `127.0.0.1:${near}`,
    peer: `127.0.0.1:${far}`,
    carriers: 2,
  };
  const { file, proxy } = await start(t, {}, server, client);
  await proxy.line(/c striping to .* over 2 connections/);
  const [app, end] = await dialThrough(t, near, target);
  await reload(proxy, file, json(server, { ...client, carriers: 3 }));
  await proxy.line(/c striping to .* over 3 connections/);
  const [another, anotherEnd] = await dialThrough(t, near, target);
  await reload(proxy, file, json({ ...server, 'max-connections': 50 }, { ...client, carriers: 3 }));
  for (const [from, to] of [
    [app, end],
    [another, anotherEnd],
  ] as const) {
    from.fin('hello');
    t.equal(await to.over(), 'FIN');
    t.equal(to.text, 'hello');
    to.fin('bye');
    t.equal(await from.over(), 'FIN');
    t.equal(from.text, 'bye');
  }
  const [last] = await dialThrough(t, near, target);
  last.reset();
  t.equal(await proxy.end(), 0);
});

t.test('a file that is wrong changes nothing, and is said to be', async (t) => {
  const target = await Target.listen(t);
  const taken = await Target.listen(t);
  const port = await freePort();
  const relay: Listener = { mode: 'relay', listen: `127.0.0.1:${port}`, target: target.port };
  const { file, proxy } = await start(t, {}, relay);
  const kept = /SIGHUP: the configuration from before stays in force/;
  for (const [text, words] of [
    ['{', /c\.json:1:2: this is no JSON/],
    [json({ ...relay, grce: 1 }), /listeners\[0\]\.grce: there is no such key; did you mean 'grace'/],
    [
      json(relay, { ...relay, listen: `127.0.0.1:${taken.port}` }),
      /cannot listen on .*: that address is in use/,
    ],
    [
      json({ mode: 'server', listen: `127.0.0.1:${port}`, target: 1, key: 'none' }),
      /none: there is no such file/,
    ],
  ] as const) {
    await reload(proxy, file, text, kept);
    t.match(proxy.text, words);
    await dialThrough(t, port, target);
  }
  await reload(proxy, file, json(relay));
  t.match(proxy.text, /0 opened, 0 closed, 1 as before/);
  await until(
    () => !proxy.over,
    () => proxy.text,
  );
  t.equal(await proxy.end('SIGINT', 40_000), 0);
});
