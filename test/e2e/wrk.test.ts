/** Goal: wrk keeps many HTTP connections busy through the pair, and every request has its right answer. */

import { createServer } from 'node:http';
import t from 'tap';
import { openPath } from '../helpers/e2e_proxy.ts';
import { succeed, tool } from '../helpers/e2e_run.ts';
import { PAIRS } from '../helpers/e2e_ways.ts';

t.setTimeout(900_000);

const wrk = tool('wrk', 'wrk');

t.test('wrk', async (t) => {
  let answered = 0;
  const server = createServer((request, response) => {
    answered++;
    response.end('x'.repeat(Number(request.url?.slice(1))));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as { port: number };

  for (const way of PAIRS) {
    t.test(way.name, async (t) => {
      const path = await openPath(t, way, port);
      for (const [connections, bytes] of [
        [10, 100_000],
        [100, 100],
      ] as const) {
        const before = answered;
        const limits = ['-t', '2', '-c', `${connections}`, '-d', '2s', '--timeout', '30s'];
        const out = await succeed(t, wrk, [...limits, `http://127.0.0.1:${path.port}/${bytes}`]);
        t.notMatch(out, /Socket errors|Non-2xx/, `${connections} connections, ${bytes} bytes each`);
        const requests = Number(/(\d+) requests in/.exec(out)?.[1]);
        t.ok(requests >= connections, `${requests} requests`);
        t.ok(answered - before >= requests, 'each of them by the server');
      }
      await path.idle();
    });
  }
});
