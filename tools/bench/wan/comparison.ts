// A scenario's results in the terms of the other benchmarks: what is shown of them, and what they are held against.

import type { Comparison } from '../compare/comparison.ts';
import type { Results } from '../compare/results.ts';
import { type Verdict, verdict } from '../compare/verdict.ts';
import type { Group, Quantity } from '../compare/views.ts';
import type { WanContender } from './contenders.ts';

const quantity = (label: string, unit: string, digits: number, name: string, charted: boolean): Quantity => ({
  label,
  unit,
  digits,
  measure: 'wan',
  name,
  perSide: false,
  moreIsBetter: name === 'mbitPerSecond',
  charted,
});

const group: Group = {
  title: 'One transfer, client to server',
  note: 'CPU: of all proxies together. Sent again: what the trunk sent more than once.',
  quantities: [
    quantity('goodput', 'Mbit/s', 1, 'mbitPerSecond', true),
    quantity('longest pause', 'ms', 0, 'longestPauseMs', true),
    quantity('CPU per GB', 's', 2, 'cpuSecondsPerGB', false),
    quantity('sent again', '%', 2, 'repeatedPercent', false),
  ],
};

/** Striping is to reach so much of what as many free connections get: a whole number is not to be had, headers cost. */
const share = 0.98;

export function wanComparison(scenario: string, congestion: string, contenders: WanContender[]): Comparison {
  const figure = (contender: string) => ({ contender, measure: 'wan', name: 'mbitPerSecond' }) as const;
  const names = new Set(contenders.map(({ name }) => name));
  return {
    name: `${scenario}-${congestion}`,
    heading: `${scenario}, ${congestion}`,
    compares: 'a transfer over a bad network',
    contenders: [],
    plan: [],
    groups: [group],
    budgetSeconds: { full: 0, quick: 0 },
    settings: {},
    judge(results: Results): Verdict[] {
      return contenders.flatMap(({ name, title, ceiling }) => {
        if (ceiling === undefined || !names.has(ceiling)) return [];
        const ratio = results.ratio(figure(name), figure(ceiling));
        return [verdict(`${title} / ${ceiling}, goodput`, 'at least', share, ratio)];
      });
    },
  };
}
