/** Reckoning for the charts, which needs no browser. */

import type { Column } from './history.ts';
import type { Unit } from './numbers.ts';

const STEPS = [1, 2, 2.5, 5, 10];

/** Where a scale ends that is to hold `most`, and its steps: round numbers. */
export function scaleOf(most: number, { size }: Unit, parts: number): { end: number; step: number } {
  const least = most / size / parts;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = (STEPS.find((one) => one * power >= least * 0.999) as number) * power * size;
  return { step, end: Math.ceil(most / step - 0.001) * step };
}

export function splitsOf({ end, step }: { end: number; step: number }): number[] {
  return Array.from({ length: Math.round(end / step) + 1 }, (_, i) => i * step);
}

/** Each on top of those before it. Where nothing is known of any, there is nothing to stack. */
export function stacked(columns: readonly Column[]): Column[] {
  const sums: number[] = (columns[0] ?? []).map(() => 0);
  const known = sums.map((_, at) => columns.some((column) => column[at] !== null));
  return columns.map((column) =>
    column.map((value, at) => {
      if (!known[at]) return null;
      sums[at] = (sums[at] as number) + (value ?? 0);
      return sums[at] as number;
    }),
  );
}
