/**
 * FirstTurn: while there is no trunk, one slot's connection is to make it and the others wait, but not for long.
 *
 * A server without a key takes a connection that is silent for a second for a classic one (join.ts), and an address that
 * accepts and says nothing must not keep the others from a good one.
 */

import type { Cancel, Clock } from '../core/clock.ts';

/** Then the others try as well. Well below SILENCE_MS of join.ts. */
const PATIENCE_MS = 500;

export class FirstTurn<Slot> {
  readonly #clock: Clock;
  readonly #held = new Set<() => void>();
  #maker: Slot | null = null;
  #patience: Cancel | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isTaken(): boolean {
    return this.#maker !== null;
  }

  take(slot: Slot): void {
    this.#patience?.();
    this.#maker = slot;
    this.#patience = this.#clock.after(PATIENCE_MS, () => {
      this.end();
      this.release();
    });
  }

  /** @returns gives up waiting */
  hold(go: () => void): Cancel {
    this.#held.add(go);
    return () => void this.#held.delete(go);
  }

  /** The slot's handshake is over. */
  over(slot: Slot): void {
    if (this.#maker === slot) this.end();
  }

  /** Lets all go who wait, unless it is somebody's turn: waiting for another turn they would be silent for too long. */
  release(): void {
    if (this.#maker !== null) return;
    for (const go of [...this.#held]) if (this.#held.delete(go)) go();
  }

  end(): void {
    this.#patience?.();
    this.#patience = null;
    this.#maker = null;
  }
}
