/** Goal: RST arrives as RST and never as an end of stream, from either end, in every order with FIN and data. */

import t, { type Test } from 'tap';
import { openPath } from '../helpers/e2e_proxy.ts';
import { dial, dialThrough, type End, Pattern, Target, unread } from '../helpers/e2e_tcp.ts';
import { sleep, until } from '../helpers/e2e_wait.ts';
import { ALL_WAYS } from '../helpers/e2e_ways.ts';

const MIB = 1024 * 1024;
const pattern = new Pattern();

t.setTimeout(900_000);
// The ways have nothing to do with each other, and much of a test is waiting.
t.jobs = 3;

/** The end saw a reset, and never an end of stream. A writer may learn of it from its write. */
function sawReset(t: Test, end: End, what: string): void {
  t.ok(['ECONNRESET', 'EPIPE'].includes(end.outcome ?? ''), `${what}: ${end.events.join(', ')}`);
  t.notOk(end.events.includes('FIN'), `${what} saw no end of stream`);
}

for (const way of ALL_WAYS) {
  t.test(way.name, { buffered: true }, async (t) => {
    const target = await Target.listen(t);
    const path = await openPath(t, way, target.port);
    t.afterEach(() => path.idle());

    for (const fromApp of [true, false]) {
      const who = fromApp ? 'the app' : 'the target';
      const ends = async (t: Test) => {
        const [app, far] = await dialThrough(t, path.port, target);
        return fromApp ? ([app, far] as const) : ([far, app] as const);
      };

      t.test(`${who} resets while it sends`, async (t) => {
        for (const bytes of [0, 1, 70_000, 3 * MIB]) {
          const [resetting, other] = await ends(t);
          other.expected = pattern;
          await resetting.sendPattern(pattern, bytes);
          await other.has(Math.min(bytes, 1));
          resetting.reset();
          t.equal(await other.over(), 'ECONNRESET', `after ${bytes} bytes`);
          t.equal(other.wrongAt, -1);
        }
      });

      t.test(`${who} resets while it receives`, async (t) => {
        const [resetting, other] = await ends(t);
        const sending = other.sendPattern(pattern, 200 * MIB);
        await resetting.has(2 * MIB);
        resetting.reset();
        await other.over();
        await sending;
        sawReset(t, other, 'the sender');
      });

      t.test(`${who} resets while both send`, async (t) => {
        const [resetting, other] = await ends(t);
        resetting.expected = other.expected = pattern;
        const sending = Promise.all([
          resetting.sendPattern(pattern, 200 * MIB),
          other.sendPattern(pattern, 200 * MIB),
        ]);
        await Promise.all([resetting.has(2 * MIB), other.has(2 * MIB)]);
        resetting.reset();
        await other.over();
        await sending;
        sawReset(t, other, 'the other end');
        t.same([resetting.wrongAt, other.wrongAt], [-1, -1]);
      });

      t.test(`RST from ${who} while FIN comes from the other end`, async (t) => {
        for (let round = 0; round < 20; round++) {
          const [resetting, other] = await ends(t);
          other.fin();
          // From together to one after the other.
          if (round % 4 > 0) await sleep(round % 4);
          resetting.reset();
          await other.over();
          sawReset(t, other, `round ${round}`);
        }
      });

      t.test(`${who} resets after it has ended its own direction`, async (t) => {
        const [resetting, other] = await ends(t);
        resetting.fin();
        t.equal(await other.over(), 'FIN');
        resetting.reset();
        // Its reader has had its FIN, so that it learns of the reset by writing: at once or a moment later.
        const pump = setInterval(() => other.write('x'), 10);
        t.teardown(() => clearInterval(pump));
        await until(
          () => other.events.length >= 2,
          () => `no reset came: ${other.events.join(', ')}`,
        );
        t.match(other.events.slice(1), [/^(ECONNRESET|EPIPE)$/]);
      });

      t.test(`${who} ends its direction, reads nothing, and resets with data waiting`, async (t) => {
        const [resetting, other] = await ends(t);
        resetting.socket.pause();
        resetting.fin();
        t.equal(await other.over(), 'FIN');
        const sending = other.sendPattern(pattern, 200 * MIB);
        let last = -1;
        // Until everything in between is full.
        while (last !== other.sent) {
          last = other.sent;
          await sleep(200);
        }
        resetting.reset();
        await sending;
        t.match(other.events.slice(1), [/^(ECONNRESET|EPIPE)$/]);
      });

      t.test(`${who} closes with unread data, which is a reset too`, async (t) => {
        const [resetting, other] = await ends(t);
        resetting.socket.pause();
        // More than this process reads ahead.
        await other.sendPattern(pattern, MIB);
        await until(
          () => resetting.socket.readableLength >= resetting.socket.readableHighWaterMark,
          () => 'no data came',
        );
        // What it has taken is not unread for the kernel: more has to wait there.
        await until(
          () => unread(resetting.socket) > 0,
          () => 'no more data came',
        );
        resetting.socket.destroy();
        await other.over();
        sawReset(t, other, 'the other end');
      });
    }

    t.test('the app resets before the target was reached', async (t) => {
      const before = path.near.lines.length;
      const reached: End[] = [];
      target.onEnd = (end) => reached.push(end);
      for (let i = 0; i < 10; i++) {
        const app = await dial(t, path.port);
        app.reset();
      }
      await until(
        () => path.near.lines.slice(before).filter((line) => /(closed|failed) after/.test(line)).length >= 10,
        () => `the ten did not end:\n${path.near.text}`,
      );
      await path.idle();
      // None of them may come only now, and be taken for the next test's.
      await sleep(20);
      // Whatever got through is a reset there, not an end.
      for (const end of reached) t.equal(await end.over(), 'ECONNRESET');
      target.onEnd = null;
      const left = await dialThrough(t, path.port, target).catch(() => null);
      t.ok(left, 'the next connection works');
      left?.[0].reset();
    });

    t.test('what the app said before its reset may arrive, in order, and nothing else', async (t) => {
      const [app, far] = await dialThrough(t, path.port, target);
      far.expected = pattern;
      await app.sendPattern(pattern, 500_000);
      app.reset();
      t.equal(await far.over(), 'ECONNRESET', `after ${far.received} bytes`);
      t.equal(far.wrongAt, -1);
    });
  });
}
