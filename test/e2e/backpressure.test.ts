/** Goal: a reader that stops, stops its writer; what waits in our processes stays within the budget; nothing is lost. */

import t from 'tap';
import { openPath, type Path } from '../helpers/e2e_proxy.ts';
import { dialThrough, type End, Pattern, Target } from '../helpers/e2e_tcp.ts';
import { sleep } from '../helpers/e2e_wait.ts';
import { CLASSIC_WAYS, STRIPED } from '../helpers/e2e_ways.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** What one stalled connection may cost each of our processes (of which the kernel's buffers are no part), and slack. */
const BUDGET_KB = 1024;
const SLACK_KB = 12 * 1024;
/** Node's own sockets read into memory that is collected when the collector sees fit. */
const PORTABLE_SLACK_KB = 48 * 1024;
const pattern = new Pattern();

t.setTimeout(900_000);

/** Waits until the writer has got no further for a second and a half. */
async function untilStuck(writer: End): Promise<void> {
  for (let last = -1, still = 0; still < 3; ) {
    await sleep(500);
    still = writer.socket.bytesWritten === last ? still + 1 : 0;
    last = writer.socket.bytesWritten;
  }
}

/** First use makes pools, code and stacks, as large as so many connections need them; only what comes after counts. */
async function warmUp(path: Path, ends: () => Promise<readonly [End, End]>): Promise<number[]> {
  const pairs: (readonly [End, End])[] = [];
  for (let i = 0; i < 10; i++) pairs.push(await ends());
  await Promise.all(
    pairs.map(async ([a, b]) => {
      await Promise.all([a.sendPattern(pattern, 32 * MIB), b.sendPattern(pattern, 32 * MIB)]);
      await Promise.all([a.has(32 * MIB), b.has(32 * MIB)]);
      a.fin();
      b.fin();
    }),
  );
  await path.idle();
  return path.proxies.map((proxy) => proxy.rssKb);
}

for (const way of [...CLASSIC_WAYS, STRIPED]) {
  t.test(way.name, async (t) => {
    const target = await Target.listen(t);
    const path = await openPath(t, way, target.port);
    const slack = way.env.TCP_STRIPER_BACKEND === 'portable' ? PORTABLE_SLACK_KB : SLACK_KB;
    const before = await warmUp(path, () => dialThrough(t, path.port, target));
    t.afterEach(() => path.idle());

    for (const appReads of [false, true]) {
      const who = appReads ? 'app' : 'target';
      t.test(`ten readers (${who}) stop, and go on`, async (t) => {
        const pairs: [End, End][] = [];
        for (let i = 0; i < 10; i++) {
          const [app, far] = await dialThrough(t, path.port, target);
          const [reader, writer] = appReads ? [app, far] : [far, app];
          reader.expected = pattern;
          reader.socket.pause();
          pairs.push([reader, writer]);
        }
        const bytes = 48 * MIB;
        const sending = pairs.map(([, writer]) => writer.sendPattern(pattern, bytes));
        await Promise.all(pairs.map(([, writer]) => untilStuck(writer)));
        for (const [, writer] of pairs) {
          t.ok(writer.sent < bytes, `the writer is held up after ${writer.sent} bytes`);
        }
        for (const [i, proxy] of path.proxies.entries()) {
          const grown = proxy.rssKb - (before[i] as number);
          t.ok(grown < 10 * BUDGET_KB + slack, `memory has grown by ${grown} KB`);
        }
        await Promise.all(path.proxies.map((proxy) => proxy.rests()));
        t.pass('waiting costs no processor time');
        for (const [reader] of pairs) reader.socket.resume();
        await Promise.all(sending);
        for (const [reader, writer] of pairs) {
          writer.fin();
          t.equal(await reader.over(), 'FIN');
          t.same([reader.received, reader.wrongAt], [bytes, -1]);
          reader.fin();
        }
      });
    }

    t.test('a slow reader gets it all, and others are not held up', async (t) => {
      const [app, far] = await dialThrough(t, path.port, target);
      far.expected = pattern;
      far.socket.pause();
      const bytes = 12 * MIB;
      const sending = app.sendPattern(pattern, bytes);
      // A taste at a time, by pausing most of the time.
      const drip = setInterval(() => {
        far.socket.resume();
        setImmediate(() => far.socket.pause());
      }, 2);
      t.teardown(() => clearInterval(drip));
      const [quick, quickFar] = await dialThrough(t, path.port, target);
      quickFar.expected = pattern;
      await quick.sendPattern(pattern, 32 * MIB);
      await quickFar.has(32 * MIB);
      t.equal(quickFar.wrongAt, -1);
      quick.fin();
      quickFar.fin();
      await far.has(3 * MIB);
      clearInterval(drip);
      // The last drip's pause may still be on its way.
      await new Promise((resolve) => setImmediate(resolve));
      far.socket.resume();
      await sending;
      app.fin();
      t.equal(await far.over(), 'FIN');
      t.same([far.received, far.wrongAt], [bytes, -1]);
      far.fin();
    });
  });
}
