/** Goal: one process runs all listeners of a configuration file, whatever their modes, and the first mistake is none too many. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { stringify } from 'yaml';
import { COMMAND, startProxy } from '../helpers/e2e_proxy.ts';
import { freePort, succeed, temporaryFolder, tool } from '../helpers/e2e_run.ts';
import { dial, dialThrough, Pattern, Target } from '../helpers/e2e_tcp.ts';
import { until } from '../helpers/e2e_wait.ts';
import { BACKENDS } from '../helpers/e2e_ways.ts';

const BYTES = 8_000_000;

/** A relay, a client and a server of one file, each before a target of its own. */
async function three(t: Test, folder: string) {
  const [relay, server, client] = await Promise.all([freePort(), freePort(), freePort()]);
  const [web, database] = [await Target.listen(t), await Target.listen(t)];
  await succeed(t, process.execPath, [COMMAND, 'keygen', join(folder, 'a.key')]);
  const config = {
    'log-level': 'debug',
    memory: '64M',
    listeners: [
      { name: 'web', mode: 'relay', listen: `127.0.0.1:${relay}`, target: `127.0.0.1:${web.port}` },
      {
        name: 'far',
        mode: 'server',
        listen: `127.0.0.1:${server}`,
        target: `127.0.0.1:${database.port}`,
        key: 'a.key',
      },
      {
        name: 'near',
        mode: 'client',
        listen: `127.0.0.1:${client}`,
        peer: `127.0.0.1:${server}`,
        key: 'a.key',
        carriers: 3,
      },
    ],
  };
  const file = join(folder, 'c.yaml');
  writeFileSync(file, stringify(config));
  return { file, config, ports: { relay, client }, web, database };
}

for (const { name, env } of BACKENDS) {
  t.test(`three listeners of three modes in one process: ${name}`, async (t) => {
    const { file, ports, web, database } = await three(t, temporaryFolder(t));
    const proxy = await startProxy(t, ['--config', file], {
      env: { ...env, TCP_STRIPER_LOG_FORMAT: 'text' },
    });
    for (const listener of ['web', 'far', 'near'])
      await proxy.line(new RegExp(` ${listener} tcp-proxy \\w+ on`));
    await proxy.line(/near striping to .* over 3 connections/);
    const pattern = new Pattern();
    const ways = [
      [ports.relay, web],
      [ports.client, database],
    ] as const;
    for (const [port, target] of ways) {
      const [app, far] = await dialThrough(t, port, target);
      app.expected = pattern;
      far.expected = pattern;
      await Promise.all([
        app.sendPattern(pattern, BYTES),
        far.sendPattern(pattern, BYTES),
        far.has(BYTES),
        app.has(BYTES),
      ]);
      t.same([app.wrongAt, far.wrongAt], [-1, -1]);
      app.fin();
      t.equal(await far.over(), 'FIN');
      far.fin();
      t.equal(await app.over(), 'FIN');
    }
    await until(
      () => proxy.count(/closed after/) === 3,
      () => `not all are closed:\n${proxy.text}`,
    );
    const ids = proxy.lines.flatMap((line) => /(?:web|far|near) (c\d+) open:/.exec(line)?.[1] ?? []);
    t.equal(new Set(ids).size, 3, 'each connection has a number of its own in the process');
    t.equal(await proxy.end(), 0);
    t.match(proxy.text, /web served 1 connection .*: 8\.00 MB sent, 8\.00 MB received/);
    t.match(proxy.text, /near striped over 3 carriers/);
    t.match(proxy.text, /in all served 3 connections in /);
    if (name.includes('native')) t.match(proxy.text, /left behind: 0 chunks, 0 timers/);
  });
}

t.test('JSON: each line is an object, and all lines of a connection name it', async (t) => {
  const target = await Target.listen(t);
  const args = ['-r', '127.0.0.1:0', `127.0.0.1:${target.port}`, '--log-format', 'auto'];
  const proxy = await startProxy(t, args);
  const port = Number(/relay on 127\.0\.0\.1:(\d+) /.exec(proxy.text)?.[1]);
  const [app, far] = await dialThrough(t, port, target);
  app.fin('hello');
  await far.has(5);
  far.fin('hi');
  await app.over();
  await proxy.line(/"event":"closed"/);
  t.equal(await proxy.end(), 0);
  const lines = proxy.lines.filter((line) => !line.startsWith('(ended')).map((line) => JSON.parse(line));
  const mine = lines.filter(({ conn }) => conn === 'c1');
  t.same(
    mine.map(({ event }) => event),
    ['open', 'closed'],
  );
  t.match(mine[1], { sentBytes: 5, receivedBytes: 2, target: `127.0.0.1:${target.port}`, peer: /^127/ });
  t.match(lines.at(-1), { event: 'summary', connections: 1, sentBytes: 5, level: 'info' });
});

