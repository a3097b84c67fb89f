// What encrypting is held against: HAProxy's TLS, in the same run.

import type { Results } from '../compare/results.ts';
import { type Verdict, verdict } from '../compare/verdict.ts';

const DIRECTIONS = [
  ['bulk-up', 'iperf3-up', 'client to target'],
  ['bulk-down', 'iperf3-down', 'target to client'],
] as const;

export function judge(results: Results): Verdict[] {
  const verdicts: Verdict[] = [];
  for (const ours of ['key-1', 'key-4'] as const) {
    for (const [bulk, iperf3, direction] of DIRECTIONS) {
      for (const side of ['client', 'server'] as const) {
        const figure = { contender: ours, side, measure: bulk, name: 'cpuSecondsPerGB' };
        const ratio = results.ratio(figure, { ...figure, contender: 'haproxy-tls' });
        verdicts.push(
          verdict(`${ours}, ${side} side, CPU per GB / haproxy-tls, ${direction}`, 'at most', 1.1, ratio),
        );
      }
      const figure = { contender: ours, measure: iperf3, name: 'gbitPerSecond' };
      const ratio = results.ratio(figure, { ...figure, contender: 'haproxy-tls' });
      verdicts.push(
        verdict(`${ours}, throughput / haproxy-tls, iperf3, ${direction}`, 'at least', 0.91, ratio),
      );
    }
  }
  return verdicts;
}
