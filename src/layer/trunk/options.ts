/**
 * What a trunk is told at its beginning.
 */

import type { Clock } from '../../core/clock.ts';
import type { PipeError } from '../../core/errors.ts';
import type { SlabPool } from '../../core/pool.ts';
import type { TrunkTag } from '../../core/trace.ts';
import type { Carrier } from './carrier.ts';
import type { MemoryShare } from './memory.ts';
import type { StripedPipe } from './stream.ts';
import type { StallHandlers } from './watch.ts';

/** How new data is shared out: to where it is estimated to arrive first, or in turn, to compare with (round_robin.ts). */
export type SchedulerName = 'earliest' | 'round-robin';

export const MAX_STREAMS = 10_000;
/** More than one process can dial its target for. */
export const MAX_STREAM_RATE = 5000;

/** For whoever watches: what a trunk is called that was given no name. */
export const NAMELESS: TrunkTag = { service: '', trunk: 1 };

/** Which limit kept a stream out. */
export type StreamLimit = 'streams' | 'stream-rate';

export interface TrunkOptions {
  readonly role: 'client' | 'server';
  readonly clock: Clock;
  /** Where apps are read into, without a `memory`. */
  readonly pool?: SlabPool;
  /** The peer's first grants, from the handshake. */
  readonly peerStreamWindow: number;
  readonly peerTrunkWindow: number;
  /** Codecs that the peer takes on streams of ours, as bits: docs/wire.md. Default none. */
  readonly peerCodecs?: number;
  /** What we granted the peer in the handshake. */
  readonly streamWindow: number;
  readonly trunkWindow: number;
  /** What it may hold. Default a memory of its own, for `trunkWindow` bytes each way. */
  readonly memory?: MemoryShare;
  /** Streams at a time that the peer may have open. Default 10,000. */
  readonly maxStreams?: number;
  /** How many it may open in a second. Default 5000. */
  readonly maxStreamRate?: number;
  /** A stream of the peer's was refused. */
  readonly onRefused?: (limit: StreamLimit) => void;
  /** How long streams survive without any carrier, in milliseconds. Default 30,000. */
  readonly graceMs?: number;
  /** Default `earliest`. */
  readonly scheduler?: SchedulerName | undefined;
  /** What it is called, for whoever watches. Default `NAMELESS`. */
  readonly tag?: TrunkTag;
  /** The peer opened a stream; the receiver owns the pipe. */
  readonly onStream: (stream: StripedPipe) => void;
  /** The trunk is over, with all its streams. */
  readonly onEnd: (error: PipeError) => void;
  /** A carrier is over; the dialler may bring another. */
  readonly onCarrierLost?: (carrier: Carrier, error: PipeError | null) => void;
  /** A carrier was taken away by the client, with nothing on it any more. */
  readonly onCarrierClosed?: (carrier: Carrier) => void;
  /** Carriers that are there and carry nothing, for so long that people want to know. */
  readonly stallHandlers?: StallHandlers;
}
