/** Goal: SIGTERM finishes what is open and exits 0; a time limit and a second signal end it sooner. */

import { connect } from 'node:net';
import t from 'tap';
import { openPath, startProxy } from '../helpers/e2e_proxy.ts';
import { dialThrough, Pattern, Target } from '../helpers/e2e_tcp.ts';
import { RELAY, RELAY_PORTABLE, WAYS } from '../helpers/e2e_ways.ts';

const MIB = 1024 * 1024;
const pattern = new Pattern();

t.setTimeout(900_000);
// The ways have nothing to do with each other, and much of a test is waiting.
t.jobs = 3;

function refused(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve('connected'));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once('connect', () => socket.destroy());
  });
}

for (const way of WAYS) {
  t.test(way.name, { buffered: true }, async (t) => {
    t.test('with nothing open it exits 0 at once, on SIGTERM and on SIGINT', async (t) => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        const path = await openPath(t, way, 9);
        for (const proxy of path.proxies) {
          t.equal(await proxy.end(signal, 5000), 0);
          t.match(proxy.text, /served 0 connections in/);
        }
      }
    });

    t.test('a transfer that is under way ends whole, and nobody new is let in', async (t) => {
      const target = await Target.listen(t);
      const path = await openPath(t, way, target.port);
      const [app, far] = await dialThrough(t, path.port, target);
      far.expected = pattern;
      const bytes = 150 * MIB;
      const sending = app.sendPattern(pattern, bytes);
      await far.has(MIB);
      for (const proxy of path.proxies) {
        proxy.child.kill('SIGTERM');
        await proxy.line(/SIGTERM: finishing 1 connection/);
      }
      t.equal(await refused(path.port), 'ECONNREFUSED');
      await sending;
      app.fin();
      t.equal(await far.over(), 'FIN');
      t.same([far.received, far.wrongAt], [bytes, -1]);
      t.same(
        path.proxies.map((proxy) => proxy.over),
        path.proxies.map(() => false),
        'half-open is open',
      );
      far.fin('bye');
      t.equal(await app.over(), 'FIN');
      for (const proxy of path.proxies) {
        t.equal(await proxy.exited, 0);
        t.match(proxy.text, /served 1 connection in .*: 157 MB sent, 3 B received/);
      }
    });

    t.test('what is open after --drain-timeout is reset, and it exits 0', async (t) => {
      const target = await Target.listen(t);
      const path = await openPath(t, way, target.port, { args: ['--drain-timeout', '300ms'] });
      const [app, far] = await dialThrough(t, path.port, target);
      app.write('x');
      await far.has(1);
      t.equal(await path.near.end('SIGTERM', 8000), 0);
      t.match(path.near.text, /1 connection still open after 300ms: reset/);
      t.same([await app.over(), await far.over()], ['ECONNRESET', 'ECONNRESET']);
    });

    t.test('a second signal ends it at once', async (t) => {
      const target = await Target.listen(t);
      const path = await openPath(t, way, target.port);
      const [app, far] = await dialThrough(t, path.port, target);
      app.write('x');
      await far.has(1);
      path.near.child.kill('SIGTERM');
      await path.near.line(/finishing 1 connection/);
      t.equal(await path.near.end('SIGINT', 5000), 1);
      t.match(path.near.text, /second SIGINT: ending at once, 1 connection reset/);
      t.same([await app.over(), await far.over()], ['ECONNRESET', 'ECONNRESET']);
    });
  });
}

for (const way of [RELAY, RELAY_PORTABLE]) {
  t.test(`clients that wait at the connection limit are not told an end: ${way.name}`, async (t) => {
    const target = await Target.listen(t);
    const path = await openPath(t, way, target.port, { args: ['--max-connections', '1'] });
    const [app, far] = await dialThrough(t, path.port, target);
    await path.near.line(/at the limit of 1 connection; new ones wait/);
    const waiting = connect({ port: path.port, host: '127.0.0.1', allowHalfOpen: true });
    const saw = new Promise((resolve) => {
      waiting.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
      waiting.once('end', () => resolve('FIN'));
      waiting.resume();
    });
    await new Promise((resolve) => waiting.once('connect', resolve));
    path.near.child.kill('SIGTERM');
    await path.near.line(/finishing 1 connection/);
    t.equal(await saw, 'ECONNRESET');
    app.fin();
    far.fin();
    t.equal(await path.near.exited, 0);
  });
}

t.test('a restart on the port at once, with connections of the last one still closing', async (t) => {
  const target = await Target.listen(t);
  let proxy = await startProxy(t, ['-r', '127.0.0.1:0', `127.0.0.1:${target.port}`]);
  for (let i = 0; i < 3; i++) {
    const { port } = proxy;
    const [, far] = await dialThrough(t, port, target);
    // Our side ends first, so that the kernel keeps the port in TIME_WAIT.
    far.fin();
    const ended = proxy.end('SIGTERM');
    await proxy.line(/finishing/);
    proxy.child.kill('SIGTERM');
    t.equal(await ended, 1);
    proxy = await startProxy(t, ['-r', `127.0.0.1:${port}`, `127.0.0.1:${target.port}`]);
  }
});
