/**
 * Failures: how the last attempt to reach each address of the peer failed, while there is no success, and what follows from
 * it for those who wait.
 */

import type { Endpoint } from '../core/address.ts';
import { PipeError } from '../core/errors.ts';
import { formatDuration } from '../core/format.ts';
import { isAuthentic, isPermanent } from '../layer/trunk/handshake.ts';

interface Failure {
  readonly error: PipeError;
  /** The next attempt fails again, until somebody changes something: another key, for example. */
  readonly hopeless: boolean;
}

export class Failures {
  readonly #peers: readonly Endpoint[];
  readonly #byPeer = new Map<Endpoint, Failure>();
  #last: PipeError | null = null;
  #hasSucceeded = false;

  /** @param peers all that can be tried */
  constructor(peers: readonly Endpoint[]) {
    this.#peers = peers;
  }

  /** What happened last, with whatever address. */
  get last(): PipeError | null {
    return this.#last;
  }

  add(peer: Endpoint, error: PipeError, hopeless: boolean): void {
    // What we gave up ourselves says nothing about the peer.
    if (error.code === 'cancelled') return;
    this.#last = error;
    this.#byPeer.set(peer, { error, hopeless });
  }

  /**
   * Whether other attempts will fail as this one did, until somebody changes something. Once the peer has been reached, what
   * anybody on the path could have said does not count for that: one forged packet would keep apps out for ten seconds. It is
   * tried again soon then, and apps wait.
   *
   * @param encrypted whether the connection was to be
   */
  isFinal(error: PipeError, encrypted: boolean): boolean {
    if (encrypted && this.#hasSucceeded && !isAuthentic(error)) return false;
    return isPermanent(error);
  }

  succeeded(peer: Endpoint): void {
    this.#hasSucceeded = true;
    this.#last = null;
    this.#byPeer.delete(peer);
  }

  /** The last attempt failed in a way that others will, too. */
  isHopeless(peer: Endpoint): boolean {
    return this.#byPeer.get(peer)?.hopeless === true;
  }

  /** Why no attempt can succeed, by whatever address; null while one may. */
  get hopeless(): PipeError | null {
    if (!this.#peers.every((peer) => this.isHopeless(peer))) return null;
    const errors = [...this.#byPeer.values()].map(({ error }) => error);
    const [first] = errors;
    if (first === undefined) return null;
    const reasons = new Set(errors.map(({ message }) => message));
    return new PipeError(first.code, first.layer, [...reasons].join('; '), first);
  }

  /** For who has waited so long. @param name of the peer */
  gaveUp(name: string, waitMs: number): PipeError {
    const limit = formatDuration(waitMs);
    const last = this.#last;
    if (last !== null)
      return new PipeError(last.code, last.layer, `${last.message}; gave up after ${limit}`, last);
    return new PipeError('timeout', 'trunk', `${name} did not answer within ${limit}`);
  }
}
