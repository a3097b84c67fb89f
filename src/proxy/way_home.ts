/**
 * WayHome: brings carriers that had to go to another address of the peer back to their own, when that works again.
 *
 *     slot 1   a:1 (its own is b:1) --- every 30 s: b:1? --- (yes) ---> b:1, and the next slot tries at once
 *     slot 3   a:1 (its own is b:1)
 *
 * One at a time, and each keeps the carrier that it has until it has the other.
 */

import type { Cancel, Clock } from '../core/clock.ts';
import type { CarrierSlot } from './slot.ts';

export const TRY_AGAIN_MS = 30_000;
/** So that all of a peer's addresses are there again. */
const SOON_MS = 1000;

export class WayHome {
  readonly #clock: Clock;
  readonly #slots: Iterable<CarrierSlot>;
  #cancel: Cancel | null = null;
  /** Whose turn it is, so that one whose way stays closed does not keep the others away. */
  #turn = 0;

  constructor(clock: Clock, slots: Iterable<CarrierSlot>) {
    this.#clock = clock;
    this.#slots = slots;
  }

  /** A carrier is away because its own way fails, or has failed to come home. */
  later(): void {
    this.#nextIn(TRY_AGAIN_MS);
  }

  /** A carrier is away, and nobody knows whether its own way fails. */
  soon(): void {
    this.#nextIn(SOON_MS);
  }

  #nextIn(ms: number): void {
    this.#cancel ??= this.#clock.after(ms, () => {
      this.#cancel = null;
      this.next();
    });
  }

  /** One has come home. */
  next(): void {
    const slots = [...this.#slots];
    const inTurn = [...slots.slice(this.#turn), ...slots.slice(0, this.#turn)];
    const slot = inTurn.find(({ mayGoHome }) => mayGoHome);
    if (slot === undefined) return;
    this.#turn = slot.number + 1;
    slot.dial();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
