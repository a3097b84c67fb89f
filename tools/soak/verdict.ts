/**
 * Whether a series of samples is flat: by the median of the slopes between all pairs (Theil and Sen), which single outliers
 * do not move.
 */

import type { Size } from './proxy.ts';

export interface Sample extends Size {
  /** Seconds since the beginning. */
  readonly at: number;
  /** Counts the processes that took this part, from 1. */
  readonly life: number;
}

/** What a whole run may add, whatever its length: caches fill, and a garbage collection is never complete. */
export const MOST_GROWTH = {
  rssBytes: 48e6,
  heapBytes: 6e6,
  // Slabs of the pools, within --memory.
  externalBytes: 40e6,
  descriptors: 3,
} as const satisfies Record<keyof Size, number>;

/** The first samples are of a process that warms up. */
const WARM_UP = 0.25;
/** Less says nothing. */
export const LEAST_SAMPLES = 4;

/** How much it grows from the first sample that counts to the last, by its slope. */
export function growthOf(samples: readonly { at: number; value: number }[]): number {
  const counted = samples.slice(Math.floor(samples.length * WARM_UP));
  const slopes: number[] = [];
  for (const [i, a] of counted.entries())
    for (const b of counted.slice(i + 1)) if (b.at > a.at) slopes.push((b.value - a.value) / (b.at - a.at));
  if (slopes.length === 0) return 0;
  slopes.sort((a, b) => a - b);
  const median = slopes[Math.floor(slopes.length / 2)] as number;
  return median * ((counted.at(-1)?.at ?? 0) - (counted[0]?.at ?? 0));
}

/** What grows, in words; empty when all is flat. Of a part that was started again, its longest life counts. */
export function problemsOf(name: string, samples: readonly Sample[]): string[] {
  const lives = [...new Set(samples.map(({ life }) => life))].map((life) =>
    samples.filter((sample) => sample.life === life),
  );
  const [longest = []] = lives.sort((a, b) => b.length - a.length);
  if (longest.length < LEAST_SAMPLES) return [];
  return (Object.keys(MOST_GROWTH) as (keyof Size)[]).flatMap((what) => {
    const growth = growthOf(longest.map((sample) => ({ at: sample.at, value: sample[what] })));
    if (growth <= MOST_GROWTH[what]) return [];
    const minutes = ((longest.at(-1)?.at ?? 0) / 60).toFixed(1);
    return [
      `${name}: ${what} grows: by ${Math.round(growth)} in ${minutes} minutes, and ${MOST_GROWTH[what]} is the most`,
    ];
  });
}
