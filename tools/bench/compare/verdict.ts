// The bars of the project, held against a run. A verdict is printed, never asserted: machines are noisy.

import type { Summary } from './results.ts';

export interface Verdict {
  what: string;
  unit: string;
  comparison: 'at most' | 'at least';
  bar: number;
  measured: Summary | null;
  /** By the median; null when there is nothing to judge. */
  met: boolean | null;
}

export function verdict(
  what: string,
  comparison: Verdict['comparison'],
  bar: number,
  measured: Summary | null,
  unit = '',
): Verdict {
  const met =
    measured === null ? null : comparison === 'at most' ? measured.median <= bar : measured.median >= bar;
  return { what, comparison, bar, measured, met, unit };
}
