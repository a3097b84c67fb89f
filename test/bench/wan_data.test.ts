/** Goal: saved data is put together from pieces without mixing up what was measured anew with what was there. */
import t from 'tap';
import type { Machine } from '../../tools/bench/host/machine.ts';
import { chooseCases } from '../../tools/bench/wan/cases.ts';
import {
  dataText,
  isThere,
  type Row,
  type Run,
  resultsOf,
  type WanData,
  without,
  withRow,
  withRun,
} from '../../tools/bench/wan/data.ts';
import { measuredCases, pageOf } from '../../tools/bench/wan/page.ts';
import { judge } from '../../tools/bench/wan/verdicts.ts';

const machine: Machine = {
  cpu: 'a processor',
  cores: 2,
  memoryGiB: 4,
  kernel: 'Linux',
  distribution: 'Debian',
  virtualised: true,
  node: 'v20',
};
const lengths = { warmUpMs: 2500, totalMs: 12_000, messages: 40, uploads: 10, uploadMs: 1500 };
const run = (command: string): Run => ({ date: '2026-11-21 12:00 UTC', command, machine, lengths });

function row(contender: string, mbit: number | null, more: Partial<Row> = {}): Row {
  const figures =
    mbit === null ? null : { mbitPerSecond: mbit, aloneP99Ms: 60, busyP99Ms: 100, reorderMB: 0.4 };
  const place = { scenario: 'flow-cap', variables: [], congestion: 'cubic', contender, round: 1 };
  return { ...place, seed: 1, figures, overrun: 0, run: 0, ...more };
}

const bulk = ['mbitPerSecond'];
const dead = { scenario: 'all-dead' };

t.test('a case that is measured anew loses its rows, and the others keep theirs', async (t) => {
  let data: WanData = {
    runs: [run('old'), run('older'), run('new')],
    rows: [row('flows-4', 75), row('striped-4', 70), row('striped-4', 60, { ...dead, run: 1 })],
  };
  data = without(data, 'flow-cap cubic', null);
  t.same(
    data.runs.map(({ command }) => command),
    ['older', 'new'],
    'and the run of which nothing is left is forgotten',
  );
  t.match(data.rows, [{ scenario: 'all-dead', run: 0 }]);
  t.equal(data.rows.length, 1);
});

t.test('or those of some contenders only', async (t) => {
  const rows = [row('flows-4', 75), row('striped-4', 70), row('striped-4', 60, { congestion: 'bbr' })];
  const data = without({ runs: [run('old'), run('new')], rows }, 'flow-cap cubic', ['striped-4']);
  t.match(data.rows, [{ contender: 'flows-4' }, { contender: 'striped-4', congestion: 'bbr' }]);
  t.equal(data.rows.length, 2);
});

t.test('a row takes the place of what is like it, and of nothing else', async (t) => {
  let data: WanData = { runs: [run('one')], rows: [row('striped-4', null, { reason: 'no network' })] };
  t.notOk(isThere(data, row('striped-4', 0), bulk), 'what failed is to be done again');
  data = withRow(data, row('striped-4', 70));
  data = withRow(data, row('striped-4', 71, { round: 2 }));
  t.equal(data.rows.length, 2);
  t.ok(isThere(data, row('striped-4', 0), bulk));
  t.notOk(isThere(data, row('striped-4', 0), ['upload1KBMs']), 'a part is missing');
  t.notOk(isThere(data, row('striped-4', 0, { round: 3 }), bulk));
  t.notOk(isThere(data, row('striped-4', 0, { variables: ['cap=1mbit'] }), bulk));
  t.match(resultsOf(data, 'flow-cap cubic').samples, [{ round: 1 }, { round: 2 }]);
});

t.test('a run of which nothing was saved leaves no trace', async (t) => {
  let data: WanData = { runs: [run('ended early'), run('old')], rows: [row('striped-4', 70, { run: 1 })] };
  data = withRun(data, run('new'));
  t.match(data, { runs: [{ command: 'old' }, { command: 'new' }], rows: [{ run: 0 }] });
  t.equal(data.runs.length, 2);
});

