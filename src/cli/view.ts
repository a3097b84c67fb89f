/**
 * What the status view and the summary at the end are given to show: the numbers of a service, fetched when they are
 * wanted.
 */

import { formatAddress } from '../core/address.ts';
import { formatBytes, formatDuration, plural } from '../core/format.ts';
import type { LogFields } from '../core/log.ts';
import { streamSnapshot } from '../layer/trunk/snapshot.ts';
import { RateMeter } from '../observe/meter.ts';
import type { CarrierRow, ConnectionRow, StatusView, StreamCells } from '../observe/view.ts';
import { compressionWords, ratioOf } from '../proxy/compression_totals.ts';
import { legState } from '../proxy/leg_state.ts';
import type { ProxyService } from '../proxy/service.ts';
import type { Session } from '../proxy/session.ts';
import { streamAmong } from '../proxy/stack.ts';
import type { Totals } from '../proxy/totals.ts';
import type { CarrierStatus, TrunkTotals } from '../proxy/trunk_status.ts';

/** Shares that the summary lists one by one. */
const MOST_SHARES = 8;

/** Looks at the services, each time that it is called. */
export function viewer(services: () => readonly ProxyService[], title: string): () => StatusView {
  const meter = new RateMeter();
  return () => {
    const all = services();
    const sum = (of: (service: ProxyService) => number) =>
      all.reduce((total, service) => total + of(service), 0);
    const view = {
      title,
      served: sum(({ totals }) => totals.connections),
      uptimeMs: Math.max(0, ...all.map(({ uptimeMs }) => uptimeMs)),
      carriers: all.flatMap((service) => carrierRows(service, meter)),
      open: sum(({ sessions }) => sessions.size),
      newest: (count: number) => newestRows(all, count),
    };
    meter.done();
    return view;
  };
}

function carrierRows({ carriers, name }: ProxyService, meter: RateMeter): CarrierRow[] {
  const now = performance.now();
  const severalTrunks = new Set(carriers.map(({ trunk }) => trunk)).size > 1;
  const all = carriers.reduce((sum, one) => sum + bytesOf(one), 0);
  return carriers.map((status): CarrierRow => {
    const { trunk, state, way, carrier } = status;
    const number = carrier === null ? '-' : `k${carrier.id}`;
    const id = [name, severalTrunks ? `t${trunk}` : '', number].filter((part) => part !== '').join(' ');
    if (carrier === null) return { id, way, state, numbers: null };
    const bytes = bytesOf(status);
    const traffic = meter.rate(`${name} ${trunk} ${carrier.id}`, bytes, now);
    return { id, way, state, numbers: { ...carrier, traffic, share: all === 0 ? 0 : bytes / all } };
  });
}

function bytesOf({ carrier }: CarrierStatus): number {
  return carrier === null ? 0 : carrier.sentBytes + carrier.receivedBytes;
}

/** The last that came, of all services. A Set keeps the order in which they came. */
function newestRows(services: readonly ProxyService[], count: number): ConnectionRow[] {
  const now = performance.now();
  const last = services.flatMap(({ sessions }) => lastOf(sessions, count));
  if (services.length > 1) last.sort((a, b) => a.id - b.id);
  return last.slice(-count).map((session) => rowOf(session, now));
}

function lastOf(sessions: ReadonlySet<Session>, count: number): Session[] {
  const found: Session[] = [];
  let older = sessions.size - count;
  for (const session of sessions) if (older-- <= 0) found.push(session);
  return found;
}

function rowOf(session: Session, now: number): ConnectionRow {
  return {
    id: `c${session.id}`,
    from: session.from === null ? 'nameless' : formatAddress(session.from),
    near: legState(session.near),
    far: session.far === null ? 'dialling' : legState(session.far),
    bytesForward: session.bytesForward,
    bytesBackward: session.bytesBackward,
    congestionsForward: session.congestionsForward,
    congestionsBackward: session.congestionsBackward,
    ageMs: now - session.startedAt,
    stream: streamOf(session),
    ...(session.compression === null ? {} : { compression: ratioOf(session.compression) }),
  };
}

