/** Goal: carriers whose packets vanish, all or some, as in a real network: no reset, no end, no acknowledgement from any kernel. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startProxy } from '../helpers/e2e_proxy.ts';
import { canUnshare, succeed, temporaryFolder, tool } from '../helpers/e2e_run.ts';
import { dial, Pattern, Target } from '../helpers/e2e_tcp.ts';
import { sleep, until, within } from '../helpers/e2e_wait.ts';
import { STRIPED, STRIPED_PORTABLE, type Way } from '../helpers/e2e_ways.ts';

const MIB = 1024 * 1024;
const PORT = 7000;
const pattern = new Pattern();

t.setTimeout(900_000);
t.jobs = 3;

/** Local ports of the connections to `-s` that a process's network has. */
function carrierPorts(pid: number): number[] {
  const ESTABLISHED = '01';
  return readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , to, state]) => state === ESTABLISHED && Number.parseInt(to?.slice(9) ?? '', 16) === PORT)
    .map(([, from]) => Number.parseInt(from?.slice(9) ?? '', 16));
}

/** Both proxies in a network of their own; app and target reach them through Unix sockets. */
async function world(t: Test, way: Way) {
  const nft = tool('nft', 'nftables');
  const folder = temporaryFolder(t);
  const target = await Target.listen(t, { path: join(folder, 'target') });
  const wrapper = ['unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"'];
  const args = way.args ?? [];
  const far = await startProxy(t, ['-s', `127.0.0.1:${PORT}`, join(folder, 'target'), ...args], {
    ...way,
    wrapper,
  });
  const inside = ['nsenter', '-t', `${far.pid}`, '-n'];
  const near = await startProxy(t, ['-c', join(folder, 'listen'), `127.0.0.1:${PORT}`, ...args], {
    ...way,
    wrapper: inside,
  });
  await until(
    () => carrierPorts(far.pid).length === 4,
    () => `the carriers do not come:\n${near.text}`,
  );
  const rule = (t: Test, words: string) =>
    succeed(t, inside[0] as string, [...inside.slice(1), nft, ...words.split(' ')]);
  await rule(t, 'add table inet faults');
  await rule(t, 'add chain inet faults drops { type filter hook input priority 0 ; }');
  const app = await dial(t, { path: join(folder, 'listen') });
  const end = await target.next();
  app.expected = end.expected = pattern;
  return { near, far, app, end, rule };
}

const DIRECTIONS = { forward: ['sport'], backward: ['dport'], both: ['sport', 'dport'] } as const;

const needs = { buffered: true, skip: canUnshare() ? false : 'makes a network namespace, as root only' };
for (const way of [STRIPED, STRIPED_PORTABLE]) {
  for (const [name, count, direction, healMs] of [
    ['one of four carriers', 1, 'both', 0],
    ['one of four carriers, towards -s only', 1, 'forward', 0],
    ['one of four carriers, towards -c only', 1, 'backward', 0],
    ['three of four carriers', 3, 'both', 0],
    ['all carriers, for 4 s', 4, 'both', 4000],
  ] as const) {
    t.test(`the packets of ${name} vanish: ${way.name}`, needs, async (t) => {
      const { near, far, app, end, rule } = await world(t, way);
      const bytes = 64 * MIB;
      const begun = app.sendPattern(pattern, bytes / 2);
      await end.has(8 * MIB);
      for (const port of carrierPorts(far.pid).slice(0, count))
        for (const side of DIRECTIONS[direction])
          await rule(t, `add rule inet faults drops tcp ${side} ${port} drop`);
      // Half of it comes after that, however quick the first half was.
      const sending = begun.then(() => app.sendPattern(pattern, bytes / 2));
      if (healMs > 0) {
        await sleep(healMs);
        t.same([app.outcome, end.outcome], [null, null]);
        await rule(t, 'flush chain inet faults drops');
      }
      // Far below the 15 s after which a silent carrier is given up, on a machine that has nothing else to do.
      await within(60_000, sending, () => `${end.received} of ${bytes} bytes`);
      // Of a single one it would depend on the machine whether it had anything to carry.
      if (count === 4)
        await near.line(/warn .*127\.0\.0\.1:7000.* ha(s|ve) carried (nothing|anything) for 2\.0s/);
      app.fin();
      t.equal(await end.over(60_000), 'FIN');
      t.same([end.received, end.wrongAt], [bytes, -1]);
      end.fin('thanks');
      t.equal(await app.over(60_000), 'FIN');
    });
  }

  // Each carrier delivers in order what the others have long overtaken: reordering, too.
  t.test(`TESTPLAN 38: one packet in a hundred is lost, each way: ${way.name}`, needs, async (t) => {
    const { app, end, rule } = await world(t, way);
    for (const side of DIRECTIONS.both)
      await rule(t, `add rule inet faults drops tcp ${side} ${PORT} numgen random mod 100 0 counter drop`);
    const bytes = 48 * MIB;
    await within(
      120_000,
      Promise.all([app.sendPattern(pattern, bytes), end.sendPattern(pattern, bytes)]),
      () => `${end.received} and ${app.received} of ${bytes} bytes`,
    );
    app.fin();
    end.fin();
    t.same([await end.over(60_000), await app.over(60_000)], ['FIN', 'FIN']);
    t.same([end.received, end.wrongAt, app.received, app.wrongAt], [bytes, -1, bytes, -1]);
    const dropped = [...(await rule(t, 'list table inet faults')).matchAll(/packets (\d+)/g)];
    t.equal(dropped.length, 2);
    for (const [, packets] of dropped) t.ok(Number(packets) > 0, `${packets} packets were lost`);
  });
}
