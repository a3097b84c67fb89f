/** Goal: the last line of a striped run says what became of its carriers, whatever became of them. */
import t from 'tap';
import { stripingSummary } from '../../src/cli/view.ts';
import type { TrunkReport } from '../../src/layer/trunk/snapshot.ts';
import { PastTrunks } from '../../src/proxy/trunk_status.ts';

const report = (bytes: number[], lostBytes = 0, lost = 0): TrunkReport => ({
  carriers: bytes.map((bytes, id) => ({ id, bytes, stalls: 1 })),
  lost: { count: lost, bytes: lostBytes, stalls: lost },
  sentBytes: 2_000_000,
  dataBytes: 1_900_000,
  repeatedBytes: 1000,
  peakEarlyBytes: lostBytes,
});

t.test('one trunk, as it is', async (t) => {
  const words = stripingSummary(new PastTrunks().totals([report([26e6, 25e6, 25e6, 24e6])]));
  t.equal(
    words,
    'striped over 4 carriers (26, 25, 25 and 24 % of 100 MB): 0 lost, 4 stalls, 1.00 KB sent again',
  );
});

t.test('carriers that were lost, and trunks before the last one', async (t) => {
  const past = new PastTrunks();
  for (let i = 0; i < 8; i++) past.add(report([5e6, 5e6]));
  past.add(report([10e6], 10e6, 2));
  t.same(past.totals([]), {
    trunks: 9,
    shares: [10e6],
    otherBytes: 90e6,
    lost: 2,
    stalls: 19,
    sentBytes: 18_000_000,
    dataBytes: 17_100_000,
    repeatedBytes: 9000,
    peakEarlyBytes: 10e6,
  });
  t.equal(
    stripingSummary(past.totals([])),
    'striped over 1 carrier (10 % of 100 MB, 90 % over carriers before), in the last of 9 trunks: 2 lost, 19 stalls, 9.00 KB sent again',
  );
});

t.test('nothing was carried, or nothing is left', async (t) => {
  t.equal(
    stripingSummary(new PastTrunks().totals([report([0, 0])])),
    'striped over 2 carriers: 0 lost, 2 stalls, 1.00 KB sent again',
  );
  t.equal(
    stripingSummary(new PastTrunks().totals([report([], 5e6, 4)])),
    'striped 5.00 MB, and no carrier was left at the end: 4 lost, 4 stalls, 1.00 KB sent again',
  );
});

t.test('many carriers: how far apart they are, and not each of them', async (t) => {
  const shares = Array.from({ length: 64 }, (_, i) => (i < 36 ? 2e6 : 1e6));
  t.equal(
    stripingSummary(new PastTrunks().totals([report(shares)])),
    'striped over 64 carriers (each 1 to 2 % of 100 MB): 0 lost, 64 stalls, 1.00 KB sent again',
  );
  t.match(
    stripingSummary(new PastTrunks().totals([report(Array(10).fill(1e6))])),
    /\(each 10 % of 10\.0 MB\)/,
  );
});
