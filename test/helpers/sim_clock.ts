/** SimClock: time that passes only when a test says so. */

import type { Cancel, Clock } from '../../src/core/clock.ts';
import { pass } from './settle.ts';

interface Timer {
  readonly at: number;
  readonly fire: () => void;
}

export class SimClock implements Clock {
  #now = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  after(ms: number, fire: () => void): Cancel {
    const timer = { at: this.#now + ms, fire };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Timers that wait. Zero when everybody has cleaned up. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets time pass: each timer at its moment, in order, with what follows from it done before the next. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await pass();
    for (;;) {
      const next = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.fire();
      await pass();
    }
    this.#now = end;
  }
}
