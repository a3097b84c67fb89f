/** Goal: every byte arrives in its place, whatever the sizes of the writes and however much goes both ways at once. */

import t from 'tap';
import { openPath } from '../helpers/e2e_proxy.ts';
import { dialThrough, Pattern, Target } from '../helpers/e2e_tcp.ts';
import { within } from '../helpers/e2e_wait.ts';
import {
  ALL_WAYS,
  PAIR,
  PAIR_PORTABLE,
  RELAY,
  RELAY_PORTABLE,
  STRIPED,
  STRIPED_PORTABLE,
} from '../helpers/e2e_ways.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const pattern = new Pattern();

t.setTimeout(900_000);
// The ways have nothing to do with each other, and much of a test is waiting.
t.jobs = 3;

for (const way of ALL_WAYS) {
  t.test(way.name, { buffered: true }, async (t) => {
    const target = await Target.listen(t);
    const path = await openPath(t, way, target.port);
    t.afterEach(() => path.idle());

    t.test('writes of one byte, of primes, and from 16 B to 256 KiB', async (t) => {
      const sizes = [1, 7, 16, 251, 1021, 4093, 16 * KIB, 65_521, 64 * KIB, 65_537, 131_071, 256 * KIB];
      for (const size of sizes) {
        const [app, far] = await dialThrough(t, path.port, target);
        app.expected = far.expected = pattern;
        const bytes = Math.min(size * 2000, 4 * MIB) + 1;
        await Promise.all([app.sendPattern(pattern, bytes, size), far.sendPattern(pattern, bytes, size)]);
        app.fin();
        far.fin();
        t.same([await app.over(), await far.over()], ['FIN', 'FIN'], `writes of ${size} bytes`);
        t.same([app.received, app.wrongAt, far.received, far.wrongAt], [bytes, -1, bytes, -1]);
      }
    });

    t.test('small writes with pauses, cut as they like, stay in order', async (t) => {
      const [app, far] = await dialThrough(t, path.port, target);
      app.expected = far.expected = pattern;
      for (let i = 1; i <= 300; i++) {
        await app.sendPattern(pattern, (i * 7919) % 3000, 1500);
        await far.sendPattern(pattern, (i * 104_729) % 3000, 1500);
        if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      app.fin();
      far.fin();
      t.same([await app.over(), await far.over()], ['FIN', 'FIN']);
      t.same([app.received, far.received], [far.sent, app.sent]);
      t.same([app.wrongAt, far.wrongAt], [-1, -1]);
    });

    t.test('200 round trips of one byte meet no delayed acknowledgement', async (t) => {
      const [app, far] = await dialThrough(t, path.port, target);
      far.socket.on('data', (data: Buffer) => far.socket.write(data));
      const times: number[] = [];
      for (let i = 1; i <= 200; i++) {
        const started = performance.now();
        app.write('x');
        await app.has(i);
        times.push(performance.now() - started);
      }
      // A delayed acknowledgement takes 40 ms each time, a busy machine now and then; has() itself looks every 10 ms.
      const quick = times.filter((ms) => ms < 35).length;
      t.ok(quick >= 20, `${quick} of 200 took less than 35 ms`);
      app.reset();
      await far.over();
    });
  });
}

const MUCH = [
  { way: RELAY, bytes: 1024 * MIB },
  { way: PAIR, bytes: 512 * MIB },
  { way: STRIPED, bytes: 512 * MIB },
  { way: RELAY_PORTABLE, bytes: 192 * MIB },
  { way: PAIR_PORTABLE, bytes: 192 * MIB },
  { way: STRIPED_PORTABLE, bytes: 192 * MIB },
];

for (const { way, bytes } of MUCH) {
  t.test(`${bytes / MIB} MiB each way at the same time: ${way.name}`, async (t) => {
    const target = await Target.listen(t);
    const path = await openPath(t, way, target.port);
    const [app, far] = await dialThrough(t, path.port, target);
    app.expected = far.expected = pattern;
    await within(
      100_000,
      Promise.all([app.sendPattern(pattern, bytes), far.sendPattern(pattern, bytes)]),
      () => `sent ${app.sent} and ${far.sent}, received ${far.received} and ${app.received}`,
    );
    app.fin();
    far.fin();
    t.same([await app.over(), await far.over()], ['FIN', 'FIN']);
    t.same([app.received, far.received], [bytes, bytes]);
    t.same([app.wrongAt, far.wrongAt], [-1, -1], 'every byte is right');
    await path.idle();
    for (const { rssKb } of path.proxies) t.ok(rssKb < 400_000, `memory of the process is ${rssKb} KB`);
  });
}
