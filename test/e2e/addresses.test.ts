/** Goal: IPv4, IPv6, both at once, scoped addresses and Unix sockets, to listen on and to connect to. */

import { spawn } from 'node:child_process';
import { existsSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openPath, startProxy, TcpProxy } from '../helpers/e2e_proxy.ts';
import { canUnshare, succeed, temporaryFolder, tool } from '../helpers/e2e_run.ts';
import { dial, type End, Target } from '../helpers/e2e_tcp.ts';
import { BACKENDS, PAIR, PAIR_PORTABLE, type Way } from '../helpers/e2e_ways.ts';

t.setTimeout(900_000);

/** A wrapper for a network of its own, or at least for a /etc/hosts of its own: `localhost` is both families there. */
function namespace(t: Test, setUp: string, kind: '-n' | '-m'): string[] {
  if (!canUnshare()) throw new Error('this test makes a namespace: run it as root');
  const hosts = join(temporaryFolder(t), 'hosts');
  writeFileSync(hosts, '127.0.0.1 localhost\n::1 localhost\n');
  const words = [`mount --bind ${hosts} /etc/hosts`, setUp, 'exec "$0" "$@"'].join(' && ');
  return ['unshare', ...new Set(['-m', kind]), 'sh', '-c', words];
}

/** Says something each way, then ends in peace. */
async function talk(t: Test, app: End, target: Target): Promise<void> {
  const far = await target.next();
  app.fin('ping');
  t.equal(await far.over(), 'FIN');
  far.fin('pong');
  await app.over();
  t.same([far.text, app.text, app.events[0]], ['ping', 'pong', 'FIN']);
}

for (const way of BACKENDS) {
  t.test(way.name, async (t) => {
    const v4 = await Target.listen(t);
    const v6 = await Target.listen(t, { host: '::1' });

    t.test('IPv6 to listen on and to connect to', async (t) => {
      const path = await openPath(t, way, `[::1]:${v6.port}`, { listen: '[::1]:0' });
      await talk(t, await dial(t, { host: '::1', port: path.port }), v6);
      t.match(path.near.text, /c1 open: \[::1\]:\d+ -> \[::1\]:\d+/);
    });

    t.test('every address of the machine, by IPv4 and IPv6, and says who it was', async (t) => {
      for (const listen of [':0', '[::]:0', '*:0']) {
        const path = await openPath(t, way, v4.port, { listen });
        await talk(t, await dial(t, { host: '127.0.0.1', port: path.port }), v4);
        await talk(t, await dial(t, { host: '::1', port: path.port }), v4);
        t.match(path.near.text, /c1 open: 127\.0\.0\.1:\d+ ->/, 'a v4-mapped client is shown as IPv4');
        t.match(path.near.text, /c2 open: \[::1\]:\d+ ->/);
      }
    });

    t.test('a v4-mapped target', async (t) => {
      const path = await openPath(t, way, `[::ffff:127.0.0.1]:${v4.port}`);
      await talk(t, await dial(t, path.port), v4);
    });

    t.test('an IPv6 address alone leaves IPv4 to others', async (t) => {
      const path = await openPath(t, way, v4.port, { listen: '[::1]:0' });
      const other = await Target.listen(t, { host: '127.0.0.1', port: path.port });
      const app = await dial(t, path.port);
      app.fin();
      t.equal(await (await other.next()).over(), 'FIN', 'the other program got it');
    });

    t.test('a name with both families: the one that answers is found', async (t) => {
      const wrapper = namespace(t, 'true', '-m');
      for (const target of [v4, v6]) {
        const path = await openPath(t, way, `localhost:${target.port}`, { listen: 'localhost:0', wrapper });
        t.match(path.near.text, / on (127\.0\.0\.1|\[::1\]):\d+ and (127\.0\.0\.1|\[::1\]):\d+ -> /);
        await talk(t, await dial(t, path.port), target);
      }
    });

    t.test('a link-local address with its scope', async (t) => {
      const ip = tool('ip', 'iproute2');
      const folder = temporaryFolder(t);
      const target = await Target.listen(t, { path: join(folder, 'target') });
      const setUp = `${ip} link set lo up && ${ip} -6 addr add fe80::77/64 dev lo nodad`;
      const wrapper = namespace(t, setUp, '-n');
      const outer = await startProxy(t, ['-r', '[fe80::77%lo]:7777', target.server.address() as string], {
        ...way,
        wrapper,
      });
      // A second one in the same network takes the app in by a Unix socket and dials the scoped address.
      const inside = ['nsenter', '-t', `${outer.pid}`, '-n'];
      await startProxy(t, ['-r', join(folder, 'in'), '[fe80::77%lo]:7777'], { ...way, wrapper: inside });
      await talk(t, await dial(t, { path: join(folder, 'in') }), target);
    });

    t.test('on a machine without IPv6, a wildcard and a name still listen', async (t) => {
      const setUp = 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 && ip link set lo up';
      const wrapper = namespace(t, setUp, '-n');
      for (const listen of [':0', 'localhost:0']) {
        const proxy = await startProxy(t, ['-r', listen, '127.0.0.1:1'], { ...way, wrapper });
        t.ok(proxy.port > 0, proxy.text);
        t.equal(await proxy.end(), 0);
      }
    });
  });
}

