/**
 * Idle: lets a drain wait for the last session to end, but not for ever.
 */

import type { Clock } from '../core/clock.ts';

export class Idle {
  readonly #waiting = new Set<() => void>();

  /** Resolves when the last session is over, at the latest after `timeoutMs`. */
  async wait(clock: Clock, timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const over = () => {
        cancel();
        this.#waiting.delete(over);
        resolve();
      };
      const cancel = clock.after(timeoutMs, over);
      this.#waiting.add(over);
    });
  }

  /** There is no session any more. */
  reached(): void {
    for (const over of [...this.#waiting]) over();
  }
}
