/** Goal: what `make demo-wan` shows of two transfers is what arrived, in whatever room there is; its picture is whole. */

import t from 'tap';
import { raceChart } from '../../tools/demo/wan_chart.ts';
import { type RaceView, raceLine, raceLines, ratesAt, summaryOf } from '../../tools/demo/wan_view.ts';

const MBIT = 125_000;

/** So many seconds of 20 and 80 Mbit/s, in tenths. */
function view(seconds: number): RaceView {
  const samples = Array.from({ length: seconds * 10 }, (_, i) => {
    const ms = (i + 1) * 100;
    return { ms, plainBytes: (20 * MBIT * ms) / 1000, stripedBytes: (80 * MBIT * ms) / 1000 };
  });
  return { samples, shares: [10, 10, 15, 15], totalMs: 15_000 };
}

t.test('goodput is that of the last second, or of less at the beginning', async (t) => {
  const { samples } = view(3);
  for (const index of [0, 5, 29]) t.match(ratesAt(samples, index), { plain: 20, striped: 80 });
  t.match(ratesAt(samples, -1), { plain: 0, striped: 0 });
  const stopped = [...samples, { ...(samples.at(-1) as (typeof samples)[0]), ms: 5000 }];
  t.match(ratesAt(stopped, stopped.length - 1), { plain: 0, striped: 0 });
});

t.test('the live view', async (t) => {
  t.same(raceLines(view(3), 60, false), [
    '3.0s of 15.0s',
    'one flow   ######                   20.0 Mbit/s   7.50 MB',
    'striped    ######################   80.0 Mbit/s   30.0 MB',
    '           4 connections: 20, 20, 30 and 30 %',
  ]);
  const fancy = raceLines(view(3), 100, true);
  t.equal(fancy.length, 6);
  t.match(fancy[2], /^ {11}▃+$/);
  t.match(fancy[4], /^ {11}█+$/);
  for (const columns of [10, 40, 80, 200])
    for (const line of raceLines(view(20), columns, true)) t.ok([...line].length <= columns, line);
  t.equal(raceLines({ ...view(0), shares: [] }, 80, true)[0], '0ms of 15.0s');
});

t.test('without a terminal, and at the end', async (t) => {
  t.equal(
    raceLine(view(3)),
    '  3 s   one flow   20.0 Mbit/s   7.50 MB   striped   80.0 Mbit/s   30.0 MB   4 connections: 20, 20, 30 and 30 %',
  );
  t.same(summaryOf(view(15)), [
    'In 15.0s, one TCP connection moved 37.5 MB. The same transfer through a pair of',
    'tcp-proxy, which spread it over 4 connections, moved 150 MB: 4.0 times as much.',
  ]);
});

t.test('the picture', async (t) => {
  const svg = raceChart(view(15).samples, 'a < b');
  t.match(svg, /^<svg .*a &lt; b.*<\/svg>\n$/s);
  t.equal(svg.match(/<polyline /g)?.length, 2);
  t.notMatch(svg, /NaN|Infinity|undefined/);
  t.notMatch(raceChart([], ''), /NaN|Infinity|undefined/);
});
