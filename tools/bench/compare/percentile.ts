/** The value that so many per cent are not above: the nearest one, so that the highest of few stands for the rarest. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  // Without the rounding, 99.9 % of 1000 would be the 1000th.
  const rank = Math.ceil(Number(((percent / 100) * sorted.length).toFixed(6)));
  return sorted[Math.max(0, rank - 1)] ?? Number.NaN;
}
