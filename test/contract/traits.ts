/**
 * What a pipe under test can do, where the contract leaves room or a transport has a known limit. Each is a fact about
 * the system underneath, written here once; a case that does not apply is not run for that pipe.
 */

import type { Test } from 'tap';
import type { SlabPool } from '../../src/core/pool.ts';
import type { IoPipe, PipeKind } from '../../src/pipe/pipe.ts';
import type { PipeEnd } from '../helpers/pipe_end.ts';
import type { Random } from '../helpers/random.ts';

export interface Traits {
  readonly kind: PipeKind;
  /** The peer of discard(error) sees a reset. False for Unix sockets: the system has none, their peer sees an end. */
  readonly reset: boolean;
  /** The peer of discard(error) is told which error it was, and not only that there was a reset. */
  readonly tellsReason?: true;
  /**
   * A reset is noticed by who is not reading. False for Node's streams: they find out when they read on, or, behind a
   * FIN that they have read, when they write.
   */
  readonly noticesResetUnread: boolean;
  /** Sent bytes that can be under way, kernel buffers included, before the sender must have been stopped. */
  readonly mostUnderWay: number;
  /** Chunks that one end may hold of what was sent, while the other does not read; undefined: as its buffers hold. */
  readonly mostHeld?: number;
}

export const MEMORY: Omit<Traits, 'kind'> = { reset: true, noticesResetUnread: true, mostUnderWay: 2 ** 20 };
/** The most that Linux gives a socket by itself: 4 MiB to send (tcp_wmem) and 6 MiB or, lately, 32 to receive. */
export const SOCKET: Omit<Traits, 'kind'> = { ...MEMORY, mostUnderWay: 64 * 2 ** 20 };

export interface PairOptions {
  readonly pool: SlabPool;
  readonly random: Random;
}

/** Makes two pipes that are each other's peer, both ready. */
export type MakePair<K extends PipeKind = PipeKind> = (
  options: PairOptions,
) => Promise<[IoPipe<K>, IoPipe<K>]>;

/** What a case gets. */
export interface Ends {
  readonly a: PipeEnd;
  readonly b: PipeEnd;
  /** The pipes without their checks, to misuse. */
  readonly rawA: IoPipe;
  readonly rawB: IoPipe;
  readonly pool: SlabPool;
  readonly random: Random;
  readonly traits: Traits;
}

export interface Case {
  readonly name: string;
  readonly applies?: (traits: Traits) => boolean;
  run(t: Test, ends: Ends): Promise<void>;
}