async function unixPath(t: Test, way: Way, from: string, to: string): Promise<TcpProxy[]> {
  return [...(await openPath(t, way, to, { listen: from })).proxies];
}

for (const way of [...BACKENDS, PAIR, PAIR_PORTABLE]) {
  t.test(`Unix sockets: ${way.name}`, async (t) => {
    const folder = temporaryFolder(t);
    const target = await Target.listen(t, { path: join(folder, 'target') });
    const listen = join(folder, 'listen');
    const dialIn = () => dial(t, { path: listen });

    t.test('to listen on and to connect to; the file goes with the process', async (t) => {
      const proxies = await unixPath(t, way, listen, join(folder, 'target'));
      for (let i = 0; i < 3; i++) await talk(t, await dialIn(), target);
      for (const proxy of proxies) t.equal(await proxy.end(), 0);
      t.notOk(existsSync(listen), 'its file is gone');
    });

    t.test('a file that a killed process left is replaced, one in use is not', async (t) => {
      const [killed] = await unixPath(t, way, listen, join(folder, 'target'));
      await killed?.end('SIGKILL');
      t.ok(existsSync(listen), 'kill -9 leaves the file');
      await unixPath(t, way, listen, join(folder, 'target'));
      await talk(t, await dialIn(), target);
      const second = new TcpProxy(t, ['-r', listen, '127.0.0.1:1'], { env: way.env });
      t.equal(await second.exited, 1);
      t.match(
        second.text,
        /cannot listen on .*listen: a program listens there already; choose another path, or end/,
      );
      const { count } = target;
      await talk(t, await dialIn(), target);
      t.equal(target.count, count + 1, 'it did not ask by connecting');
    });

    const keeps = way.env.TCP_STRIPER_BACKEND === 'native';
    const reason = { skip: keeps ? false : 'node:net removes the path by itself, whatever is there' };
    t.test('whoever stops leaves the file of another alone', reason, async (t) => {
      const [first] = await unixPath(t, way, listen, join(folder, 'target'));
      unlinkSync(listen);
      const [second] = await unixPath(t, way, listen, join(folder, 'target'));
      t.equal(await first?.end(), 0);
      t.ok(existsSync(listen));
      await talk(t, await dialIn(), target);
      t.equal(await second?.end(), 0);
      t.notOk(existsSync(listen));
    });

    t.test('by a relative path, and taken when it is given as an absolute one', async (t) => {
      const cd = ['sh', '-c', `cd ${folder} && exec "$0" "$@"`];
      const proxy = await startProxy(t, ['-r', 'unix:listen', join(folder, 'target')], {
        ...way,
        wrapper: cd,
      });
      const second = new TcpProxy(t, ['-r', listen, '127.0.0.1:1'], { env: way.env });
      t.equal(await second.exited, 1);
      const { count } = target;
      await talk(t, await dialIn(), target);
      t.equal(target.count, count + 1);
      t.equal(await proxy.end(), 0);
      t.notOk(existsSync(listen));
    });

    t.test('a file that is no socket is left alone', async (t) => {
      const file = join(folder, 'precious');
      writeFileSync(file, 'data');
      const proxy = new TcpProxy(t, ['-r', file, '127.0.0.1:1'], { env: way.env });
      t.equal(await proxy.exited, 1);
      t.match(proxy.text, /is not a socket/);
      t.ok(existsSync(file));
    });

    t.test('a target that is not there, and one that nobody serves any more', async (t) => {
      const stale = join(folder, 'stale');
      const code =
        'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
      await new Promise((resolve) => spawn(process.execPath, ['-e', code, stale]).once('close', resolve));
      for (const to of [join(folder, 'missing'), stale]) {
        const path = await openPath(t, way, to);
        const app = await dial(t, path.port);
        t.equal(await app.over(), 'ECONNRESET');
        await path.far.line(/c1 failed after .*nothing listens at that address/);
      }
    });
  });
}

t.test('socat as the client and the target of a Unix socket', async (t) => {
  const socat = tool('socat', 'socat');
  const folder = temporaryFolder(t);
  const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  await new Promise<void>((resolve) => echo.listen(join(folder, 'echo'), resolve));
  t.teardown(() => echo.close());
  await startProxy(t, ['-r', `unix:${join(folder, 'in')}`, join(folder, 'echo')]);
  // -t: how long socat waits for the other direction after one has ended.
  const args = ['-t', '20', 'STDIO', `UNIX-CONNECT:${join(folder, 'in')}`];
  const input = 'line\n'.repeat(100_000);
  t.ok((await succeed(t, socat, args, { input })) === input, 'all of it came back');
});
