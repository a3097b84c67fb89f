// What four carriers are held against, in each case.

import type { MeasureName } from '../compare/contender.ts';
import type { Results, Summary } from '../compare/results.ts';
import { type Verdict, verdict } from '../compare/verdict.ts';
import { type Case, idOf } from './cases.ts';

const ours = 'striped-4';
const flows = 'flows-4';

/** Never below another: as good as it, but for headers and noise. */
const asGood = 0.99;

export function judge(one: Case, congestion: string, results: Results): Verdict[] {
  const { link, bar, quiet } = one;
  const measure: MeasureName = `wan:${idOf(one, congestion)}`;
  const figure = (contender: string, name: string) => ({ contender, measure, name });
  const goodput = (contender: string) => figure(contender, 'mbitPerSecond');
  const summary = (contender: string, name: string) => results.summary(figure(contender, name));
  const share = (contender: string) => results.ratio(goodput(ours), goodput(contender));

  const verdicts: Verdict[] = [];
  const add = (what: string, ...bars: Bars) => verdicts.push(verdict(`-n 4, ${what}`, ...bars));
  if (bar === 'flows') add('goodput / 4 free flows', 'at least', 0.98, share(flows));
  if (bar === 'sum') add('goodput / 4 free flows, the sum of the paths', 'at least', 0.95, share(flows));
  if (bar === 'flows') add('goodput / MPTCP', 'at least', asGood, share('mptcp-4'));
  add('goodput / one flow, on the best path', 'at least', asGood, share('flows-1'));
  if (one.name === 'flow-cap') {
    const eight = summary('striped-8', 'mbitPerSecond');
    verdicts.push(verdict('-n 8, goodput', 'at least', 150, eight, 'Mbit/s'));
  }
  if (one.name === 'loss' && congestion === 'cubic' && isHard(one)) {
    const gain = results.ratio(goodput('striped-bbr-4'), goodput('flows-1'));
    add('carriers with bbr, goodput / one flow with cubic', 'at least', 30, gain);
  }
  if (bar === 'pause' && link !== null) {
    add('longest pause', 'at most', 4 * link.rttMs + 200, summary(ours, 'longestPauseMs'), 'ms');
    add('sent again', 'at most', 5, summary(ours, 'repeatedPercent'), '%');
  }
  if (bar === 'resume')
    add('goes on, after the paths are back', 'at most', 1000, summary(ours, 'resumedAfterMs'), 'ms');
  if (quiet && link !== null) {
    const alone = summary(ours, 'aloneP99Ms');
    if (alone !== null) {
      const most = Math.round(1.5 * alone.median + link.queueMs);
      add('a message under bulk, p99', 'at most', most, summary(ours, 'busyP99Ms'), 'ms');
    }
    const most = (2 * link.mbit * link.rttMs) / 8000;
    add('reorder memory', 'at most', most, summary(ours, 'reorderMB'), 'MB');
  }
  add('overhead', 'at most', 0.2, summary(ours, 'overheadPercent'), '%');
  return verdicts;
}

type Bars = ['at most' | 'at least', number, Summary | null, string?];

/** 1 % lost, at 100 ms. */
function isHard({ variables }: Case): boolean {
  return variables.includes('loss=1%') && variables.includes('rtt=100ms');
}
