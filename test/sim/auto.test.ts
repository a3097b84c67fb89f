/**
 * Goal: `-n auto` over simulated TCP finds out by itself where more carriers are of use, in either direction; carriers come
 * and go meanwhile, and neither side takes one for lost.
 */

import t, { type Test } from 'tap';
import { type AutoPlan, AutoRun } from './auto_run.ts';

/** Ends it, whatever becomes of the test. */
function start(t: Test, plan: AutoPlan, seed = 1): AutoRun {
  const run = new AutoRun(plan, seed);
  t.teardown(() => run.end());
  return run;
}

for (const from of ['client', 'server'] as const) {
  t.test(`a cap for each flow, the ${from} sends: grows until it carries what 16 can`, async (t) => {
    const run = start(t, { mbit: 5, rttMs: 50, from });
    run.go(20);
    t.equal(run.carriers, 16, run.lines.join('\n'));
    const rate = run.go(3);
    t.ok(rate > 0.9 * 16 * 5, `${rate.toFixed(1)} Mbit/s`);
    t.equal(run.lost, 0);
    t.match(
      run.lines[0],
      /^info {2}striping to peer over 3 connections now: 14\.\d Mbit\/s, \d+\.\d with 2$/,
    );
  });

  t.test(`one bottleneck, the ${from} sends: stays small, and no slower for the tries`, async (t) => {
    const run = start(t, { mbit: 20, rttMs: 50, isShared: true, from });
    const rate = run.go(60);
    t.ok(rate > 0.85 * 20, `${rate.toFixed(1)} Mbit/s`);
    run.go(1);
    const most = Math.max(...run.history.map(({ wanted }) => wanted));
    t.ok(most <= 5, `at most ${most}`);
    t.ok(run.history.length <= 13, `${run.history.length} changes in a minute`);
    t.ok(run.closed > 0 && run.lost === 0, 'those that were tried left in good order');
  });

  t.test(`a reader that is slow, the ${from} sends: nothing is tried`, async (t) => {
    const run = start(t, { mbit: 20, rttMs: 50, from, readMbit: 8 });
    run.go(30);
    t.equal(run.history.length, 1, run.lines.join('\n'));
    t.equal(run.carriers, 2);
  });
}

t.test('an app that has little to say, of the client: nothing is tried', async (t) => {
  const run = start(t, { mbit: 20, rttMs: 50, from: 'client', writeMbit: 8 });
  run.go(30);
  t.equal(run.history.length, 1, run.lines.join('\n'));
});

t.test('an app that has little to say, of the server: what is tried does not stay', async (t) => {
  const run = start(t, { mbit: 20, rttMs: 50, from: 'server', writeMbit: 8 });
  run.go(60);
  t.equal(run.carriers, 2, run.lines.join('\n'));
  t.ok(run.history.length <= 9, `${run.history.length} changes in a minute`);
});

t.test('a network that loses packets: many carriers are of use, and found', async (t) => {
  const found: number[] = [];
  for (let seed = 1; seed <= 5; seed++) {
    const run = start(t, { mbit: 60, rttMs: 50, loss: 0.01, from: 'client' }, seed);
    run.go(40);
    found.push(run.carriers);
  }
  // What a single flow gets is a matter of luck, from one second to the next.
  found.sort((a, b) => a - b);
  t.ok((found[2] as number) >= 8, found.join(', '));
});
