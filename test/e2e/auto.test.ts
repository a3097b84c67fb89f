/** Goal: `-n auto` finds the connections that are of use on a real network, and gives up the others without a trace. */

import t, { type Test } from 'tap';
import { startProxy, type TcpProxy } from '../helpers/e2e_proxy.ts';
import { tool } from '../helpers/e2e_run.ts';
import { until } from '../helpers/e2e_wait.ts';
import { BACKENDS, type Way } from '../helpers/e2e_ways.ts';
import { noWan, Wan } from '../helpers/wan.ts';

t.setTimeout(900_000);

const AUTO = ['-n', 'auto', '--log-level', 'debug', '--drain-timeout', '0'];
const NETWORKS = {
  'a cap for each flow': '[path a]\nrtt = 20ms\nflow-rate = 4mbit\n',
  'one bottleneck': '[path a]\nrtt = 20ms\nrate = 16mbit\n',
};

/** A pair with a network between, and an app that sends as much as it can. */
async function flooded(t: Test, network: keyof typeof NETWORKS, { env }: Way): Promise<[TcpProxy, TcpProxy]> {
  const wan = await Wan.start(t, NETWORKS[network]);
  const [client, server] = wan.agents();
  await server.listen(5000);
  const on = (host: string) => ({ env, wrapper: [tool('ip', 'iproute2'), 'netns', 'exec', host] });
  const far = await startProxy(t, ['-s', '0.0.0.0:22222', '127.0.0.1:5000'], on(wan.server));
  const near = await startProxy(t, ['-c', '127.0.0.1:5001', '10.77.1.2:22222', ...AUTO], on(wan.client));
  await near.line(/striping to .* over 2 connections/);
  await client.dial('127.0.0.1', 5001);
  await client.flood();
  return [near, far];
}

const reason = noWan();
for (const way of BACKENDS) {
  const backend = way.name.replace('relay, ', '');
  // The reason is a text of noWan().
  const options = reason === null ? {} : { skip: reason };

  t.test(`a cap for each flow: it grows (${backend})`, options, async (t) => {
    const [near, far] = await flooded(t, 'a cap for each flow', way);
    await near.line(/over ([5-9]|1\d) connections now: \d+\.\d Mbit\/s, \d+\.\d with \d+/, 0, 60_000);
    t.notMatch(`${near.text}\n${far.text}`, /lost/);
  });

  t.test(`one bottleneck: what is tried leaves in good order (${backend})`, options, async (t) => {
    const [near, far] = await flooded(t, 'one bottleneck', way);
    await near.line(/ connections to .* carry .*: it stays at /, 0, 120_000);
    await far.line(/\b[2-9]\d* connections from .* are up/);
    await until(
      () => far.sockets === near.sockets,
      () => `${far.sockets} and ${near.sockets} sockets`,
    );
    t.notMatch(`${near.text}\n${far.text}`, /lost|missing|again connected/);
    t.equal(await near.end('SIGTERM', 60_000), 0);
    t.match(near.text, /striped over \d+ carriers .*: 0 lost/);
  });
}
