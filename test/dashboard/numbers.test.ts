/** Goal: numbers that people compare stand in one unit, and none is made to look like nothing. */
import t from 'tap';
import {
  brief,
  byteUnit,
  formatMs,
  formatRate,
  formatShare,
  inUnit,
  mean,
  median,
  rateUnit,
} from '../../src/dashboard/page/numbers.ts';
import { scaleOf, splitsOf, stacked } from '../../src/dashboard/page/scales.ts';

t.test('units', async (t) => {
  t.equal(formatRate(0), '0 kbit/s');
  t.equal(formatRate(125), '1 kbit/s');
  t.equal(formatRate(2.5e6), '20 Mbit/s');
  t.equal(formatRate(625e6), '5 Gbit/s');
  t.equal(rateUnit(124_999).name, 'Mbit/s', 'what rounds to the next one is in the next one');
  t.equal(byteUnit(1.5e6).name, 'MB');
});

t.test('columns have one decimal, and a little is not nothing', async (t) => {
  const mbit = rateUnit(1e6);
  t.same(
    [null, 0, 1, 50_000, 2.5e6].map((value) => inUnit(value, mbit)),
    ['–', '0', '<0.1', '0.4', '20.0'],
  );
  t.equal(brief(1, mbit), 'below 0.1');
  t.same([null, 0, 0.001, 0.5, 1].map(formatShare), ['–', '0 %', '<1 %', '50 %', '100 %']);
  t.same([null, 0.42, 53.4].map(formatMs), ['–', '0.4 ms', '53 ms']);
});

t.test('middles', async (t) => {
  t.equal(median([]), 0);
  t.equal(median([3, 1, 2]), 2);
  t.equal(median([4, 1, 2, 3]), 2.5);
  t.equal(mean([null, null]), null);
  t.equal(mean([null, 2, 4]), 3);
});

t.test('scales end at round numbers, above what they hold', async (t) => {
  for (const most of [0.3, 1, 7, 19.9, 20, 20.1, 80, 99, 101, 733, 12_345]) {
    const unit = { name: '', size: 125_000 };
    const scale = scaleOf(most * unit.size, unit, 4);
    const splits = splitsOf(scale).map((value) => value / unit.size);
    t.ok(scale.end >= most * unit.size * 0.998, `${most} fits`);
    t.ok(splits.length >= 3 && splits.length <= 6, `${most}: ${splits.join(' ')}`);
    t.ok(scale.end / unit.size <= most * 1.7, `${most} is not lost in it: ${scale.end / unit.size}`);
  }
});

t.test('layers stand on those below, and nothing stands on nothing', async (t) => {
  const layers = stacked([
    [1, null, null],
    [2, 5, null],
    [null, 1, null],
  ]);
  t.same(layers, [
    [1, 0, null],
    [3, 5, null],
    [3, 6, null],
  ]);
});
