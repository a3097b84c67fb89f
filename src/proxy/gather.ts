/**
 * Gather: when to say what has happened. What happens together, or soon after the last line, is one line.
 */

import type { Cancel, Clock } from '../core/clock.ts';

const TOGETHER_MS = 50;
const BETWEEN_LINES_MS = 1000;

export class Gather {
  readonly #clock: Clock;
  readonly #say: () => void;
  #saidAt = Number.NEGATIVE_INFINITY;
  #cancel: Cancel | null = null;
  #stopped = false;

  /** @param say says all that has happened since it was called last */
  constructor(clock: Clock, say: () => void) {
    this.#clock = clock;
    this.#say = say;
  }

  /** Something has happened. */
  soon(): void {
    if (this.#cancel !== null || this.#stopped) return;
    const wait = Math.max(TOGETHER_MS, this.#saidAt + BETWEEN_LINES_MS - this.#clock.now());
    this.#cancel = this.#clock.after(wait, () => {
      this.#cancel = null;
      this.#saidAt = this.#clock.now();
      this.#say();
    });
  }

  /** For good: what has not been said is not worth it any more. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancel = null;
  }
}
