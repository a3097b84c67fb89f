/** Goal: a striped pair in operation: killed, stopped, restarted, crowded, refused; told in words what the far side knows. */

import { createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openPath, startProxy } from '../helpers/e2e_proxy.ts';
import { canUnshare, freePort, temporaryFolder, tool } from '../helpers/e2e_run.ts';
import { dial, dialThrough, type End, Pattern, Target } from '../helpers/e2e_tcp.ts';
import { sleep } from '../helpers/e2e_wait.ts';
import { STRIPED, STRIPED_PORTABLE } from '../helpers/e2e_ways.ts';

const MIB = 1024 * 1024;
const pattern = new Pattern();

t.setTimeout(900_000);
t.jobs = 3;

/** A short conversation, to its end. */
async function works(t: Test, port: number, target: Target): Promise<void> {
  const [app, far] = await dialThrough(t, port, target);
  app.fin('still here?');
  t.equal(await far.over(), 'FIN');
  far.fin('yes');
  t.equal(await app.over(), 'FIN');
  t.same([far.text, app.text], ['still here?', 'yes']);
}

function sawReset(t: Test, end: End, who: string): void {
  t.ok(['ECONNRESET', 'EPIPE'].includes(end.outcome ?? ''), `${who}: ${end.events.join(', ')}`);
}

for (const way of [STRIPED, STRIPED_PORTABLE]) {
  const options = ['-n', '4'];
  const each = (name: string, work: (t: Test) => Promise<void>) =>
    t.test(`${name}: ${way.name}`, { buffered: true }, work);

  each('-s is killed and started again: what was open is reset, new ones work', async (t) => {
    const target = await Target.listen(t);
    const path = await openPath(t, way, target.port);
    const [app, far] = await dialThrough(t, path.port, target);
    const [idle] = await dialThrough(t, path.port, target);
    far.expected = pattern;
    const sending = app.sendPattern(pattern, 2000 * MIB);
    await far.has(4 * MIB);
    const { port } = path.far;
    await path.far.end('SIGKILL');
    t.ok(await far.over(10_000), 'the target hears of it');
    t.equal(far.wrongAt, -1);
    far.fin();
    await startProxy(t, ['-s', `127.0.0.1:${port}`, `127.0.0.1:${target.port}`, ...options], way);
    // Not by the 30 s that a lost peer is waited for.
    await Promise.all([app.over(20_000), idle.over(20_000)]);
    await sending;
    sawReset(t, app, 'the app that sent');
    sawReset(t, idle, 'the idle app');
    await works(t, path.port, target);
    t.equal(path.near.over, false);
  });

  each('-c is killed and started again: its connections end, the new one is served at once', async (t) => {
    const target = await Target.listen(t);
    const path = await openPath(t, way, target.port, { args: ['--grace', '3s'] });
    const [app, far] = await dialThrough(t, path.port, target);
    far.expected = pattern;
    const sending = app.sendPattern(pattern, 2000 * MIB);
    await far.has(4 * MIB);
    const { port } = path.near;
    await path.near.end('SIGKILL');
    await sending;
    await startProxy(t, ['-c', `127.0.0.1:${port}`, `127.0.0.1:${path.far.port}`, ...options], way);
    await works(t, port, target);
    t.equal(await far.over(20_000), 'ECONNRESET', 'the target, when the time is up');
    t.equal(far.wrongAt, -1);
  });

  // Longer than the 15 s after which a silent carrier is given up; 30 s would show no more.
  each('stopped for 18 s and continued', async (t) => {
    const target = await Target.listen(t);
    const path = await openPath(t, way, target.port);
    const [app, far] = await dialThrough(t, path.port, target);
    app.expected = far.expected = pattern;
    const bytes = 256 * MIB;
    const sending = Promise.all([app.sendPattern(pattern, bytes), far.sendPattern(pattern, bytes)]);
    await far.has(4 * MIB);
    path.far.child.kill('SIGSTOP');
    await sleep(18_000);
    t.same([app.outcome, far.outcome], [null, null]);
    path.far.child.kill('SIGCONT');
    await sending;
    app.fin();
    far.fin();
    t.same([await app.over(60_000), await far.over(60_000)], ['FIN', 'FIN']);
    t.same([app.received, app.wrongAt, far.received, far.wrongAt], [bytes, -1, bytes, -1]);
    await path.end();
  });

  each('TESTPLAN 21: a stalled connection holds none of 99 others up', async (t) => {
    const target = await Target.listen(t);
    const path = await openPath(t, way, target.port);
    const [stalled, reader] = await dialThrough(t, path.port, target);
    reader.expected = pattern;
    reader.socket.pause();
    const sending = stalled.sendPattern(pattern, 64 * MIB);
    await Promise.all(
      Array.from({ length: 99 }, async () => {
        const app = await dial(t, path.port);
        const far = await target.next();
        app.expected = far.expected = pattern;
        await app.sendPattern(pattern, MIB);
        app.fin();
        t.equal(await far.over(60_000), 'FIN');
        t.same([far.received, far.wrongAt], [MIB, -1]);
        far.fin();
        await app.over();
      }),
    );
    t.ok(stalled.sent < 64 * MIB, 'it still stands');
    reader.socket.resume();
    await sending;
    stalled.fin();
    t.equal(await reader.over(60_000), 'FIN');
    t.same([reader.received, reader.wrongAt], [64 * MIB, -1]);
    reader.fin();
    await path.end();
  });

  each('a target that refuses, and one whose name is unknown: both logs say why', async (t) => {
    for (const [where, reason] of [
      [`127.0.0.1:${await freePort()}`, /nothing listens at that address/],
      ['no-such-host.invalid:80', /cannot resolve 'no-such-host\.invalid'|did not answer/],
    ] as const) {
      const path = await openPath(t, way, where, { args: ['--connect-timeout', '20s'] });
      // The reset may be quicker than the news that it is connected.
      const ended = dial(t, path.port).then(
        (app) => app.over(40_000),
        (error: NodeJS.ErrnoException) => error.code,
      );
      t.equal(await ended, 'ECONNRESET');
      t.match(await path.far.line(/c1 failed after/), reason);
      t.match(await path.near.line(/warn {2}c1 closed after/), reason);
      await path.idle();
    }
  });

  each('apps and target on Unix sockets, and on IPv6', async (t) => {
    const folder = temporaryFolder(t);
    const unix = await Target.listen(t, { path: join(folder, 'target') });
    const path = await openPath(t, way, join(folder, 'target'), { listen: join(folder, 'listen') });
    const app = await dial(t, { path: join(folder, 'listen') });
    const far = await unix.next();
    far.expected = pattern;
    await app.sendPattern(pattern, 8 * MIB);
    app.fin();
    t.equal(await far.over(), 'FIN');
    t.same([far.received, far.wrongAt], [8 * MIB, -1]);
    far.fin('thanks');
    t.equal(await app.over(), 'FIN');
    t.equal(app.text, 'thanks');
    await path.idle();

    const six = await Target.listen(t, { host: '::1' });
    const sixth = await openPath(t, way, `[::1]:${six.port}`, { listen: '[::1]:0' });
    const through = await dial(t, { host: '::1', port: sixth.port });
    through.fin('six');
    const end = await six.next();
    t.equal(await end.over(), 'FIN');
    t.equal(end.text, 'six');
    end.fin();
    t.equal(await through.over(), 'FIN');
    await sixth.idle();
  });
}

