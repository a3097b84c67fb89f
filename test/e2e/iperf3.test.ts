/** Goal: iperf3 runs through the proxies in both directions and with ten streams, and both its ends count the same. */

import t from 'tap';
import { openPath } from '../helpers/e2e_proxy.ts';
import { background, freePort, run, tool } from '../helpers/e2e_run.ts';
import { listens } from '../helpers/e2e_tcp.ts';
import { until } from '../helpers/e2e_wait.ts';
import { WAYS } from '../helpers/e2e_ways.ts';

const MIB = 1024 * 1024;
const iperf3 = tool('iperf3', 'iperf3');

t.setTimeout(900_000);

interface Report {
  error?: string;
  end: { sum_sent: { bytes: number }; sum_received: { bytes: number } };
}

t.test('iperf3', async (t) => {
  const port = await freePort();
  const server = background(t, iperf3, ['-s', '-B', '127.0.0.1', '-p', `${port}`]);
  let said = '';
  server.stdout?.on('data', (data) => {
    said += data;
  });
  server.stderr?.resume();
  await until(
    () => server.exitCode !== null || listens(t, port),
    () => `iperf3 -s does not listen: ${said}`,
  );
  for (const way of WAYS) {
    t.test(way.name, async (t) => {
      const path = await openPath(t, way, port);
      for (const [name, args] of [
        ['from app to target', []],
        ['from target to app', ['-R']],
        ['ten streams', ['-P', '10']],
        ['ten streams back', ['-P', '10', '-R']],
      ] as const) {
        t.test(name, async (t) => {
          const bytes = 200 * MIB;
          const how = ['-c', '127.0.0.1', '-p', `${path.port}`, '-J', '-n', `${bytes}`, ...args];
          // The one before is over for its client and for us; iperf3 -s may not have come to its end yet.
          const { code, report } = await until(
            async () => {
              const { code, out } = await run(t, iperf3, how);
              const report = JSON.parse(out) as Report;
              return /server is busy/.test(report.error ?? '') ? null : { code, report };
            },
            () => 'iperf3 -s is busy, and stays so',
          );
          t.equal(code, 0);
          if (report.error !== undefined) throw new Error(`iperf3: ${report.error}`);
          const { sum_sent: sent, sum_received: received } = report.end;
          t.ok(sent.bytes >= bytes, `${sent.bytes} bytes sent`);
          // The receiver stops counting when the sender's time is over, with some still under way.
          t.ok(received.bytes > bytes * 0.5 && received.bytes <= sent.bytes, `${received.bytes} received`);
        });
      }
    });
  }
});
