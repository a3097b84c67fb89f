/** Goal: `-n auto` finds the connections that are of use on a real network, and gives up the others without a trace. */

import t, { type Test } from 'tap';
import { startProxy } from '../helpers/e2e_proxy.ts';
import { tool } from '../helpers/e2e_run.ts';
import { dialThrough, type End, Pattern, Target } from '../helpers/e2e_tcp.ts';
import { sleep, until } from '../helpers/e2e_wait.ts';
import { BACKENDS } from '../helpers/e2e_ways.ts';
import { noWan, Wan } from '../helpers/wan.ts';

t.setTimeout(900_000);

const pattern = new Pattern();
const DEBUG = ['-n', 'auto', '--log-level', 'debug'];

/** Sends about a megabyte a second until it is told to stop. */
function trickle(t: Test, end: End): { stop(): Promise<void> } {
  let going = true;
  const sending = (async () => {
    while (going) {
      await end.sendPattern(pattern, 10_000);
      await sleep(10);
    }
  })();
  const stop = async () => {
    going = false;
    await sending;
  };
  t.teardown(stop);
  return { stop };
}

for (const { name, env } of BACKENDS) {
  t.test(
    `a target that has little to say: what is tried leaves in good order (${name.replace('relay, ', '')})`,
    async (t) => {
      const target = await Target.listen(t);
      const far = await startProxy(t, ['-s', '127.0.0.1:0', `127.0.0.1:${target.port}`], { env });
      const near = await startProxy(t, ['-c', '127.0.0.1:0', `127.0.0.1:${far.port}`, ...DEBUG], { env });
      await near.line(/striping to .* over 2 connections/);
      const [app, answering] = await dialThrough(t, near.port, target);
      app.expected = pattern;
      const sending = trickle(t, answering);
      await near.line(/ connections to .* carry .*: it stays at /, 0, 120_000);
      await far.line(/\b3 connections from .* are up/);
      await until(
        () => far.sockets === near.sockets,
        () => `${far.sockets} and ${near.sockets} sockets`,
      );
      await sending.stop();
      answering.fin();
      t.equal(await app.over(), 'FIN');
      t.equal(app.received, answering.sent);
      t.equal(app.wrongAt, -1);
      t.notMatch(`${near.text}\n${far.text}`, /lost|missing|again/);
      app.fin();
      t.equal(await near.end(), 0);
      t.match(near.text, /striped over \d+ carriers .*: 0 lost/);
      t.equal(await far.end(), 0);
    },
  );
}

const reason = noWan();
if (reason !== null) {
  // The reason is a text of noWan().
  t.test('a cap for each flow', { skip: reason }, async () => {});
} else {
  t.test('a cap for each flow: it grows', async (t) => {
    const wan = await Wan.start(t, '[path a]\nrtt = 20ms\nflow-rate = 4mbit\n');
    const [client, server] = wan.agents();
    await server.listen(5000);
    const on = (host: string) => ({ wrapper: [tool('ip', 'iproute2'), 'netns', 'exec', host] });
    const far = await startProxy(t, ['-s', '0.0.0.0:22222', '127.0.0.1:5000'], on(wan.server));
    const near = await startProxy(t, ['-c', '127.0.0.1:5001', '10.77.1.2:22222', ...DEBUG], on(wan.client));
    await client.dial('127.0.0.1', 5001);
    await client.flood();
    await near.line(/over ([5-9]|1\d) connections now: \d+\.\d Mbit\/s, \d+\.\d with \d+/, 0, 60_000);
    t.notMatch(`${near.text}\n${far.text}`, /lost/);
  });
}
