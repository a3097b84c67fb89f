/**
 * What the status view shows, and how: numbers in, lines out.
 *
 *     tcp-proxy client on 127.0.0.1:11111 -> server:22222   2 open, 17 served   up 3m20s
 *       carrier  state    traffic    share  srtt    rate        unsent  retrans  stalls  cwnd
 *       k0       open     11.2 MB/s  49 %   50.1ms  >12.0 MB/s  0 B     12       0       640 KB
 *       k3       stalled  0 B/s      51 %   50.4ms  12.5 MB/s   96 KB   31       1       20.1 KB
 *       id  from             legs         sent     received  window  early  re-sent  congested  age
 *       c3  127.0.0.1:40000  open > open  1.54 MB  24 KB     256 KB  0 B    0 B      3/0        1m02s
 *
 * The carriers are those of a trunk, and `window` to `re-sent` belong to its streams: other connections have none. A rate
 * with `>` is that of a carrier that had no more to do.
 */

import { columnsOf, cutToColumns, escapeText, formatBytes, formatDuration } from '../core/format.ts';
import { type Column, tableLines } from './table.ts';

/** What the status view shows of one connection. */
export interface ConnectionRow {
  readonly id: string;
  readonly from: string;
  /** State of each leg in a word: `dialling`, `open`, `congested`, `fin in`, `fin out`, `closed`, `broken`. */
  readonly near: string;
  readonly far: string;
  readonly bytesForward: number;
  readonly bytesBackward: number;
  readonly congestionsForward: number;
  readonly congestionsBackward: number;
  readonly ageMs: number;
  /** Null where it is no stream of a trunk. */
  readonly stream: StreamCells | null;
  /** Bytes a second, both ways, where the view shows that. */
  readonly rate?: number;
  /** Bytes that one on the wire stands for, where it is compressed. */
  readonly compression?: number;
}

export interface StreamCells {
  /** How far ahead of the reader the peer may send. */
  readonly windowBytes: number;
  /** Arrived before what is in front of it. */
  readonly earlyBytes: number;
  /** Sent more than once. */
  readonly repeatedBytes: number;
}

/** What it shows of one connection of a trunk. */
export interface CarrierRow {
  readonly id: string;
  /** Which way it goes; empty where there is one only. */
  readonly way: string;
  /** `open`, `busy`, `stalled`, `closing`; without numbers `dialling`, `joining`, `waiting`. */
  readonly state: string;
  /** Null while it is not there. */
  readonly numbers: CarrierCells | null;
}

export interface CarrierCells {
  /** Bytes a second, both ways, since the last look. */
  readonly traffic: number;
  /** Of the bytes of all carriers, from 0 to 1. */
  readonly share: number;
  readonly srttMs: number;
  /** Bytes a second that it has carried at its best of late. Null: not known, as for the rest. */
  readonly rate: number | null;
  /** It could do no more; else it had no more to do. */
  readonly rateIsLimit: boolean;
  readonly stalls: number;
  readonly unsentBytes: number | null;
  readonly retransmits: number | null;
  readonly cwndBytes: number | null;
}

export interface StatusView {
  readonly title: string;
  readonly served: number;
  readonly uptimeMs: number;
  readonly carriers: readonly CarrierRow[];
  /** Connections that there are now. */
  readonly open: number;
  /** What those are that there is no room for. Default `older`. */
  readonly others?: string;
  /** The last so many of them, the newest at the end. Only for what there is room for: there may be thousands. */
  newest(count: number): ConnectionRow[];
}

const CONNECTION_COLUMNS: readonly Column[] = [
  { title: 'id', rank: 0 },
  { title: 'from', rank: 1 },
  { title: 'legs', rank: 2 },
  { title: 'sent', rank: 0 },
  { title: 'received', rank: 0 },
  { title: 'congested', rank: 4 },
  { title: 'age', rank: 3 },
];
/** In front of `congested`. */
const STREAM_COLUMNS: readonly Column[] = [
  { title: 'window', rank: 6, least: 7 },
  { title: 'early', rank: 5, least: 7 },
  { title: 're-sent', rank: 5 },
];
const STREAM_AT = 5;
/** In front of `sent`. */
const RATE_COLUMN: Column = { title: 'traffic', rank: 0, least: 9 };
const RATE_AT = 3;
/** In front of those, where anything is compressed. */
const COMPRESSION_COLUMN: Column = { title: 'ratio', rank: 4 };

const CARRIER_COLUMNS: readonly Column[] = [
  { title: 'carrier', rank: 0 },
  { title: 'state', rank: 0, least: 'dialling'.length },
  { title: 'traffic', rank: 1, least: 9 },
  { title: 'share', rank: 2 },
  { title: 'srtt', rank: 3, least: 6 },
  { title: 'rate', rank: 4, least: 10 },
  { title: 'unsent', rank: 6, least: 7 },
  { title: 'retrans', rank: 5 },
  { title: 'stalls', rank: 5 },
  { title: 'cwnd', rank: 7, least: 7 },
];

/** Behind the first, where they go several ways. */
const WAY_COLUMN: Column = { title: 'way', rank: 3 };

/** Where there is room for fewer of them, all of them together say more. */
const LEAST_CARRIERS = 2;

/** The lines of the view, at most `height` of them and none wider than `width`. */
export function renderStatus(view: StatusView, width: number, height: number): string[] {
  const lines = [headOf(view, width)];
  lines.push(...carrierLines(view, width, height - 1));
  lines.push(...connectionLines(view, width, height - lines.length));
  return lines.slice(0, height).map((line) => cutToColumns(line, width));
}

