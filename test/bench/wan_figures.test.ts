/** Goal: what the programs print becomes the figures that it means. */
import t from 'tap';
import { percentile } from '../../tools/bench/compare/percentile.ts';
import {
  bulkFigures,
  countersIn,
  messageFigures,
  resumedAfterMs,
  trunkFigures,
  uploadFigures,
} from '../../tools/bench/wan/figures.ts';

t.test('percentiles are values that were seen', async (t) => {
  const thousand = Array.from({ length: 1000 }, (_, i) => 1000 - i);
  t.same(
    [50, 99, 99.9, 100].map((percent) => percentile(thousand, percent)),
    [500, 990, 999, 1000],
  );
  t.same(
    [50, 99, 99.9].map((percent) => percentile([3, 1, 2], percent)),
    [2, 3, 3],
  );
  t.equal(percentile([7], 0), 7);
  t.ok(Number.isNaN(percentile([], 50)));
});

t.test('messages', async (t) => {
  t.same(messageFigures('alone', { ms: [50, 52, 51], lost: 0 }), {
    aloneP50Ms: 51,
    aloneP99Ms: 52,
    aloneP999Ms: 52,
    aloneLost: 0,
  });
  t.same(messageFigures('busy', { ms: [], lost: 9 }), { busyLost: 9 });
});

t.test('short transfers: a size that was not done each time has no figure', async (t) => {
  const printed = { 1000: [100, 101, 150], 16000: [120], 100000: [300, null], 2000000: [] };
  t.same(uploadFigures(printed), { upload1KBMs: 101, upload16KBMs: 120 });
});

const received = {
  bytes: 5e6,
  seconds: 4,
  longestPauseMs: 3210,
  pauseAtMs: 3000,
  startedAt: 100.5,
  tenths: [...Array(25).fill(10_000), ...Array(40).fill(125_000)],
};

t.test('a long transfer: what came first is told apart', async (t) => {
  t.same(bulkFigures(received, 2500), {
    mbitPerSecond: 10,
    firstMbitPerSecond: 0.8,
    longestPauseMs: 3210,
    pauseAtMs: 3000,
  });
});

t.test('how long after the return of the network it went on', async (t) => {
  // It began at 100, the first byte came half a second later, the pause ended at 106.71.
  t.equal(Math.round(resumedAfterMs(received, 100, 6000)), 710);
});

t.test('what the proxies say at their end', async (t) => {
  const log =
    '2026-11-21T09:30:00.123Z debug trunks: {"trunks":1,"sentBytes":1050,"dataBytes":1000,"repeatedBytes":40,"peakEarlyBytes":0}\n' +
    '2026-11-21T09:30:00.124Z debug left behind: 0 chunks, 0 timers\n';
  t.match(countersIn(log), { sentBytes: 1050, peakEarlyBytes: 0 });
  t.equal(countersIn('info  served 1 connection'), null);
  const near = { sentBytes: 1_050_000, dataBytes: 1_000_000, repeatedBytes: 40_000, peakEarlyBytes: 0 };
  const far = { sentBytes: 5000, dataBytes: 0, repeatedBytes: 0, peakEarlyBytes: 300_000 };
  t.same(trunkFigures([near, far]), { repeatedPercent: 4, overheadPercent: 1.5, reorderMB: 0.3 });
  t.same(trunkFigures([]), {}, 'without a trunk there is nothing to tell');
});