function streamOf({ near, far }: Session): StreamCells | null {
  const stream = streamAmong(near, far);
  return stream === null ? null : streamSnapshot(stream);
}

/** What there is to say of a service at the end, in lines. */
export function summaryOf(service: ProxyService): string[] {
  const { trunkTotals: totals, compression } = service;
  return [
    servedBy(service.totals, service.uptimeMs),
    ...(totals === null ? [] : [stripingSummary(totals)]),
    ...(compression === null ? [] : [compressionWords(compression)]),
  ];
}

/** The same for programs. */
export function summaryFields({ totals, trunkTotals, uptimeMs }: ProxyService): LogFields {
  return {
    event: 'summary',
    uptimeMs: Math.round(uptimeMs),
    connections: totals.connections,
    failed: totals.failed,
    broken: totals.broken,
    sentBytes: totals.bytesForward,
    receivedBytes: totals.bytesBackward,
    ...(trunkTotals === null
      ? {}
      : {
          trunks: trunkTotals.trunks,
          carrierBytes: trunkTotals.shares,
          otherCarrierBytes: trunkTotals.otherBytes,
          carriersLost: trunkTotals.lost,
          stalls: trunkTotals.stalls,
          resentBytes: trunkTotals.repeatedBytes,
        }),
  };
}

/** And of several together: `served 17 connections (2 reset) in 3m20s: 1.54 MB sent, 24 KB received`. */
export function servedBy(totals: Totals, uptimeMs: number): string {
  const { connections, failed, broken, bytesForward, bytesBackward } = totals;
  const troubles = [failed > 0 ? `${failed} failed` : '', broken > 0 ? `${broken} reset` : ''].filter(
    (text) => text !== '',
  );
  const aside = troubles.length === 0 ? '' : ` (${troubles.join(', ')})`;
  const volume = `${formatBytes(bytesForward)} sent, ${formatBytes(bytesBackward)} received`;
  return `served ${plural(connections, 'connection')}${aside} in ${formatDuration(uptimeMs)}: ${volume}`;
}

export function totalOf(services: readonly ProxyService[]): Totals {
  const sum = (key: keyof Totals) => services.reduce((total, { totals }) => total + totals[key], 0);
  return {
    connections: sum('connections'),
    failed: sum('failed'),
    broken: sum('broken'),
    bytesForward: sum('bytesForward'),
    bytesBackward: sum('bytesBackward'),
  };
}

/** `striped over 4 carriers (26, 25, 25 and 24 % of 1.2 GB): 1 lost, 3 stalls, 1.3 MB sent again`. */
export function stripingSummary(totals: TrunkTotals): string {
  const { trunks, shares, otherBytes, lost, stalls, repeatedBytes } = totals;
  const all = shares.reduce((sum, bytes) => sum + bytes, otherBytes);
  const percent = (bytes: number) => Math.round((100 * bytes) / all);
  const events = [`${lost} lost`, plural(stalls, 'stall'), `${formatBytes(repeatedBytes)} sent again`];
  const where = trunks > 1 ? `, in the last of ${trunks} trunks` : '';
  // All of them were lost: what is left is what they carried.
  if (shares.length === 0)
    return `striped ${formatBytes(all)}, and no carrier was left at the end${where}: ${events.join(', ')}`;
  const parts = [`${spread(shares.map(percent))} % of ${formatBytes(all)}`];
  if (otherBytes > 0) parts.push(`${percent(otherBytes)} % over carriers before`);
  const share = all === 0 ? '' : ` (${parts.join(', ')})`;
  return `striped over ${plural(shares.length, 'carrier')}${share}${where}: ${events.join(', ')}`;
}

/** `26, 25 and 24`; of many, `each 1 to 2`. */
function spread(values: readonly number[]): string {
  if (values.length <= MOST_SHARES) return listed(values.map(String));
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? `each ${least}` : `each ${least} to ${most}`;
}

function listed(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} and ${last}`;
}
