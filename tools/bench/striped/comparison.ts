// The striped pair against the classic one and against HAProxy, on loopback, where striping can win nothing: this shows
// what it costs. A pair is two hops, so HAProxy also takes part twice in a row.

import type { Comparison } from '../compare/comparison.ts';
import { type Contender, direct, everyMeasure, type MeasureName } from '../compare/contender.ts';
import { bulkDown, bulkUp } from '../compare/measure-bulk.ts';
import { idle } from '../compare/measure-idle.ts';
import { iperf3Down, iperf3Up } from '../compare/measure-iperf3.ts';
import { latency } from '../compare/measure-latency.ts';
import { rate } from '../compare/measure-rate.ts';
import { steady } from '../compare/measure-steady.ts';
import { ourPair } from '../compare/ours.ts';
import { haproxy } from '../compare/peers.ts';
import {
  bulkDownGroup,
  bulkUpGroup,
  idleGroup,
  iperf3Group,
  latencyGroup,
  rateGroup,
  steadyGroup,
} from '../compare/views.ts';
import { judge } from './verdicts.ts';

function without(contender: Contender, ...names: MeasureName[]): Contender {
  return { ...contender, measures: new Set([...contender.measures].filter((name) => !names.includes(name))) };
}

/** These take a minute, or say the same of each number of carriers: not everybody is asked. */
const few = ['steady', 'iperf3-up', 'iperf3-down'] as const;

const contenders: readonly Contender[] = [
  direct,
  without(ourPair('striped-1', 1), ...few),
  ourPair('striped-4', 4),
  without(ourPair('striped-8', 8), ...few),
  ourPair('pair', 0, everyMeasure),
  without(haproxy('haproxy'), 'steady'),
  without(haproxy('haproxy-splice', { splice: true }), ...few),
  haproxy('haproxy-2', { hops: 2 }),
  without(haproxy('haproxy-2-splice', { splice: true, hops: 2 }), ...few),
];

export const stripedComparison: Comparison = {
  name: 'striped',
  heading: 'The striped pair, compared',
  compares: 'the striped pair with the classic one and with HAProxy, once and twice in a row',
  contenders,
  plan: [
    { measure: bulkUp, full: 5, quick: 2 },
    { measure: bulkDown, full: 5, quick: 2 },
    { measure: iperf3Up, full: 4, quick: 1 },
    { measure: iperf3Down, full: 4, quick: 1 },
    { measure: rate, full: 4, quick: 1 },
    { measure: latency, full: 4, quick: 2 },
    { measure: idle, full: 2, quick: 1, most: 3 },
    { measure: steady, full: 1, quick: 1, most: 1 },
  ],
  groups: [bulkUpGroup, bulkDownGroup, iperf3Group, rateGroup, latencyGroup, idleGroup, steadyGroup],
  budgetSeconds: { full: 1500, quick: 300 },
  settings: { idleConnections: 10_000 },
  judge,
};