t.test('a reader of JSON that stops costs lines, and no connection', async (t) => {
  const target = await Target.listen(t);
  target.onEnd = (end) => end.reset();
  const args = ['-r', '127.0.0.1:0', `127.0.0.1:${target.port}`, '--log-format', 'json'];
  const proxy = await startProxy(t, args);
  const port = Number(/relay on 127\.0\.0\.1:(\d+) /.exec(proxy.text)?.[1]);
  proxy.child.stderr?.pause();
  for (let i = 0; i < 40; i++)
    await Promise.all(Array.from({ length: 100 }, async () => (await dial(t, port)).over()));
  t.equal(proxy.over, false);
  proxy.child.stderr?.resume();
  await proxy.line(/"event":"closed"/);
  await (await dial(t, port)).over();
  await proxy.line(/"lostLines":\d+/);
  t.equal(await proxy.end(), 0);
  for (const line of proxy.lines)
    if (!line.startsWith('(ended')) t.match(JSON.parse(line), { level: String });
});

t.test('none listens when one cannot', async (t) => {
  const { file, config, web } = await three(t, temporaryFolder(t));
  writeFileSync(
    file,
    stringify({
      ...config,
      listeners: [...config.listeners, { mode: 'relay', listen: `127.0.0.1:${web.port}`, target: 1 }],
    }),
  );
  const { status, stderr } = spawnSync(process.execPath, [COMMAND, '--config', file], { encoding: 'utf8' });
  t.equal(status, 1);
  t.match(stderr, new RegExp(`cannot listen on 127\\.0\\.0\\.1:${web.port}: that address is in use`));
});

t.test('check: what is right, and what starting would find out; exit codes 0 and 2', async (t) => {
  const folder = temporaryFolder(t);
  const { file, config } = await three(t, folder);
  const check = (path: string, env: Record<string, string> = {}) =>
    spawnSync(process.execPath, [COMMAND, 'check', path], {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });
  const good = check(file);
  t.equal(good.status, 0, good.stderr);
  t.match(
    good.stdout,
    /is right, and has 3 listeners:\n {2}web: relay on .*\n {2}far: server on .*\n {2}near: client on /,
  );
  t.equal(good.stderr, '');
  const [web, far, near] = config.listeners as [object, object, object];
  writeFileSync(
    file,
    stringify({
      ...config,
      listeners: [
        { ...web, listen: 1 },
        { ...far, key: 'none.key' },
        { ...near, via: '203.0.113.77' },
      ],
    }),
  );
  const wrong = check(file);
  t.equal(wrong.status, 2);
  t.match(
    wrong.stderr,
    /has 2 mistakes:\n.*far: --key .*none\.key: there is no such file; make one with: .*\n.*near: via: .*203\.0\.113\.77/,
  );
  t.match(check(file, { TCP_STRIPER_GRACE: 'soon' }), {
    status: 2,
    stderr: /TCP_STRIPER_GRACE='soon'; write a time such as/,
  });
  t.match(check(join(folder, 'none.toml')), { status: 2, stderr: /none\.toml: there is no such file/ });
});

t.test('what the environment says counts more than the file, and less than the command line', async (t) => {
  const folder = temporaryFolder(t);
  const target = await Target.listen(t);
  const file = join(folder, 'c.json');
  const listeners = [{ mode: 'relay', listen: '127.0.0.1:0', target: target.port }];
  writeFileSync(file, JSON.stringify({ 'log-level': 'error', listeners }));
  const env = { TCP_STRIPER_LOG_LEVEL: 'debug', TCP_STRIPER_LOG_LEVLE: 'x', TCP_STRIPER_LOG_FORMAT: 'text' };
  const proxy = await startProxy(t, ['--config', file], { env });
  t.match(proxy.text, /TCP_STRIPER_LOG_LEVLE, which means nothing; did you mean TCP_STRIPER_LOG_LEVEL\?/);
  t.equal(await proxy.end(), 0);
  t.match(proxy.text, /debug left behind/);
  const quieter = await startProxy(t, ['--config', file, '--log-level', 'info'], { env });
  t.equal(await quieter.end(), 0);
  t.notMatch(quieter.text, /debug/);
});

t.test('curl through a process with a classic pair and a relay in TOML', async (t) => {
  const curl = tool('curl', 'curl');
  const folder = temporaryFolder(t);
  const [near, far] = [await freePort(), await freePort()];
  const target = await Target.listen(t);
  target.onEnd = (end) => {
    end.socket.once('data', () => end.fin('HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello'));
  };
  const file = join(folder, 'c.toml');
  writeFileSync(
    file,
    `carriers = 0
[[listeners]]
mode = "client"
listen = "127.0.0.1:${near}"
peer = ["127.0.0.1:${far}"]
[[listeners]]
mode = "server"
listen = ${JSON.stringify(`127.0.0.1:${far}`)}
target = ${target.port}
`,
  );
  const proxy = await startProxy(t, ['--config', file], { env: { TCP_STRIPER_LOG_FORMAT: 'text' } });
  t.equal(await succeed(t, curl, ['-sS', `http://127.0.0.1:${near}/`]), 'hello');
  t.equal(await proxy.end(), 0);
});
