// What the relay and the classic pair are held against.

import type { MeasureName } from '../compare/contender.ts';
import type { Results, Summary } from '../compare/results.ts';
import { type Verdict, verdict } from '../compare/verdict.ts';

const directions: readonly [MeasureName, string][] = [
  ['bulk-up', 'client to target'],
  ['bulk-down', 'target to client'],
];

const betterPeers = ['haproxy-splice', 'nginx'];
const cpu = 'cpuSecondsPerGB';
const throughput = 'gbitPerSecond';

export function judge(results: Results): Verdict[] {
  const verdicts: Verdict[] = [];
  const add = (...what: Parameters<typeof verdict>) => verdicts.push(verdict(...what));

  for (const [measure, direction] of directions) {
    const cheapest = best(results, measure, cpu, (a, b) => a < b);
    add(
      `-r, CPU per GB / ${cheapest ?? 'the better of HAProxy with splice and nginx'}, ${direction}`,
      'at most',
      0.7,
      ratio(results, measure, cpu, 'relay', cheapest),
    );
    const fastest = best(results, measure, throughput, (a, b) => a > b);
    add(
      `-r, throughput / ${fastest ?? 'the better of HAProxy with splice and nginx'}, ${direction}`,
      'at least',
      1,
      ratio(results, measure, throughput, 'relay', fastest),
    );
    for (const side of ['client', 'server']) {
      const figure = { contender: 'pair', side, measure, name: cpu };
      const peer = { contender: 'haproxy', measure, name: cpu };
      add(
        `pair, ${side} side, CPU per GB / haproxy, ${direction}`,
        'at most',
        1,
        results.ratio(figure, peer),
      );
    }
  }
  for (const [contender, side] of [
    ['relay', 'relay'],
    ['pair', 'client'],
    ['pair', 'server'],
  ] as const) {
    const who = contender === 'relay' ? '-r' : `pair, ${side} side`;
    const idle = results.summary({ contender, side, measure: 'idle', name: 'echoedRssKB' });
    add(`${who}, memory per idle connection`, 'at most', 12, idle, 'KB');
    const stalled = results.summary({ contender, side, measure: 'stalled', name: 'grownMB' });
    add(`${who}, memory per stalled reader`, 'at most', 1, stalled, 'MB');
  }
  return verdicts;
}

function ratio(
  results: Results,
  measure: MeasureName,
  name: string,
  ours: string,
  peer: string | null,
): Summary | null {
  if (peer === null) return null;
  return results.ratio({ contender: ours, measure, name }, { contender: peer, measure, name });
}

/** The peer with the better median. Only when both took part: half a comparison would flatter us. */
function best(
  results: Results,
  measure: MeasureName,
  name: string,
  better: (a: number, b: number) => boolean,
): string | null {
  let found: { contender: string; median: number } | null = null;
  for (const contender of betterPeers) {
    const summary = results.summary({ contender, measure, name });
    if (summary === null) return null;
    if (found === null || better(summary.median, found.median)) found = { contender, median: summary.median };
  }
  return found?.contender ?? null;
}
