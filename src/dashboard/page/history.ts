/**
 * The last minutes of a trunk: a sample a second of each carrier, in columns that the charts take as they are.
 *
 * Bounded: KEPT samples, whatever the page has seen, and a carrier that none of them knows is forgotten.
 */

import type { CarrierDocument, TrunkDocument } from '../../admin/documents.ts';

/** Samples: five minutes, a second each. */
export const KEPT = 300;

export type Column = (number | null)[];

/** The columns of a carrier; null where it was not there, or where the system does not tell. */
export interface Columns {
  /** Bytes per second. `traffic` is both ways. */
  readonly sent: Column;
  readonly received: Column;
  readonly traffic: Column;
  readonly srttMs: Column;
  readonly inFlightBytes: Column;
  readonly cwndBytes: Column;
  /** A second. */
  readonly retransmits: Column;
  /** A second. */
  readonly stalls: Column;
}

export type Metric = keyof Columns;

export interface CarrierTrack {
  readonly index: number;
  readonly columns: Columns;
  /** Its state at each time; null where nothing was heard. */
  readonly states: (string | null)[];
  /** As it was last heard of. */
  now: CarrierDocument;
}

/** What rates are reckoned from. */
interface Reading {
  readonly id: CarrierDocument['id'];
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly retransmits: number | null;
  readonly stalls: number;
}

const NOTHING: Omit<Reading, 'id'> = { sentBytes: 0, receivedBytes: 0, retransmits: 0, stalls: 0 };

export class TrunkHistory {
  /** Seconds since 1970, by the clock of the browser. */
  readonly times: number[] = [];
  readonly #tracks = new Map<number, CarrierTrack>();
  #last = new Map<number, Reading>();
  #lastClockMs: number | null = null;

  /** Those that are there or were of late, in their order. */
  get tracks(): CarrierTrack[] {
    return [...this.#tracks.values()].sort((a, b) => a.index - b.index);
  }

  /**
   * @param clockMs the proxy's own clock, which rates are reckoned by: how long the document took to come is no matter
   * @param atMs the browser's clock
   */
  add({ carriers }: TrunkDocument, clockMs: number, atMs: number): void {
    const elapsedMs = this.#lastClockMs === null ? null : clockMs - this.#lastClockMs;
    // A document that was asked for twice, or came late together with the next one.
    if (elapsedMs !== null && elapsedMs < 100) return;
    const readings = new Map<number, Reading>();
    for (const carrier of carriers) {
      // A carrier that is on its way out may have its successor beside it: the one that is in the slot comes first.
      if (readings.has(carrier.index)) continue;
      const { index, id, sentBytes, receivedBytes, retransmits, stalls } = carrier;
      readings.set(index, { id, sentBytes, receivedBytes, retransmits, stalls });
      const track = this.#track(carrier);
      track.now = carrier;
      this.#push(track, carrier, elapsedMs);
    }
    this.#last = readings;
    this.#lastClockMs = clockMs;
    this.#advance(atMs);
  }

  /** Nothing was heard: lines end here, and rates begin anew. */
  gap(atMs: number): void {
    this.#last.clear();
    this.#lastClockMs = null;
    this.#advance(atMs);
  }

  /** The last `seconds` of a column, oldest first. */
  recent(track: CarrierTrack, metric: Metric, samples: number): Column {
    return track.columns[metric].slice(-samples);
  }

  #track(now: CarrierDocument): CarrierTrack {
    const known = this.#tracks.get(now.index);
    if (known !== undefined) return known;
    const empty = (): Column => this.times.map(() => null);
    const track: CarrierTrack = {
      index: now.index,
      now,
      states: this.times.map(() => null),
      columns: {
        sent: empty(),
        received: empty(),
        traffic: empty(),
        srttMs: empty(),
        inFlightBytes: empty(),
        cwndBytes: empty(),
        retransmits: empty(),
        stalls: empty(),
      },
    };
    this.#tracks.set(now.index, track);
    return track;
  }

  #push(track: CarrierTrack, carrier: CarrierDocument, elapsedMs: number | null): void {
    const known = this.#last.get(carrier.index);
    // A new connection has counted from zero, since the last look or a little before.
    const last = known?.id === carrier.id ? known : NOTHING;
    const perSecond = (now: number | null, before: number | null) =>
      now === null || before === null || elapsedMs === null
        ? null
        : (Math.max(0, now - before) / elapsedMs) * 1000;
    const sent = perSecond(carrier.sentBytes, last.sentBytes);
    const received = perSecond(carrier.receivedBytes, last.receivedBytes);
    const there = isThere(carrier.state);
    const { columns } = track;
    columns.sent.push(sent);
    columns.received.push(received);
    columns.traffic.push(sent === null || received === null ? null : sent + received);
    columns.srttMs.push(there ? carrier.srttMs : null);
    columns.inFlightBytes.push(there ? carrier.inFlightBytes : null);
    columns.cwndBytes.push(there ? carrier.cwndBytes : null);
    columns.retransmits.push(perSecond(carrier.retransmits, last.retransmits));
    columns.stalls.push(perSecond(carrier.stalls, last.stalls));
    track.states.push(carrier.state);
  }

  /** The end of a sample: whoever was not in it has none, and what is too old goes. */
  #advance(atMs: number): void {
    this.times.push(atMs / 1000);
    const drop = Math.max(0, this.times.length - KEPT);
    this.times.splice(0, drop);
    for (const track of this.#tracks.values()) {
      if (track.states.length < this.times.length + drop) pad(track);
      track.states.splice(0, drop);
      for (const column of Object.values(track.columns)) column.splice(0, drop);
      if (track.states.every((state) => state === null)) this.#tracks.delete(track.index);
    }
  }
}

function pad({ columns, states }: CarrierTrack): void {
  states.push(null);
  for (const column of Object.values(columns)) column.push(null);
}

/** Whether there is a connection to speak of. */
export function isThere(state: string): boolean {
  return state === 'open' || state === 'busy' || state === 'stalled' || state === 'closing';
}
