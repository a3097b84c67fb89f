/**
 * Goal: over paths with known rates and delays, striping is as fast as the paths together allow, never slower than the
 * best of them alone, and survives what happens to them; with TCP_INFO and without. Nothing here depends on the machine:
 * the clock is simulated.
 */

import t from 'tap';
import { type CarrierPlan, runScenario, type Scenario, type ScenarioRun } from './scenario.ts';
import { World } from './world.ts';

const MB = 1_000_000;
/** How many seeds the comparison of a fast carrier with and without a slow one tries. */
const SEEDS = 30;
const percent = (share: number) => `${(100 * share).toFixed(1)} % sent twice`;
const equal = (count: number, mbit: number, rttMs: number): CarrierPlan[] =>
  Array.from({ length: count }, () => ({ mbit, rttMs }));

for (const info of [true, false]) {
  const known = info ? 'TCP_INFO' : 'ACKs only';
  const run = (scenario: Omit<Scenario, 'info'>) => runScenario({ ...scenario, info });

  t.test(`TESTPLAN 33 with ${known}: 30 and 10 Mbit/s, 1 and 50 ms`, async (t) => {
    const { ms, duplicates } = run({
      carriers: [
        { mbit: 30, rttMs: 2 },
        { mbit: 10, rttMs: 100 },
      ],
      bytes: 50 * MB,
    });
    const limit = (50 * MB * 8) / ((0.9 * 40e6) / 1000) + 450;
    t.ok(ms <= limit, `${ms.toFixed(0)} ms, at most ${limit.toFixed(0)}`);
    t.ok(duplicates < 0.05, percent(duplicates));
  });

  t.test(`four equal paths with ${known} add up`, async (t) => {
    const one = run({ carriers: equal(1, 20, 50), bytes: 8 * MB });
    const four = run({ carriers: equal(4, 20, 50), bytes: 32 * MB });
    t.ok(
      four.ms <= one.ms * 1.1 + 100,
      `${four.ms.toFixed(0)} ms for four times as much, one: ${one.ms.toFixed(0)}`,
    );
    t.ok(four.duplicates < 0.05, percent(four.duplicates));
  });

  t.test(`a slow carrier beside a fast one with ${known} never makes it slower`, async (t) => {
    const ratios: number[] = [];
    for (let seed = 1; seed <= SEEDS; seed++) {
      const world = new World(seed);
      const fast: CarrierPlan = { mbit: world.pick(5, 60), rttMs: world.pick(2, 80) };
      const slow: CarrierPlan = { mbit: fast.mbit / world.pick(2, 200), rttMs: world.pick(10, 500) };
      const bytes = Math.floor(world.pick(1, 40) * 100_000 * (1 + fast.mbit / 20));
      const alone = run({ carriers: [fast], bytes, seed });
      const both = run({ carriers: [fast, slow], bytes, seed });
      ratios.push(both.ms / alone.ms);
      // The constant: the first bytes on an unknown carrier, and a round of timeouts that a single TCP has as well.
      const limit = 1.05 * alone.ms + 1000;
      if (both.ms > limit) {
        const plan = JSON.stringify({ fast, slow, bytes });
        t.fail(`seed ${seed}: ${both.ms.toFixed(0)} ms, alone ${alone.ms.toFixed(0)}: ${plan}`);
      }
    }
    const median = ratios.sort((a, b) => a - b)[ratios.length >> 1] as number;
    t.ok(median <= 1.1, `the median of ${SEEDS} seeds takes ${median.toFixed(3)} of the time`);
  });

  t.test(`TESTPLAN 27, 28 and 29 with ${known}: blackholed, and all but one dead`, async (t) => {
    const at = (plan: (run: ScenarioRun) => void) =>
      run({
        carriers: equal(4, 20, 50),
        bytes: 20 * MB,
        plan: (scenario) => void scenario.world.after(700, () => plan(scenario)),
      });
    // 20 MB over three carriers take 2.7 s, and over one 8 s.
    const blackholed = at(({ links }) => links[1]?.blackhole(true));
    t.ok(blackholed.ms < 4500, `one blackholed: ${blackholed.ms.toFixed(0)} ms`);
    t.ok(blackholed.duplicates < 0.05, percent(blackholed.duplicates));
    for (const direction of ['up', 'down'] as const) {
      const half = at(({ links }) => links[1]?.blackhole(true, direction));
      t.ok(half.ms < 5000, `one blackholed, ${direction} only: ${half.ms.toFixed(0)} ms`);
    }
    const lonely = at(({ links }) => {
      for (const link of links.slice(1)) link.cut();
    });
    t.ok(lonely.ms < 9500, `one left: ${lonely.ms.toFixed(0)} ms`);
  });

  t.test(`two of four frozen with ${known}, whichever they are: the other two go on`, async (t) => {
    for (let first = 0; first < 4; first++) {
      for (let second = first + 1; second < 4; second++) {
        const { ms } = run({
          carriers: equal(4, 20, 50),
          bytes: 20 * MB,
          plan: ({ world, links }) =>
            void world.after(700, () => {
              links[first]?.blackhole(true);
              links[second]?.blackhole(true);
            }),
        });
        // 20 MB over two carriers take 4 s. Whoever only answers cannot see by itself that a carrier is frozen.
        t.ok(ms < 6500, `${first} and ${second}: ${ms.toFixed(0)} ms`);
      }
    }
  });

  t.test(`TESTPLAN 31 and 32 with ${known}: healed carriers`, async (t) => {
    const during = (which: number[], forMs: number) =>
      run({
        carriers: equal(4, 20, 50),
        bytes: 40 * MB,
        plan: ({ world, links }) => {
          world.after(700, () => {
            for (const i of which) links[i]?.blackhole(true);
            world.after(forMs, () => {
              for (const i of which) links[i]?.blackhole(false);
            });
          });
        },
      });
    const all = during([0, 1, 2, 3], 2000);
    // The kernel asks again after 0.2, 0.4, 0.8 ... s: it may sleep as long again as the path was dead.
    t.ok(all.ms < 4500 + 2 * 2000 + 1500, `all blackholed for 2 s: ${all.ms.toFixed(0)} ms`);
    const one = during([1], 500);
    const share = (one.sent[1] as number) / (40 * MB);
    t.ok(share > 0.12, `a healed one carries ${(100 * share).toFixed(0)} % of it all`);
    t.ok(one.duplicates < 0.05, percent(one.duplicates));
  });

  t.test(`TESTPLAN 32 with ${known}: a carrier that was dead for seconds regains its share`, async (t) => {
    for (const [mbit, rttMs] of [
      [32, 1],
      [20, 50],
      [8, 100],
    ] as const) {
      let healedAt = 0;
      const before: number[] = [];
      const bytes = 15_000 * 4 * (mbit / 8) * 1000;
      const { sent, ms } = run({
        carriers: equal(4, mbit, rttMs),
        bytes,
        plan: ({ world, links }) => {
          world.after(1000, () => {
            links[1]?.blackhole(true);
            world.after(2500, () => links[1]?.blackhole(false));
            // The kernel asks again after 0.2, 0.4, 0.8 ... s: it may sleep as long again as the path was dead.
            world.after(2 * 2500 + 1000, () => {
              healedAt = world.now();
              before.push(...links.map(({ near }) => near.sentBytes));
            });
          });
        },
      });
      const since = sent.map((bytes, i) => bytes - (before[i] as number));
      const share = (since[1] as number) / since.reduce((a, b) => a + b);
      t.ok(share > 0.15, `${mbit} Mbit/s, ${rttMs} ms: ${since} in ${(ms - healedAt).toFixed(0)} ms`);
    }
  });

  t.test(`frozen again and again, with ${known}: few duplicates`, async (t) => {
    const { duplicates, ms } = run({
      carriers: equal(4, 20, 50),
      bytes: 20 * MB,
      plan: ({ world, links }) => {
        const freeze = () => {
          links[1]?.blackhole(true);
          world.after(300, () => links[1]?.blackhole(false));
          world.after(1000, freeze);
        };
        world.after(700, freeze);
      },
    });
    t.ok(duplicates < 0.05, percent(duplicates));
    t.ok(ms < 6000, `${ms.toFixed(0)} ms`);
  });

  t.test(`TESTPLAN 34 with ${known}: 500 ms of skew`, async (t) => {
    const { ms, mostEarlyBytes } = run({
      carriers: [
        { mbit: 20, rttMs: 10 },
        { mbit: 20, rttMs: 1000 },
      ],
      bytes: 20 * MB,
    });
    // 20 MB at 20 Mbit/s take 8.3 s with headers.
    t.ok(ms < 9500, `${ms.toFixed(0)} ms`);
    t.ok(mostEarlyBytes <= 16 * 1024 * 1024, `${mostEarlyBytes} bytes waited for others`);
  });

  t.test(`single bytes beside bulk on all carriers, with ${known}`, async (t) => {
    // Four seconds: in the first half of one the kernels find out by losses what the paths hold, all at the same time.
    const { probeDelaysMs } = run({ carriers: equal(4, 20, 50), bytes: 40 * MB, probeEveryMs: 20 });
    const delays = [...probeDelaysMs].sort((a, b) => a - b);
    const p90 = delays[Math.floor(delays.length * 0.9)] as number;
    // One way takes 25 ms, and the queue of the path itself holds 50 ms.
    t.ok(delays.length > 30, `${delays.length} bytes`);
    t.ok(p90 < 25 + 50 + 100, `90 % of them take less than ${p90.toFixed(0)} ms`);
  });
}
