/**
 * What the admin server says, as JSON: docs/openapi.yaml describes the same for others. Fields may be added; none is renamed.
 *
 * Bytes are bytes, `...Ms` milliseconds, rates bytes per second, and null is what is not known.
 */

export interface BuildDocument {
  readonly version: string;
  readonly node: string;
  readonly platform: string;
  readonly arch: string;
  /** How sockets are had: the addon, or node:net. */
  readonly backend: string;
}

export type OptionValue = string | number | boolean | null | readonly string[];
/** As the command was told, by the names of its options; no secrets. */
export type OptionsDocument = Readonly<Record<string, OptionValue>>;

export interface TotalsDocument {
  /** That there have been. */
  readonly connections: number;
  /** That there are. */
  readonly open: number;
  /** Their far end was never reached. */
  readonly failed: number;
  /** Ended by a reset or another error, after they had been open. */
  readonly broken: number;
  /** From those who connect to what they want to reach, those that are open included. */
  readonly bytesForward: number;
  readonly bytesBackward: number;
}

export interface MemoryDocument {
  /** Of `--memory`; null where nothing is striped. */
  readonly capacityBytes: number | null;
  readonly usedBytes: number;
}

export interface CarrierDocument {
  /** Its place in the trunk, from 0: a carrier that is dialled again has the same. */
  readonly index: number;
  /** Which carrier of that place it is; null while there is none. */
  readonly id: number | null;
  /** `closing`: not wanted any more, and not gone yet; its successor may have the same index. `drained`: taken out of use. */
  readonly state: 'open' | 'busy' | 'stalled' | 'down' | 'dialling' | 'closing' | 'drained';
  readonly local: string | null;
  readonly remote: string | null;
  readonly ageMs: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly inFlightBytes: number;
  readonly cwndBytes: number | null;
  readonly unsentBytes: number | null;
  readonly srttMs: number;
  /** The most that it has been seen to carry of late. */
  readonly rate: number | null;
  /** It could do no more; else it had no more to do. */
  readonly rateIsLimit: boolean;
  readonly stalls: number;
  /** Of what was sent here, bytes of connections that had been sent before, on whatever carrier. */
  readonly repeatedBytes: number;
  /** Segments that the kernel sent again. */
  readonly retransmits: number | null;
}

export interface TrunkDocument {
  readonly id: string;
  /** The name of the listener that it belongs to; empty where there is one only. */
  readonly service: string;
  /** Who is at the other end. */
  readonly peer: string;
  /** Connections in it. */
  readonly streams: number;
  /** All that was given to carriers: data, what was sent again, and the frames around them. */
  readonly sentBytes: number;
  /** Of the connections, each byte counted once. */
  readonly dataBytes: number;
  readonly repeatedBytes: number;
  /** Carriers that were lost. */
  readonly lost: number;
  readonly stalls: number;
  /** The most that ever waited, on one connection, for what was in front of it. */
  readonly peakEarlyBytes: number;
  readonly carriers: readonly CarrierDocument[];
}

export interface ConnectionDocument {
  readonly id: string;
  readonly service: string;
  /** Null for a nameless client of a Unix socket. */
  readonly from: string | null;
  /** Null until its far end is reached. */
  readonly to: string | null;
  readonly state: 'dialling' | 'open' | 'closed';
  /** Of each leg: `open`, `congested`, `fin in`, `fin out`, `closed`, `broken`; `dialling`. */
  readonly near: string;
  readonly far: string;
  readonly ageMs: number;
  readonly bytesForward: number;
  readonly bytesBackward: number;
  /** Since it was last looked at, a second ago or so; 0 at the first look. */
  readonly rateForward: number;
  readonly rateBackward: number;
  /** How often the receiver could take no more. */
  readonly congestionsForward: number;
  readonly congestionsBackward: number;
  /** How far ahead of its reader the peer may send. Null, as the next two, where it is not striped. */
  readonly windowBytes: number | null;
  /** Arrived before what is in front of it. */
  readonly earlyBytes: number | null;
  readonly repeatedBytes: number | null;
  /** Bytes that one on the wire stands for, both ways together; null where it is not compressed. */
  readonly compressionRatio: number | null;
}

/** One listener with its mode. */
export interface ServiceDocument {
  readonly name: string;
  readonly mode: string;
  readonly listen: readonly string[];
  readonly dial: readonly string[];
  readonly options: OptionsDocument;
  readonly totals: TotalsDocument;
  readonly memory: MemoryDocument;
}

export interface StatusDocument {
  readonly version: string;
  /** Of the only service; `several` when they differ. */
  readonly mode: string;
  readonly listen: readonly string[];
  readonly dial: readonly string[];
  readonly backend: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly uptimeMs: number;
  /** Of the first service. */
  readonly options: OptionsDocument;
  /** Of all services together, as `memory`. */
  readonly totals: TotalsDocument;
  readonly memory: MemoryDocument;
  readonly services: readonly ServiceDocument[];
  /** The first 64 of each service. */
  readonly trunks: readonly TrunkDocument[];
  readonly trunksOmitted: number;
  /** The busiest first, and of those that are equally busy the newest. */
  readonly connections: readonly ConnectionDocument[];
  /** So many more there are. */
  readonly connectionsOmitted: number;
}

/** The event `carrier` of /events. */
export interface CarrierEvent {
  /** ISO 8601. */
  readonly at: string;
  readonly trunk: string;
  readonly index: number;
  readonly what: 'dialling' | 'joined' | 'stalled' | 'moving' | 'resent' | 'lost' | 'closed';
  /** In words. */
  readonly detail: string;
  /** Of `resent`, how many in the last second; of `lost` and `stalled`, those that were on their way. */
  readonly bytes: number | null;
}

/** The event `connection` of /events. */
export interface ConnectionEvent {
  readonly at: string;
  readonly id: string;
  readonly what: 'begun' | 'open' | 'closed';
  readonly from: string | null;
  readonly to: string | null;
  /** Null unless it is closed, as the next two. */
  readonly durationMs: number | null;
  readonly bytesForward: number | null;
  readonly bytesBackward: number | null;
  /** Why it broke. Null: it did not. */
  readonly error: string | null;
}

/** The event `dropped`: there was more than is told, or more than was read. */
export interface DroppedEvent {
  readonly at: string;
  readonly events: number;
}
