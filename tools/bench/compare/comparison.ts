// What makes one benchmark of this kind different from another: who takes part, what is measured, what it is held against.

import type { Contender } from './contender.ts';
import type { Measure, Settings } from './measure.ts';
import type { Results } from './results.ts';
import type { Verdict } from './verdict.ts';
import type { Group } from './views.ts';

export interface Planned {
  readonly measure: Measure;
  /** Rounds of a full run and of a quick one. */
  readonly full: number;
  readonly quick: number;
  /** However many are asked for: memory holds steady and takes long to measure. */
  readonly most?: number;
}

export interface Comparison {
  /** Of the program under dist/tools/bench, and of the files that it writes. */
  readonly name: string;
  /** Heading of the page and the chart. */
  readonly heading: string;
  /** Completes "Compares ...", for --help. */
  readonly compares: string;
  readonly contenders: readonly Contender[];
  /** In the order of a round. */
  readonly plan: readonly Planned[];
  readonly groups: readonly Group[];
  /** No new sample is begun after so long. */
  readonly budgetSeconds: { readonly full: number; readonly quick: number };
  readonly settings: Partial<Settings>;
  judge(results: Results): Verdict[];
}
