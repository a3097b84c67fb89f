// The relay and the classic pair against other relays.

import type { Comparison } from '../compare/comparison.ts';
import { bulkDown, bulkUp } from '../compare/measure-bulk.ts';
import { idle } from '../compare/measure-idle.ts';
import { latency } from '../compare/measure-latency.ts';
import { rate } from '../compare/measure-rate.ts';
import { stalled } from '../compare/measure-stalled.ts';
import {
  bulkDownGroup,
  bulkUpGroup,
  idleGroup,
  latencyGroup,
  rateGroup,
  stalledGroup,
} from '../compare/views.ts';
import { contenders } from './contenders.ts';
import { judge } from './verdicts.ts';

export const relayComparison: Comparison = {
  name: 'relay',
  heading: 'The relay, compared',
  compares: 'tcp-proxy -r and the pair with other relays',
  contenders,
  plan: [
    { measure: bulkUp, full: 6, quick: 2 },
    { measure: bulkDown, full: 6, quick: 2 },
    { measure: rate, full: 4, quick: 2 },
    { measure: latency, full: 4, quick: 2 },
    { measure: idle, full: 2, quick: 1, most: 3 },
    { measure: stalled, full: 2, quick: 1, most: 3 },
  ],
  groups: [bulkUpGroup, bulkDownGroup, rateGroup, latencyGroup, idleGroup, stalledGroup],
  budgetSeconds: { full: 870, quick: 165 },
  settings: {},
  judge,
};
