/**
 * What happens in the life of a connection, a carrier or a stream, for whoever subscribes through node:diagnostics_channel:
 *
 *     import { subscribe } from 'node:diagnostics_channel';
 *     subscribe('tcp-striper:carrier:stall', ({ trunk, index }) => ...);
 *
 * Without a subscriber each of these costs a look at a flag, and none is on the way of ordinary data: who publishes asks
 * `hasSubscribers` before it puts a message together. Subscribers are called at once, from inside of what happens: they have
 * to be quick, and what they throw is an uncaught exception (Node's rule for diagnostics channels).
 *
 * The names and the fields are public (docs/admin.md): they may be added to, and are not renamed.
 */

import { channel } from 'node:diagnostics_channel';

/** A diagnostics channel that knows what is said on it. */
export interface TraceChannel<T> {
  readonly name: string;
  readonly hasSubscribers: boolean;
  publish(message: T): void;
  subscribe(listener: (message: T, name: string) => void): void;
  unsubscribe(listener: (message: T, name: string) => void): boolean;
}

/** An app connection. */
export interface ConnectionTrace {
  /** The name of the service that has it; empty where there is one only. */
  readonly service: string;
  /** `c1`, as in the log: unique in its service. */
  readonly id: string;
  /** Who connected; null for a nameless client of a Unix socket. */
  readonly from: string | null;
  /** What was reached; null until it is open. */
  readonly to: string | null;
}

export interface ConnectionEndTrace extends ConnectionTrace {
  readonly durationMs: number;
  readonly bytesForward: number;
  readonly bytesBackward: number;
  /** Why it broke, with its code of PIPE_ERRORS; null after an orderly end. */
  readonly error: string | null;
  readonly code: string | null;
}

/** Which trunk of which service. */
export interface TrunkTag {
  readonly service: string;
  /** From 1; of a server, the lowest number that is free when a client comes. */
  readonly trunk: number;
}

/** A carrier of a trunk, whether it is there yet or not. */
export interface CarrierTrace extends TrunkTag {
  /** Its place in the trunk, from 0: a carrier that is dialled again has the same. */
  readonly index: number;
  /** Which carrier of that place it is; null while it is dialled. */
  readonly carrier: number | null;
  /** The addresses of its connection, where they are known. */
  readonly local: string | null;
  readonly remote: string | null;
}

export interface CarrierLossTrace extends CarrierTrace {
  /** Why, in words; null when the other side closed it. */
  readonly error: string | null;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** What was on its way, and goes over the others. */
  readonly inFlightBytes: number;
}

export interface CarrierStallTrace extends CarrierTrace {
  readonly inFlightBytes: number;
}

export interface CarrierResendTrace extends CarrierTrace {
  /** Of a stream, sent once more over this carrier. */
  readonly bytes: number;
}

/** An app connection inside a trunk. */
export interface StreamTrace extends TrunkTag {
  /** The same number on both sides. */
  readonly stream: number;
}

const traced = <T>(name: string) => channel(`tcp-striper:${name}`) as unknown as TraceChannel<T>;

/** An app has come, and its far end is being reached. */
export const CONNECTION_BEGIN = traced<ConnectionTrace>('connection:begin');
/** Its far end was reached. */
export const CONNECTION_OPEN = traced<ConnectionTrace>('connection:open');
export const CONNECTION_END = traced<ConnectionEndTrace>('connection:end');

/** A client begins to dial it. */
export const CARRIER_DIAL = traced<CarrierTrace>('carrier:dial');
/** It has passed its handshake. */
export const CARRIER_JOIN = traced<CarrierTrace>('carrier:join');
/** What was sent is overdue: it gets nothing new until it moves. */
export const CARRIER_STALL = traced<CarrierStallTrace>('carrier:stall');
/** A stall is over. */
export const CARRIER_MOVE = traced<CarrierTrace>('carrier:move');
/** Something that was sent before is sent again over it: to overtake a slow carrier, or in the place of a lost one. */
export const CARRIER_RESEND = traced<CarrierResendTrace>('carrier:resend');
/** It broke, or its trunk is over. */
export const CARRIER_LOSE = traced<CarrierLossTrace>('carrier:lose');
/** It was not wanted any more, and was closed with nothing on it. */
export const CARRIER_CLOSE = traced<CarrierTrace>('carrier:close');

export const STREAM_OPEN = traced<StreamTrace>('stream:open');
/** Both of its directions are over. */
export const STREAM_END = traced<StreamTrace>('stream:end');
