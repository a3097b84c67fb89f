/**
 * TrunkHost: what whoever watches a proxy can see of its trunks, and ask of them. Taken when it is asked for, not kept.
 */

import type { TrunkReport } from '../layer/trunk/snapshot.ts';
import type { CarrierStatus } from './trunk_status.ts';

export interface TrunkView {
  /** From 1; of a server, the lowest that was free when the client came. */
  readonly number: number;
  /** Who is at the other end, as the log calls it. */
  readonly peer: string;
  /** App connections in it. */
  readonly streams: number;
  /** Null while a client has not reached its peer. */
  readonly report: TrunkReport | null;
  readonly carriers: readonly CarrierStatus[];
}

/** What was asked for is done, or why it is not: `unknown` there is no such carrier, `conflict` it cannot be done with it now. */
export type Outcome =
  | { readonly done: true }
  | { readonly done: false; readonly why: 'unknown' | 'conflict'; readonly message: string };

export interface TrunkHost {
  /** How many trunks there are. */
  readonly size: number;
  /** The first of them, at most so many: looking at a carrier costs a system call. */
  trunks(most: number): TrunkView[];
  /** Drops the carrier in this place, if there is one, and dials it again at once. Nothing is lost: others send what it had. */
  redial(trunk: number, index: number): Outcome;
  /** Takes a carrier out of use: it gets nothing new, is closed when all on it has arrived, and stays away until redial(). */
  drain(trunk: number, index: number): Outcome;
}

export const DONE: Outcome = { done: true };

export function unknown(message: string): Outcome {
  return { done: false, why: 'unknown', message };
}

export function conflict(message: string): Outcome {
  return { done: false, why: 'conflict', message };
}
