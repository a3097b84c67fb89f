// What striping over 4 carriers is held against.

import type { MeasureName } from '../compare/contender.ts';
import type { Results } from '../compare/results.ts';
import { type Verdict, verdict } from '../compare/verdict.ts';

const ours = 'striped-4';
const cpu = 'cpuSecondsPerGB';
const sides = ['client', 'server'] as const;

const directions: readonly [MeasureName, MeasureName, string][] = [
  ['bulk-up', 'iperf3-up', 'client to target'],
  ['bulk-down', 'iperf3-down', 'target to client'],
];

export function judge(results: Results): Verdict[] {
  const verdicts: Verdict[] = [];
  const add = (...what: Parameters<typeof verdict>) => verdicts.push(verdict(...what));
  for (const [bulk, iperf3, direction] of directions) {
    for (const side of sides) {
      const peer = { contender: 'haproxy', measure: bulk, name: cpu };
      const figure = { contender: ours, side, measure: bulk, name: cpu };
      add(
        `-n 4, ${side} side, CPU per GB / haproxy, ${direction}`,
        'at most',
        1,
        results.ratio(figure, peer),
      );
    }
    const iperf = results.summary({ contender: ours, measure: iperf3, name: 'gbitPerSecond' });
    add(`-n 4, iperf3 at both ends, ${direction}`, 'at least', 5, iperf, 'Gbit/s');
  }
  const echo = { contender: ours, measure: 'latency', name: 'p50Us' } as const;
  add(
    '-n 4, added to a 1-byte echo, p50',
    'at most',
    300,
    results.difference(echo, { ...echo, contender: 'direct' }),
    'µs',
  );
  for (const side of sides) {
    const memory = results.summary({ contender: ours, side, measure: 'idle', name: 'echoedRssKB' });
    add(`-n 4, ${side} side, memory per idle stream`, 'at most', 8, memory, 'KB');
  }
  const steady = (name: string) => results.summary({ contender: ours, measure: 'steady', name });
  add('-n 4, errors at 2000 connections a second', 'at most', 0, steady('errors'));
  add('-n 4, of 2000 connections a second', 'at least', 1980, steady('connectionsPerSecond'), '1/s');
  return verdicts;
}
