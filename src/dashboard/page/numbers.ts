/**
 * Numbers in units that fit. What stands in one column or on one axis has one unit, so that it can be compared at a glance.
 */

export interface Unit {
  readonly name: string;
  /** What one of it is worth. */
  readonly size: number;
}

const BIT = 1 / 8;
const RATE_UNITS: readonly Unit[] = [
  { name: 'kbit/s', size: 1000 * BIT },
  { name: 'Mbit/s', size: 1e6 * BIT },
  { name: 'Gbit/s', size: 1e9 * BIT },
];
const BYTE_UNITS: readonly Unit[] = [
  { name: 'KB', size: 1000 },
  { name: 'MB', size: 1e6 },
  { name: 'GB', size: 1e9 },
  { name: 'TB', size: 1e12 },
];

const fitting = (units: readonly Unit[], most: number) =>
  units.findLast(({ size }) => most >= 0.9995 * size) ?? (units[0] as Unit);

/** For rates in bytes per second up to `most`. */
export const rateUnit = (most: number): Unit => fitting(RATE_UNITS, most);
export const byteUnit = (most: number): Unit => fitting(BYTE_UNITS, most);

/** With one decimal, so that a column of them stands in line, but none for what is counted; `–` for what is not known. */
export function inUnit(value: number | null, { size }: Unit): string {
  if (value === null) return '–';
  const number = value / size;
  if (number === 0) return '0';
  if (size === 1) return number.toFixed(0);
  return number < 0.05 ? '<0.1' : number.toFixed(1);
}

/** `20.1 Mbit/s`. */
export function formatRate(bytesPerSecond: number): string {
  const unit = rateUnit(bytesPerSecond);
  return `${brief(bytesPerSecond, unit)} ${unit.name}`;
}

/** For a sentence: no more digits than it takes, `20` and `0.4`. */
export function brief(value: number, { size }: Unit): string {
  const number = value / size;
  if (number === 0) return '0';
  if (number < 0.05) return 'below 0.1';
  return number >= 9.95 ? number.toFixed(0) : number.toFixed(1).replace(/\.0$/, '');
}

/** `48 %`, and nothing that rounds to none when it is some. */
export function formatShare(share: number | null): string {
  if (share === null) return '–';
  const percent = share * 100;
  return percent > 0 && percent < 1 ? '<1 %' : `${percent.toFixed(0)} %`;
}

/** `0.4 ms`, `53 ms`. */
export function formatMs(ms: number | null): string {
  if (ms === null) return '–';
  return `${ms < 9.95 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Of those that are numbers; null when none is. */
export function mean(values: readonly (number | null)[]): number | null {
  let sum = 0;
  let count = 0;
  for (const value of values) {
    if (value === null) continue;
    sum += value;
    count++;
  }
  return count === 0 ? null : sum / count;
}
