/**
 * Goal: streams share what the carriers can do: nobody who stalls slows the others, nobody who sends much starves the
 * others or delays what they say, and one alone gets it all; with TCP_INFO and without. The clock is simulated.
 */

import t from 'tap';
import type { CarrierPlan } from './scenario.ts';
import { runSideBySide, type SideBySide, type StreamPlan, type StreamResult } from './streams.ts';

t.setTimeout(900_000);

const MIB = 1024 * 1024;
const equal = (count: number, mbit: number, rttMs: number): CarrierPlan[] =>
  Array.from({ length: count }, () => ({ mbit, rttMs }));
const bulk = (count: number): StreamPlan[] => Array.from({ length: count }, () => 'bulk');
const bytesOf = (streams: readonly StreamResult[]) => streams.map(({ bytes }) => bytes);
const sum = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);
const p99 = (numbers: readonly number[]) =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length * 0.99)] as number;

for (const info of [true, false]) {
  const known = info ? 'TCP_INFO' : 'ACKs only';
  const run = (plan: Pick<SideBySide, 'carriers' | 'streams'> & Partial<SideBySide>) =>
    runSideBySide({ info, startMs: 2000, measuredMs: 10_000, ...plan });

  // With room for everybody's window, and with less than that.
  for (const trunkWindow of [64 * MIB, 4 * MIB]) {
    t.test(`TESTPLAN 21 with ${known}, ${trunkWindow / MIB} MiB: 99 beside one that stalls`, async (t) => {
      const carriers = equal(4, 20, 50);
      const without = bytesOf(run({ carriers, trunkWindow, streams: bulk(99) }).streams);
      const beside = run({ carriers, trunkWindow, streams: ['stalled', ...bulk(99)] }).streams;
      const others = bytesOf(beside.slice(1));
      t.equal(beside[0]?.bytes, 0);
      const all = sum(others) / sum(without);
      // Each has its turn some 15 times: one more or less is 7 %.
      const worst = Math.min(...others.map((bytes, i) => bytes / (without[i] as number)));
      t.comment(`all ${all.toFixed(3)}, the worst ${worst.toFixed(3)}`);
      t.ok(all >= 0.9, `together they keep ${all.toFixed(3)} of their rate`);
      t.ok(worst >= 0.8, `the worst keeps ${worst.toFixed(3)}`);
    });
  }

  t.test(`bulk streams with ${known} share evenly`, async (t) => {
    for (const count of [2, 5, 20]) {
      const bytes = bytesOf(run({ carriers: equal(4, 20, 50), streams: bulk(count) }).streams);
      const ratio = Math.max(...bytes) / Math.min(...bytes);
      t.comment(`${count}: ${ratio.toFixed(3)}`);
      t.ok(ratio <= 1.5, `of ${count} the fastest gets ${ratio.toFixed(3)} times what the slowest does`);
    }
  });

  for (const [name, carriers] of [
    ['equal paths', equal(4, 20, 50)],
    [
      'a near and a far path',
      [
        { mbit: 30, rttMs: 2 },
        { mbit: 10, rttMs: 100 },
      ],
    ],
  ] as const) {
    t.test(`small messages beside bulk with ${known}, ${name}`, async (t) => {
      const message = { bytes: 200, everyMs: 10 };
      const beside = (count: number) => {
        const { delaysMs } = run({ carriers, streams: [message, ...bulk(count)] }).streams[0] as StreamResult;
        t.ok(delaysMs.length > 900, `${delaysMs.length} messages arrived`);
        return p99(delaysMs);
      };
      const [none, one, twenty] = [beside(0), beside(1), beside(20)];
      t.comment(`p99 ${none.toFixed(1)}, beside one ${one.toFixed(1)}, beside 20 ${twenty.toFixed(1)} ms`);
      // The paths' own queues hold 50 ms, and the sockets 128 KiB, which take 52 ms at 20 Mbit/s, and twice as long at 10.
      t.ok(one - none < 300, `one bulk stream delays them by ${(one - none).toFixed(1)} ms`);
      t.ok(twenty - none < 300, `20 delay them by ${(twenty - none).toFixed(1)} ms`);
    });
  }

  t.test(
    `small messages with ${known}: on two carriers beside bulk, as far as there is room, and on one alone`,
    async (t) => {
      const message = { bytes: 200, everyMs: 10 };
      const carriers = equal(4, 20, 50);
      const [alone] = run({ carriers, streams: [message] }).streams as [StreamResult];
      const [beside, bulkBeside] = run({ carriers, streams: [message, ...bulk(1)] }).streams as [
        StreamResult,
        StreamResult,
      ];
      t.ok(alone.repeatedShare < 0.05, `alone: ${alone.repeatedShare} of it twice`);
      // With ACKs only, bulk fills the sockets: seldom has another one room.
      if (info) t.ok(beside.repeatedShare > 0.9, `beside bulk: ${beside.repeatedShare} of it twice`);
      t.ok(bulkBeside.repeatedShare < 0.05, `of the bulk: ${bulkBeside.repeatedShare}`);
    },
  );

  t.test(`1 Gbit/s over four carriers 100 ms away with ${known}`, async (t) => {
    const carriers = equal(4, 250, 100);
    const { streams, mostEarlyBytes } = run({
      carriers,
      streams: bulk(1),
      startMs: 4000,
      measuredMs: 2000,
    });
    const mbit = (sum(bytesOf(streams)) * 8) / 2000 / 1000;
    t.comment(`${mbit.toFixed(0)} Mbit/s, ${(mostEarlyBytes / 1e6).toFixed(1)} MB waited for others`);
    t.ok(mbit > 500, `one stream has ${mbit.toFixed(0)} of 965 Mbit/s`);
    // Twice what is under way at that rate.
    t.ok(mostEarlyBytes < 25e6, `${mostEarlyBytes} bytes waited for others`);
  });
}
