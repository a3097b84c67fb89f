/** Goal: FIN arrives as FIN, behind every byte, in every order of the two ends; half-open connections stay usable. */

import t from 'tap';
import { openPath } from '../helpers/e2e_proxy.ts';
import { dial, dialThrough, Pattern, Target } from '../helpers/e2e_tcp.ts';
import { ALL_WAYS } from '../helpers/e2e_ways.ts';

const MIB = 1024 * 1024;
const pattern = new Pattern();

t.setTimeout(900_000);
// The ways have nothing to do with each other, and much of a test is waiting.
t.jobs = 3;

for (const way of ALL_WAYS) {
  t.test(way.name, { buffered: true }, async (t) => {
    const target = await Target.listen(t);
    const path = await openPath(t, way, target.port);
    t.afterEach(() => path.idle());

    t.test('the app ends first, then the target sends 50 MiB', async (t) => {
      const [app, far] = await dialThrough(t, path.port, target);
      app.fin('request');
      t.equal(await far.over(), 'FIN');
      t.equal(far.text, 'request');
      app.expected = pattern;
      await far.sendPattern(pattern, 50 * MIB);
      far.fin();
      t.equal(await app.over(), 'FIN');
      t.equal(app.received, 50 * MIB);
      t.equal(app.wrongAt, -1, 'every byte is right');
    });

    t.test('the target ends first, then the app sends 50 MiB', async (t) => {
      const [app, far] = await dialThrough(t, path.port, target);
      far.fin('greeting');
      t.equal(await app.over(), 'FIN');
      t.equal(app.text, 'greeting');
      far.expected = pattern;
      await app.sendPattern(pattern, 50 * MIB);
      app.fin();
      t.equal(await far.over(), 'FIN');
      t.equal(far.received, 50 * MIB);
      t.equal(far.wrongAt, -1, 'every byte is right');
    });

    t.test('both end at once, with data in flight both ways', async (t) => {
      for (let round = 0; round < 20; round++) {
        const [app, far] = await dialThrough(t, path.port, target);
        app.expected = far.expected = pattern;
        const bytes = 1 + round * 50_000;
        await Promise.all([app.sendPattern(pattern, bytes), far.sendPattern(pattern, bytes)]);
        app.fin();
        far.fin();
        t.same([await app.over(), await far.over()], ['FIN', 'FIN']);
        t.same([app.received, far.received], [bytes, bytes]);
        t.same([app.wrongAt, far.wrongAt], [-1, -1]);
      }
    });

    t.test('FIN with zero bytes, from either end first', async (t) => {
      for (const appFirst of [true, false]) {
        const [app, far] = await dialThrough(t, path.port, target);
        const [first, second] = appFirst ? [app, far] : [far, app];
        first.fin();
        t.equal(await second.over(), 'FIN');
        t.equal(first.outcome, null, 'the other direction is still open');
        second.fin();
        t.equal(await first.over(), 'FIN');
        t.same([app.received, far.received], [0, 0]);
      }
    });

    t.test('an app that ends before the target was reached', async (t) => {
      const app = await dial(t, path.port);
      app.fin();
      const far = await target.next();
      t.equal(await far.over(), 'FIN');
      far.fin('late');
      t.equal(await app.over(), 'FIN');
      t.equal(app.text, 'late');
    });

    t.test('half-closed and silent, then a reply', async (t) => {
      const [app, far] = await dialThrough(t, path.port, target);
      app.fin('question');
      t.equal(await far.over(), 'FIN');
      // Silence is the subject: long enough for every timer of ours that could mistake it for an end.
      await new Promise((resolve) => setTimeout(resolve, 1500));
      t.equal(app.outcome, null, 'nothing has happened to the app');
      far.write('ans');
      await app.has(3);
      far.fin('wer');
      t.equal(await app.over(), 'FIN');
      t.equal(app.text, 'answer');
    });

    t.test('the target speaks first, the app never does', async (t) => {
      const [app, far] = await dialThrough(t, path.port, target);
      far.write('220 welcome\r\n');
      await app.has(13);
      t.equal(app.text, '220 welcome\r\n');
      far.fin();
      t.equal(await app.over(), 'FIN');
      app.fin();
      t.equal(await far.over(), 'FIN');
    });

    t.test('data goes on while the other direction closes, with the reader stalled', async (t) => {
      const [app, far] = await dialThrough(t, path.port, target);
      app.expected = far.expected = pattern;
      app.socket.pause();
      const sending = far.sendPattern(pattern, 20 * MIB);
      await app.sendPattern(pattern, 3 * MIB);
      app.fin();
      t.equal(await far.over(), 'FIN');
      t.equal(far.received, 3 * MIB);
      t.equal(app.outcome, null, 'the stalled direction is still there');
      app.socket.resume();
      await sending;
      far.fin();
      t.equal(await app.over(), 'FIN');
      t.equal(app.received, 20 * MIB);
      t.same([app.wrongAt, far.wrongAt], [-1, -1]);
    });

    t.test('an empty connection is carried and counted', async (t) => {
      const before = target.count;
      const [app, far] = await dialThrough(t, path.port, target);
      app.fin();
      far.fin();
      t.same([await app.over(), await far.over()], ['FIN', 'FIN']);
      t.equal(target.count, before + 1);
    });
  });
}