const unshare = { buffered: true, skip: canUnshare() ? false : 'makes a network namespace, as root only' };
t.test('a target that never answers: the client says so', unshare, async (t) => {
  tool('ip', 'iproute2');
  // The far end of a virtual cable that nobody listens to; a neighbour that is said to be there never fails by itself.
  const setUp = [
    'ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up',
    'ip addr add 10.9.9.1/24 dev v0 && ip neigh replace 10.9.9.9 lladdr 02:00:00:00:00:09 dev v0',
  ].join(' && ');
  const wrapper = ['unshare', '-n', 'sh', '-c', `${setUp} && exec "$0" "$@"`];
  const listen = join(temporaryFolder(t), 'in');
  const args = ['-n', '4', '--connect-timeout', '2s'];
  const far = await startProxy(t, ['-s', '127.0.0.1:7000', '10.9.9.9:80', ...args], { ...STRIPED, wrapper });
  const inside = ['nsenter', '-t', `${far.pid}`, '-n'];
  const near = await startProxy(t, ['-c', listen, '127.0.0.1:7000', ...args], {
    ...STRIPED,
    wrapper: inside,
  });
  const app = await dial(t, { path: listen });
  await app.over(30_000);
  t.match(await near.line(/c1 closed after/), /10\.9\.9\.9:80 did not answer within 2(\.0)?s/);
});

t.test('what a peer says is shown without its escapes', { buffered: true }, async (t) => {
  // A REFUSE: its text may be anything.
  const text = Buffer.from('\x1b[31mred\r\n2026-01-01 info  forged\x00');
  const body = Buffer.concat([Buffer.from('TSTR'), Buffer.from([4, 1, 1, 0]), text]);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.write(Buffer.concat([Buffer.from([body.length]), body])));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const near = await startProxy(
    t,
    ['-c', '127.0.0.1:0', `127.0.0.1:${port}`, '-n', '2', '--connect-timeout', '1s', '--log-level', 'debug'],
    STRIPED,
  );
  t.teardown(() => server.close());
  const app = await dial(t, near.port);
  t.equal(await app.over(), 'ECONNRESET');
  await near.line(/red/);
  t.notOk(
    near.lines.some((line) => /^2026-01-01|\x1b|\x00/.test(line)),
    near.text,
  );
});
