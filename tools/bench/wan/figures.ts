// From what the programs print to figures. Pure.

import { percentile } from '../compare/percentile.ts';

export type Figures = Record<string, number>;

/** What wan_messages prints: names as in `aloneP50Ms`. */
export function messageFigures(
  when: 'alone' | 'busy',
  { ms, lost }: { ms: number[]; lost: number },
): Figures {
  if (ms.length === 0) return { [`${when}Lost`]: lost };
  return {
    [`${when}P50Ms`]: percentile(ms, 50),
    [`${when}P99Ms`]: percentile(ms, 99),
    [`${when}P999Ms`]: percentile(ms, 99.9),
    [`${when}Lost`]: lost,
  };
}

/** Bytes, as wan_uploads names them, and what their figure is called. */
export const uploadSizes: readonly { bytes: number; label: string; figure: string }[] = [
  { bytes: 1000, label: '1 KB', figure: 'upload1KBMs' },
  { bytes: 16_000, label: '16 KB', figure: 'upload16KBMs' },
  { bytes: 100_000, label: '100 KB', figure: 'upload100KBMs' },
  { bytes: 2_000_000, label: '2 MB', figure: 'upload2MBMs' },
];

/** Medians; a size of which one took too long has none. */
export function uploadFigures(printed: Record<string, (number | null)[]>): Figures {
  const figures: Figures = {};
  for (const { bytes, figure } of uploadSizes) {
    const times = printed[bytes] ?? [];
    const done = times.filter((time) => time !== null);
    if (done.length > 0 && done.length === times.length) figures[figure] = percentile(done, 50);
  }
  return figures;
}

/** What wan_target prints. */
export interface Received {
  bytes: number;
  seconds: number;
  longestPauseMs: number;
  pauseAtMs: number;
  /** Of the first byte, on the clock of the system. */
  startedAt: number;
  tenths: number[];
}

export function bulkFigures(received: Received, warmUpMs: number): Figures {
  const { bytes, seconds, longestPauseMs, pauseAtMs, tenths } = received;
  const first = sum(tenths.slice(0, Math.round(warmUpMs / 100)));
  return {
    mbitPerSecond: (bytes * 8) / seconds / 1e6,
    firstMbitPerSecond: (first * 8) / warmUpMs / 1000,
    longestPauseMs,
    pauseAtMs,
  };
}

/** How long after the network was back the longest pause ended. */
export function resumedAfterMs(received: Received, begunAt: number, returnsAtMs: number): number {
  const { startedAt, pauseAtMs, longestPauseMs } = received;
  return (startedAt - begunAt) * 1000 + pauseAtMs + longestPauseMs - returnsAtMs;
}

/** What a proxy says of its trunks at its end. */
export interface TrunkCounters {
  sentBytes: number;
  dataBytes: number;
  repeatedBytes: number;
  peakEarlyBytes: number;
}

/** Of its log, at level `debug`; null when it has said nothing of the kind. */
export function countersIn(log: string): TrunkCounters | null {
  const said = log.match(/ trunks: (\{.*\})/);
  return said === null ? null : (JSON.parse(said[1] ?? '') as TrunkCounters);
}

/**
 * Sent again: of the data, both ways. Overhead: everything else on the carriers, acknowledgements and what the other side
 * sends included. Reorder: what waited at most at the receiver.
 */
export function trunkFigures(both: readonly TrunkCounters[]): Figures {
  const [sent, data, repeated] = (['sentBytes', 'dataBytes', 'repeatedBytes'] as const).map((name) =>
    sum(both.map((counters) => counters[name])),
  ) as [number, number, number];
  if (data === 0) return {};
  return {
    repeatedPercent: (100 * repeated) / data,
    overheadPercent: (100 * (sent - data - repeated)) / data,
    reorderMB: Math.max(...both.map(({ peakEarlyBytes }) => peakEarlyBytes)) / 1e6,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
