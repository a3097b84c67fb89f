/**
 * What a trunk tells of itself to whoever watches: numbers of one moment, taken when they are asked for and not kept.
 */

import type { Carrier } from './carrier.ts';
import type { StripedPipe } from './stream.ts';

export interface CarrierSnapshot {
  readonly id: number;
  /** Its place in the trunk, from 0. */
  readonly index: number;
  /** The addresses of its connection, where they are known. */
  readonly local: string | null;
  readonly remote: string | null;
  /** Milliseconds of the trunk's clock. */
  readonly startedAt: number;
  /** `stalled`: overdue, and gets nothing new until it moves. `busy`: its socket takes no more for the moment. */
  readonly state: 'open' | 'busy' | 'stalled';
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Sent, and not yet acknowledged by the peer's proxy. */
  readonly inFlightBytes: number;
  readonly srttMs: number;
  /** What it has been seen to carry, at its best of late, bytes per second; null when it has not yet. */
  readonly rate: number | null;
  /** It had as much to do as it could: no more is to be expected of it. */
  readonly rateIsLimit: boolean;
  /** How often it has been stalled. */
  readonly stalls: number;
  /** Of what was sent, bytes of streams that had been sent before, on whatever carrier. */
  readonly repeatedBytes: number;
  /** From TCP_INFO: null where the system does not tell. The congestion window, bytes in the socket, segments sent again. */
  readonly cwndBytes: number | null;
  readonly unsentBytes: number | null;
  readonly retransmits: number | null;
}

export interface StreamSnapshot {
  /** How far ahead of its app the peer may send. */
  readonly windowBytes: number;
  /** Received, and waiting for what is in front of them. */
  readonly earlyBytes: number;
  /** Sent more than once, on whatever carrier. */
  readonly repeatedBytes: number;
}

/** What became of the carriers of a trunk, and what was sent on them, from its beginning on. */
export interface SentReport {
  /** Those that it has, or had at its end; bytes both ways. */
  readonly carriers: readonly { readonly id: number; readonly bytes: number; readonly stalls: number }[];
  /** Those that it had before: how many of them were lost, and what all of them carried. */
  readonly lost: { readonly count: number; readonly bytes: number; readonly stalls: number };
  /** All that our side gave to the carriers: data, what it sent again, and the frames around them. */
  readonly sentBytes: number;
  /** Of the streams, each byte counted once. */
  readonly dataBytes: number;
  /** Those that were sent once more, for whatever reason. */
  readonly repeatedBytes: number;
}

export interface TrunkReport extends SentReport {
  /** The most that ever waited, on one stream, for what was in front of it. */
  readonly peakEarlyBytes: number;
}

/** Costs a system call. */
export function carrierSnapshot(carrier: Carrier): CarrierSnapshot {
  const { id, pipe, estimate, sentBytes, receivedBytes, inFlightBytes, stalls, repeatedBytes } = carrier;
  const { index, local, remote } = carrier.trace;
  // The pipe gives out one object again and again: read it now.
  const info = pipe.congestion;
  const { cwndSegments, sendMssBytes } = info ?? {};
  const { shown } = estimate;
  return {
    id,
    index,
    local,
    remote,
    startedAt: carrier.startedAt,
    state: carrier.stalled ? 'stalled' : pipe.writable ? 'open' : 'busy',
    sentBytes,
    receivedBytes,
    inFlightBytes,
    srttMs: info?.srttUs === undefined ? estimate.srttMs : info.srttUs / 1000,
    rate: shown.rate === 0 ? null : shown.rate * 1000,
    rateIsLimit: shown.isLimit,
    stalls,
    repeatedBytes,
    cwndBytes: cwndSegments === undefined || sendMssBytes === undefined ? null : cwndSegments * sendMssBytes,
    unsentBytes: info?.notSentBytes ?? null,
    retransmits: info?.totalRetransSegments ?? null,
  };
}

export function streamSnapshot({ window, receiving, sending }: StripedPipe): StreamSnapshot {
  return {
    windowBytes: window.bytes,
    earlyBytes: receiving.earlyBytes,
    repeatedBytes: sending.repeatedBytes,
  };
}
