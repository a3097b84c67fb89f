// The encrypted pair against pairs of others with TLS, on loopback: what encrypting costs. In the clear, ours and HAProxy's
// show what is not the cipher's.

import type { Comparison } from '../compare/comparison.ts';
import { direct, everyMeasure } from '../compare/contender.ts';
import { bulkDown, bulkUp } from '../compare/measure-bulk.ts';
import { iperf3Down, iperf3Up } from '../compare/measure-iperf3.ts';
import { latency } from '../compare/measure-latency.ts';
import { ourPair } from '../compare/ours.ts';
import { haproxy } from '../compare/peers.ts';
import { bulkDownGroup, bulkUpGroup, iperf3Group, latencyGroup } from '../compare/views.ts';
import { haproxyTls, keyOptions, stunnel } from './contenders.ts';
import { judge } from './verdicts.ts';

export const tlsComparison: Comparison = {
  name: 'tls',
  heading: 'The encrypted pair, compared',
  compares: 'the pair with --key with HAProxy and stunnel, both twice with TLS between',
  contenders: [
    direct,
    ourPair('key-1', 1, everyMeasure, keyOptions),
    ourPair('key-4', 4, everyMeasure, keyOptions),
    ourPair('clear-4', 4),
    haproxyTls,
    haproxy('haproxy-clear', { hops: 2 }),
    stunnel,
  ],
  plan: [
    { measure: bulkUp, full: 5, quick: 2 },
    { measure: bulkDown, full: 5, quick: 2 },
    { measure: iperf3Up, full: 4, quick: 1 },
    { measure: iperf3Down, full: 4, quick: 1 },
    { measure: latency, full: 3, quick: 1 },
  ],
  groups: [bulkUpGroup, bulkDownGroup, iperf3Group, latencyGroup],
  budgetSeconds: { full: 900, quick: 240 },
  settings: {},
  judge,
};