function headOf(view: StatusView, width: number): string {
  const title = escapeText(view.title);
  const counts = `${view.open} open, ${view.served} served   up ${formatDuration(view.uptimeMs)}`;
  const head = `${title}   ${counts}`;
  // Where it is too narrow for both, what changes is worth more than what was said at the start.
  return columnsOf(head) <= width ? head : `${counts}   ${title}`;
}

function connectionLines(
  { open, newest, others = 'older' }: StatusView,
  width: number,
  height: number,
): string[] {
  const room = height - 1;
  if (open === 0 || room <= 0) return [];
  const shown = newest(open > room ? room - 1 : open);
  const striped = shown.some(({ stream }) => stream !== null);
  const rated = shown.some(({ rate }) => rate !== undefined);
  const compressed = shown.some(({ compression }) => compression !== undefined);
  const more = [...(compressed ? [COMPRESSION_COLUMN] : []), ...(striped ? STREAM_COLUMNS : [])];
  const plain = CONNECTION_COLUMNS.toSpliced(STREAM_AT, 0, ...more);
  const columns = rated ? plain.toSpliced(RATE_AT, 0, RATE_COLUMN) : plain;
  const rows = shown.map((row) => {
    const cells = connectionCells(row, compressed, striped);
    return rated ? cells.toSpliced(RATE_AT, 0, formatRate(row.rate ?? 0)) : cells;
  });
  const lines = shown.length === 0 ? [] : tableLines(columns, rows, width);
  return hiding(lines, open - shown.length, others);
}

/** They are there to be compared, so they come first; where there are connections, those get half of the room. */
function carrierLines({ carriers, open }: StatusView, width: number, height: number): string[] {
  if (carriers.length === 0) return [];
  const room = open === 0 ? height : Math.max(Math.floor(height / 2), height - open - 1);
  const shown = carriers.length < room ? carriers : mostTelling(carriers, room - 2);
  if (shown.length < Math.min(carriers.length, LEAST_CARRIERS))
    return room > 0 ? [`  ${inShort(carriers)}`] : [];
  const ways = shown.some(({ way }) => way !== '');
  const columns = ways ? CARRIER_COLUMNS.toSpliced(1, 0, WAY_COLUMN) : CARRIER_COLUMNS;
  const rows = shown.map((row) =>
    ways ? carrierCells(row).toSpliced(1, 0, escapeText(row.way, 60)) : carrierCells(row),
  );
  const lines = tableLines(columns, rows, width);
  return hiding(lines, carriers.length - shown.length, 'more');
}

function hiding(lines: string[], hidden: number, what: string): string[] {
  return hidden > 0 ? [...lines, `  ... and ${hidden} ${what}`] : lines;
}

/** In their order, but those that are in trouble before the others when there is no room for all. */
function mostTelling(carriers: readonly CarrierRow[], count: number): CarrierRow[] {
  if (count <= 0) return [];
  const troubled = carriers.filter((row) => !isWell(row));
  const chosen = new Set([...troubled, ...carriers.filter(isWell)].slice(0, count));
  return carriers.filter((row) => chosen.has(row));
}

function isWell({ state }: CarrierRow): boolean {
  return state === 'open' || state === 'busy' || state === 'closing';
}

/** `carriers: 3 open, 1 stalled, 12.0 MB/s`. */
function inShort(carriers: readonly CarrierRow[]): string {
  const states = new Map<string, number>();
  let traffic = 0;
  for (const { state, numbers } of carriers) {
    states.set(state, (states.get(state) ?? 0) + 1);
    traffic += numbers?.traffic ?? 0;
  }
  const counts = [...states].map(([state, count]) => `${count} ${state}`);
  return `carriers: ${[...counts, formatRate(traffic)].join(', ')}`;
}

function connectionCells(row: ConnectionRow, compressed: boolean, striped: boolean): string[] {
  const cells = [
    row.id,
    escapeText(row.from, 60),
    `${row.near} > ${row.far}`,
    formatBytes(row.bytesForward),
    formatBytes(row.bytesBackward),
    `${row.congestionsForward}/${row.congestionsBackward}`,
    formatDuration(row.ageMs),
  ];
  const { compression } = row;
  const ratio = compression === undefined ? '-' : `${compression.toFixed(1)}:1`;
  const more = [...(compressed ? [ratio] : []), ...(striped ? streamCells(row.stream) : [])];
  return cells.toSpliced(STREAM_AT, 0, ...more);
}

function streamCells(stream: StreamCells | null): string[] {
  if (stream === null) return STREAM_COLUMNS.map(() => '-');
  return [stream.windowBytes, stream.earlyBytes, stream.repeatedBytes].map(formatBytes);
}

function carrierCells({ id, state, numbers }: CarrierRow): string[] {
  if (numbers === null) return CARRIER_COLUMNS.map((_, i) => [id, state][i] ?? '-');
  const { traffic, share, srttMs, rate, rateIsLimit, stalls, unsentBytes, retransmits, cwndBytes } = numbers;
  const known = (value: number | null, format: (value: number) => string) =>
    value === null ? '-' : format(value);
  return [
    id,
    state,
    formatRate(traffic),
    `${Math.round(share * 100)} %`,
    formatRoundTrip(srttMs),
    known(rate, (value) => `${rateIsLimit ? '' : '>'}${formatRate(value)}`),
    known(unsentBytes, formatBytes),
    known(retransmits, String),
    `${stalls}`,
    known(cwndBytes, formatBytes),
  ];
}

function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** Below 10 ms the fractions matter. */
function formatRoundTrip(ms: number): string {
  return ms < 9.95 ? `${ms.toFixed(2)}ms` : formatDuration(ms);
}
