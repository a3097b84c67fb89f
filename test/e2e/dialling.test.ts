/** Goal: a far end that is not there yet, refuses, is silent or has no such name: waiting, then a reset and a reason. */

import { join } from 'node:path';
import t from 'tap';
import { openPath, startProxy } from '../helpers/e2e_proxy.ts';
import { canUnshare, freePort, temporaryFolder, tool } from '../helpers/e2e_run.ts';
import { dial, Target } from '../helpers/e2e_tcp.ts';
import { BACKENDS, PAIR, PAIR_PORTABLE } from '../helpers/e2e_ways.ts';

t.setTimeout(900_000);

for (const way of [PAIR, PAIR_PORTABLE]) {
  t.test(way.name, async (t) => {
    t.test('the client accepts before its peer is there, and the connection completes', async (t) => {
      const target = await Target.listen(t);
      const peerPort = await freePort();
      const client = await startProxy(t, ['-c', '127.0.0.1:0', `127.0.0.1:${peerPort}`], way);
      const app = await dial(t, client.port);
      app.write('patience');
      await client.line(/warn .*refused.* wait while it is tried again|nothing listens.* tried again/i);
      t.equal(app.outcome, null, 'the app waits');
      await startProxy(t, ['-s', `127.0.0.1:${peerPort}`, `127.0.0.1:${target.port}`], way);
      const far = await target.next();
      await far.has(8);
      t.equal(far.text, 'patience');
      far.fin('rewarded');
      t.equal(await app.over(), 'FIN');
      t.equal(app.text, 'rewarded');
      await client.line(/can be reached again/);
      t.equal(client.count(/tried again/), 1, 'the trouble is said once');
      app.fin();
      t.equal(await far.over(), 'FIN');
    });

    t.test('it gives up after --connect-timeout, with a reset and a reason', async (t) => {
      const peer = await freePort();
      const args = ['-c', '127.0.0.1:0', `127.0.0.1:${peer}`, '--connect-timeout', '700ms'];
      const client = await startProxy(t, args, way);
      const app = await dial(t, client.port);
      app.write('hello?');
      t.equal(await app.over(), 'ECONNRESET');
      t.match(await client.line(/c1 failed after/), /nothing listens.*; gave up after 700ms/);
      t.equal(await client.end(), 0);
      t.match(client.text, /served 1 connection \(1 failed\)/);
    });

    t.test('an app that gives up while the client is still trying ends the trying', async (t) => {
      const client = await startProxy(t, ['-c', '127.0.0.1:0', `127.0.0.1:${await freePort()}`], way);
      const app = await dial(t, client.port);
      await client.line(/tried again/);
      app.reset();
      if (way === PAIR) await client.line(/c1 failed after .*the client gave up/);
      // node:net hears of it only when it reads, which is after the peer was reached.
      t.equal(await client.end('SIGINT', way === PAIR ? 5000 : 15_000), 0);
    });

    t.test('a target that refuses is a reset at once, through both proxies', async (t) => {
      const path = await openPath(t, way, await freePort());
      const app = await dial(t, path.port);
      app.write('anybody?');
      t.equal(await app.over(5000), 'ECONNRESET');
      t.match(await path.far.line(/c1 failed after/), /nothing listens at that address \(ECONNREFUSED\)/);
      // When the reset comes that fast, it is met while the connection is still being made: that is no reason to repeat it.
      const guess = 'before anything came back: most likely the peer could not reach its target';
      const ended = `warn  c1 (closed after .*; peer: connection reset|failed after .* closed it at once: .*)`;
      await path.near.line(new RegExp(`${ended} \\(ECONNRESET\\) ${guess}`));
      t.equal(path.near.count(/tried again/), 0, 'and the peer was there');
      t.equal(path.far.count(/ c\d+ failed/), 1);
      await path.idle();
    });
  });
}

for (const way of BACKENDS) {
  t.test(way.name, async (t) => {
    t.test('a target that refuses', async (t) => {
      const path = await openPath(t, way, await freePort());
      const app = await dial(t, path.port);
      t.equal(await app.over(5000), 'ECONNRESET');
      t.match(await path.near.line(/warn .*failed after/), /\(ECONNREFUSED\)/);
      await path.idle();
    });

    t.test('a name that does not exist', async (t) => {
      const path = await openPath(t, way, 'no-such-host.invalid:80', { args: ['--connect-timeout', '20s'] });
      const app = await dial(t, path.port);
      t.equal(await app.over(25_000), 'ECONNRESET');
      t.match(await path.near.line(/failed after/), /cannot resolve 'no-such-host\.invalid'|did not answer/);
      await path.idle();
    });

    t.test('a target that never answers, in a network of its own', async (t) => {
      if (!canUnshare()) throw new Error('this test makes a network namespace: run it as root');
      tool('ip', 'iproute2');
      // The far end of a virtual cable that nobody listens to; a neighbour that is said to be there never fails by itself.
      const setUp = [
        'ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up',
        'ip addr add 10.9.9.1/24 dev v0 && ip neigh replace 10.9.9.9 lladdr 02:00:00:00:00:09 dev v0',
      ].join(' && ');
      const wrapper = ['unshare', '-n', 'sh', '-c', `${setUp} && exec "$0" "$@"`];
      const socket = join(temporaryFolder(t), 'in');
      const args = ['-r', socket, '10.9.9.9:80', '--connect-timeout', '600ms'];
      const proxy = await startProxy(t, args, { ...way, wrapper });
      const app = await dial(t, { path: socket });
      // A Unix socket knows no reset: the end is all that it can say.
      await app.over(10_000);
      t.match(await proxy.line(/failed after/), /10\.9\.9\.9:80 did not answer within 600ms/);
      t.equal(await proxy.end(), 0);
    });
  });
}
