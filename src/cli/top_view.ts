/**
 * What `tcp-proxy top` shows: a status document of the admin server, as the status view has it.
 *
 * It comes from a program that may be another one, or another version: whatever is missing counts as 0, and text is escaped.
 */

import { escapeText } from '../core/format.ts';
import type { RateMeter } from '../observe/meter.ts';
import type { CarrierRow, ConnectionRow, StatusView, StreamCells } from '../observe/view.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Null: this is no status document. */
export function viewOf(document: unknown, meter: RateMeter, now: number): StatusView | null {
  const status = fieldsOf(document);
  if (!Array.isArray(status.trunks) || !Array.isArray(status.connections)) return null;
  const totals = fieldsOf(status.totals);
  const rows = status.connections.map((one) => connectionRow(fieldsOf(one)));
  const trunks = status.trunks.map(fieldsOf);
  const carriers = carrierRows(trunks, meter, now);
  const words = (list: unknown) => (Array.isArray(list) ? list.map(textOf).join(', ') : '');
  return {
    title: `tcp-proxy ${textOf(status.mode)} on ${words(status.listen)} -> ${words(status.dial)}`,
    served: numberOf(totals.connections),
    uptimeMs: numberOf(status.uptimeMs),
    carriers,
    open: numberOf(totals.open),
    others: 'less busy',
    newest: (count) => rows.slice(0, count),
  };
}

function carrierRows(trunks: readonly Fields[], meter: RateMeter, now: number): CarrierRow[] {
  const all = trunks.flatMap(({ id, carriers }) =>
    (Array.isArray(carriers) ? carriers : []).map((carrier) => ({ trunk: textOf(id), ...fieldsOf(carrier) })),
  );
  const bytesOf = (carrier: Fields) => numberOf(carrier.sentBytes) + numberOf(carrier.receivedBytes);
  const sum = all.reduce((total, carrier) => total + bytesOf(carrier), 0);
  const several = new Set(all.map(({ remote }: Fields) => remote)).size > 1;
  const rows = all.map((carrier: Fields & { trunk: string }): CarrierRow => {
    const { trunk } = carrier;
    const place = `k${numberOf(carrier.index)}`;
    const id = trunks.length > 1 ? `${trunk} ${place}` : place;
    const state = textOf(carrier.state);
    const way = several ? textOf(carrier.remote) : '';
    if (typeof carrier.id !== 'number') return { id, way, state, numbers: null };
    const bytes = bytesOf(carrier);
    const numbers = {
      traffic: meter.rate(`${trunk} ${carrier.id}`, bytes, now),
      share: sum === 0 ? 0 : bytes / sum,
      srttMs: numberOf(carrier.srttMs),
      rate: known(carrier.rate),
      rateIsLimit: carrier.rateIsLimit === true,
      stalls: numberOf(carrier.stalls),
      unsentBytes: known(carrier.unsentBytes),
      retransmits: known(carrier.retransmits),
      cwndBytes: known(carrier.cwndBytes),
    };
    return { id, way, state, numbers };
  });
  meter.done();
  return rows;
}

function connectionRow(row: Fields): ConnectionRow {
  return {
    id: textOf(row.id),
    from: row.from === null ? 'nameless' : textOf(row.from),
    near: textOf(row.near),
    far: textOf(row.far),
    rate: numberOf(row.rateForward) + numberOf(row.rateBackward),
    bytesForward: numberOf(row.bytesForward),
    bytesBackward: numberOf(row.bytesBackward),
    congestionsForward: numberOf(row.congestionsForward),
    congestionsBackward: numberOf(row.congestionsBackward),
    ageMs: numberOf(row.ageMs),
    stream: streamCells(row),
    ...(known(row.compressionRatio) === null ? {} : { compression: numberOf(row.compressionRatio) }),
  };
}

function streamCells({ windowBytes, earlyBytes, repeatedBytes }: Fields): StreamCells | null {
  if (known(windowBytes) === null) return null;
  return {
    windowBytes: numberOf(windowBytes),
    earlyBytes: numberOf(earlyBytes),
    repeatedBytes: numberOf(repeatedBytes),
  };
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function known(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function numberOf(value: unknown): number {
  return Math.max(0, known(value) ?? 0);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? escapeText(value, 100) : '';
}
