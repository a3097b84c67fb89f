/**
 * What `make demo-wan` shows of its race: numbers in, lines out.
 *
 *     one flow   ############                                       18.7 Mbit/s    16.9 MB
 *     striped    ################################################   75.1 Mbit/s    67.4 MB
 *                4 connections: 25, 25, 25 and 25 %
 */

import { cutToColumns, formatBytes, formatDuration } from '../../src/core/format.ts';
import type { RaceSample } from './wan_race.ts';

/** Goodput is that of the last second. */
const RATE_MS = 1000;
const LABEL_COLUMNS = 11;
const VALUE_COLUMNS = 26;
const LEAST_BAR = 10;
const HISTORY_MS = 250;
const LEVELS = '▁▂▃▄▅▆▇█';

export interface RaceView {
  readonly samples: readonly RaceSample[];
  /** Bytes on each of the connections that are striped over. */
  readonly shares: readonly number[];
  readonly totalMs: number;
}

/** Each in Mbit/s, over what came before this sample. */
export interface Rates {
  readonly plain: number;
  readonly striped: number;
}

export function ratesAt(samples: readonly RaceSample[], index: number, overMs = RATE_MS): Rates {
  const none = { ms: 0, plainBytes: 0, stripedBytes: 0 };
  const last = samples[index] ?? none;
  const first = samples.slice(0, index).findLast(({ ms }) => ms <= last.ms - overMs) ?? none;
  const span = Math.max(1, last.ms - first.ms);
  const rate = (bytes: number) => (bytes * 8) / span / 1000;
  return {
    plain: rate(last.plainBytes - first.plainBytes),
    striped: rate(last.stripedBytes - first.stripedBytes),
  };
}

/** @param fancy whether the terminal has more than ASCII */
export function raceLines({ samples, shares, totalMs }: RaceView, columns: number, fancy: boolean): string[] {
  const last = samples.at(-1) ?? { ms: 0, plainBytes: 0, stripedBytes: 0 };
  const now = ratesAt(samples, samples.length - 1);
  const history = historyOf(samples);
  const most = Math.max(1, ...history.flatMap(({ plain, striped }) => [plain, striped]));
  const width = Math.max(LEAST_BAR, columns - LABEL_COLUMNS - VALUE_COLUMNS - 1);
  const row = (label: string, rate: number, bytes: number) => {
    const bar = (fancy ? '█' : '#').repeat(Math.round((rate / most) * width));
    return `${label.padEnd(LABEL_COLUMNS)}${bar.padEnd(width)} ${figures(rate, bytes)}`;
  };
  const indent = ' '.repeat(LABEL_COLUMNS);
  const line = (rates: readonly number[]) =>
    fancy
      ? [
          `${indent}${rates
            .slice(-width)
            .map((rate) => levelOf(rate / most))
            .join('')}`,
        ]
      : [];
  const lines = [
    `${formatDuration(Math.min(last.ms, totalMs))} of ${formatDuration(totalMs)}`,
    row('one flow', now.plain, last.plainBytes),
    ...line(history.map(({ plain }) => plain)),
    row('striped', now.striped, last.stripedBytes),
    ...line(history.map(({ striped }) => striped)),
    `${indent}${sharesText(shares)}`,
  ];
  return lines.map((text) => cutToColumns(text, columns));
}

/** One line a second, where nothing can be drawn over. */
export function raceLine({ samples, shares }: RaceView): string {
  const last = samples.at(-1) ?? { ms: 0, plainBytes: 0, stripedBytes: 0 };
  const { plain, striped } = ratesAt(samples, samples.length - 1);
  const parts = [
    `${(last.ms / 1000).toFixed(0).padStart(3)} s`,
    `one flow ${figures(plain, last.plainBytes)}`,
    `striped ${figures(striped, last.stripedBytes)}`,
    sharesText(shares),
  ];
  return parts.join('   ');
}

/** What a newcomer is to take home. */
export function summaryOf({ samples, shares }: RaceView): string[] {
  const last = samples.at(-1) ?? { ms: 0, plainBytes: 0, stripedBytes: 0 };
  const { plainBytes, stripedBytes, ms } = last;
  const times = (stripedBytes / Math.max(1, plainBytes)).toFixed(1);
  return [
    `In ${formatDuration(ms)}, one TCP connection moved ${formatBytes(plainBytes)}. The same transfer through a pair of`,
    `tcp-proxy, which spread it over ${shares.length} connections, moved ${formatBytes(stripedBytes)}: ${times} times as much.`,
  ];
}

function figures(rate: number, bytes: number): string {
  return `${rate.toFixed(1).padStart(6)} Mbit/s  ${formatBytes(bytes).padStart(8)}`;
}

function sharesText(shares: readonly number[]): string {
  const all = shares.reduce((sum, bytes) => sum + bytes, 0);
  if (all === 0) return '';
  const percents = shares.map((bytes) => Math.round((100 * bytes) / all));
  return `${shares.length} connections: ${percents.slice(0, -1).join(', ')} and ${percents.at(-1)} %`;
}

/** Goodput over time, in steps of a sparkline. */
function historyOf(samples: readonly RaceSample[]): Rates[] {
  const history: Rates[] = [];
  let next = HISTORY_MS;
  for (const [i, { ms }] of samples.entries()) {
    if (ms < next) continue;
    history.push(ratesAt(samples, i));
    next = ms + HISTORY_MS * 0.9;
  }
  return history;
}

function levelOf(share: number): string {
  return LEVELS[Math.min(LEVELS.length - 1, Math.floor(share * LEVELS.length))] as string;
}
