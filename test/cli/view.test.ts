/** Goal: the last line of a striped run says what became of its carriers, whatever became of them. */
import t from 'tap';
import { stripingSummary } from '../../src/cli/view.ts';
import type { TrunkReport } from '../../src/layer/trunk/snapshot.ts';
import { PastTrunks } from '../../src/proxy/trunk_status.ts';

const report = (bytes: number[], lostBytes = 0, lost = 0): TrunkReport => ({
  carriers: bytes.map((bytes, id) => ({ id, bytes, stalls: 1 })),
  lost: { count: lost, bytes: lostBytes, stalls: lost },
  repeatedBytes: 1000,
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
    repeatedBytes: 9000,
  });
  t.equal(
    stripingSummary(past.totals([])),
    'striped over 1 carrier (10 % of 100 MB, 90 % before), in the last of 9 trunks: 2 lost, 19 stalls, 9.00 KB sent again',
  );
});

t.test('nothing was carried, or nothing is left', async (t) => {
  t.equal(
    stripingSummary(new PastTrunks().totals([report([0, 0])])),
    'striped over 2 carriers: 0 lost, 2 stalls, 1.00 KB sent again',
  );
  t.equal(
    stripingSummary(new PastTrunks().totals([report([], 5e6, 4)])),
    'striped over 0 carriers (5.00 MB before): 4 lost, 4 stalls, 1.00 KB sent again',
  );
});
