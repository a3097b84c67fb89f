/**
 * Goal: whatever the network and the apps do, two trunks deliver every byte once and in order, and never come to a stop.
 *
 * SEEDS=n runs so many seeds (default 10,000), SEED=n runs one: a seed replays exactly.
 */

import t from 'tap';
import { type RunResult, runTrunks } from './trunk_run.ts';

t.setTimeout(3_600_000);

const only = process.env.SEED;
const count = only === undefined ? Number(process.env.SEEDS ?? 10_000) : 1;
const first = only === undefined ? 1 : Number(only);

t.test(`trunks over simulated carriers, ${count} seeds from ${first}`, async (t) => {
  const sums = { simulatedMs: 0, bytes: 0, resentBytes: 0, cuts: 0 };
  for (let seed = first; seed < first + count; seed++) {
    let result: RunResult;
    try {
      result = runTrunks(seed);
    } catch (error) {
      t.fail(`seed ${seed} (replay: make sim SEED=${seed})`, { cause: error });
      return;
    }
    sums.simulatedMs += result.simulatedMs;
    sums.bytes += result.bytes;
    sums.resentBytes += result.resentBytes;
    sums.cuts += result.cuts;
  }
  t.comment(JSON.stringify(sums));
  // Guards against a simulation in which nothing happens any more.
  t.ok(sums.bytes > 0, 'data was delivered');
  if (count >= 1000) {
    t.ok(sums.cuts > 0, 'carriers died');
    t.ok(sums.resentBytes > 0, 'frames were sent again');
  }
});