t.test('the parts of a sample go together', async (t) => {
  let data: WanData = { runs: [run('one')], rows: [row('striped-4', 70)] };
  data = withRow(data, row('striped-4', null, { figures: { upload1KBMs: 101, aloneP99Ms: 55 } }), true);
  t.match(data.rows, [{ figures: { mbitPerSecond: 70, upload1KBMs: 101, aloneP99Ms: 55 } }]);
  data = withRow(data, row('striped-4', 71));
  t.notOk(isThere(data, row('striped-4', 0), ['upload1KBMs']), 'and anew is anew');
});

t.test('what is written can be read, a row a line', async (t) => {
  const data: WanData = { runs: [run('one')], rows: [row('flows-4', 75), row('striped-4', 70)] };
  t.same(JSON.parse(dataText(data)), data);
  t.match(dataText({ runs: [], rows: [row('flows-4', 200 / 3)] }), /:66\.6667,/);
  t.equal(dataText(data).trimEnd().split('\n').length, 3 + 1 + 2 + 1);
});

t.test('what is held against the bars', async (t) => {
  const rows = [row('flows-1', 19), row('flows-4', 80), row('mptcp-4', 75), row('striped-4', 78)];
  const [one] = chooseCases(['flow-cap'], []);
  if (one === undefined) throw new Error('no case');
  const verdicts = judge(one, 'cubic', resultsOf({ runs: [run('one')], rows }, 'flow-cap cubic'));
  const met = Object.fromEntries(verdicts.map(({ what, met }) => [what, met]));
  t.same(met, {
    '-n 4, goodput / 4 free flows': false,
    '-n 4, goodput / MPTCP': true,
    '-n 4, goodput / one flow, on the best path': true,
    '-n 8, goodput': null,
    // Of 60 ms alone, and 100 ms of queue.
    '-n 4, a message under bulk, p99': true,
    // Twice 80 Mbit/s in 50 ms.
    '-n 4, reorder memory': true,
    '-n 4, overhead': null,
  });
  t.match(
    verdicts.find(({ what }) => what.includes('message')),
    { bar: 190, measured: { median: 100 } },
  );
});

t.test('the bars of what happens on the way', async (t) => {
  const bars = (scenario: string, variables: string[], congestion = 'cubic') => {
    const [one] = chooseCases([scenario], variables);
    if (one === undefined) throw new Error('no case');
    return judge(one, congestion, resultsOf({ runs: [], rows: [] }, '')).map(
      ({ what, bar }) => `${what}: ${bar}`,
    );
  };
  t.match(bars('one-blackholed', []).join('\n'), /longest pause: 400\n.*sent again: 5\n/);
  t.match(bars('all-dead', []).join('\n'), /after the paths are back: 1000\n/);
  const gain = /carriers with bbr.*: 30/;
  t.match(bars('loss', ['loss=1%', 'rtt=100ms']).join('\n'), gain);
  t.notMatch(bars('loss', ['loss=1%', 'rtt=100ms'], 'bbr').join('\n'), gain);
  t.notMatch(bars('loss', ['loss=1%', 'rtt=50ms']).join('\n'), gain);
});

t.test('the page has all that was measured, in the order of the cases', async (t) => {
  const all = [row('striped-4', 60, dead), row('striped-4', 70), row('flows-4', 75)];
  const mine = row('striped-6', 9, { scenario: './my net.wan', congestion: 'bbr' });
  const failed = row('relay', null, { reason: 'no network' });
  const data: WanData = { runs: [run('a command')], rows: [mine, ...all, failed] };
  t.same(
    measuredCases(data).map(({ id }) => id),
    ['flow-cap cubic', 'all-dead cubic', './my net.wan bbr'],
  );
  const { markdown, charts } = pageOf(data);
  for (const words of ['a command', '## flow-cap', '## all-dead', 'Failed: relay, round 1: no network'])
    t.ok(markdown.includes(words), words);
  t.match(markdown, /\| 20 Mbit\/s for each flow; cubic \| .*75\.0 .*70\.0/);
  t.same([...charts.keys()], ['wan-flow-cap.svg', 'wan-all-dead.svg', 'wan-my-net.svg']);
  for (const [file, svg] of charts) {
    t.ok(markdown.includes(`(${file})`), file);
    t.match(svg, /^<svg .*<\/svg>\n$/s);
  }
});
