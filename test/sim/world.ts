/**
 * World: a simulated clock, the queue of everything that is going to happen, and seeded randomness. Nothing in it knows
 * real time, so that a seed replays exactly.
 */

import type { Cancel, Clock } from '../../src/core/clock.ts';
import { deferEventsWith } from '../../src/pipe/base.ts';

interface Due {
  readonly at: number;
  readonly order: number;
  fire: (() => void) | null;
}

/** More events than this within one moment are a loop. */
const STANDSTILL = 100_000;

export class World implements Clock {
  #now = 0;
  #order = 0;
  /** A binary heap by time, then by order of asking. */
  readonly #heap: Due[] = [];
  readonly #soon: (() => void)[] = [];
  #random: number;

  constructor(seed: number) {
    this.#random = (seed ^ 0x9e3779b9) >>> 0;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, fire: () => void): Cancel {
    const due: Due = { at: this.#now + Math.max(0, ms), order: this.#order++, fire };
    this.#push(due);
    return () => {
      due.fire = null;
    };
  }

  /** A number from 0 to below 1 (mulberry32). */
  random(): number {
    this.#random = (this.#random + 0x6d2b79f5) >>> 0;
    let t = this.#random;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `least` to `most`, both included. */
  pick(least: number, most: number): number {
    return least + Math.floor(this.random() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  /** Something is going to happen by itself. */
  get pending(): boolean {
    return this.#soon.length > 0 || this.#heap.some((due) => due.fire !== null);
  }

  /**
   * Lets time pass until `done`, or nothing is left to happen, or `limitMs` is over; then it may be called again.
   *
   * @param check called after each event
   */
  run(done: () => boolean, limitMs: number, check: () => void): void {
    deferEventsWith((event) => this.#soon.push(event));
    let since = this.#now;
    let still = 0;
    try {
      while (!done()) {
        if (this.#now > since) still = 0;
        since = this.#now;
        if (++still > STANDSTILL) throw new Error(`time stands still at ${this.#now} ms: something spins`);
        const soon = this.#soon.shift();
        if (soon !== undefined) soon();
        else {
          const next = this.#pop();
          if (next === null) return;
          if (next.at > limitMs) {
            this.#push(next);
            return;
          }
          this.#now = Math.max(this.#now, next.at);
          next.fire?.();
        }
        check();
      }
    } finally {
      deferEventsWith(null);
    }
  }

  #before(a: Due, b: Due): boolean {
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let i = heap.push(due) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#before(heap[i] as Due, heap[parent] as Due)) return;
      [heap[i], heap[parent]] = [heap[parent] as Due, heap[i] as Due];
      i = parent;
    }
  }

  /** The next that was not cancelled. */
  #pop(): Due | null {
    const heap = this.#heap;
    for (;;) {
      const top = heap[0];
      if (top === undefined) return null;
      const last = heap.pop() as Due;
      if (heap.length > 0) {
        heap[0] = last;
        this.#sink();
      }
      if (top.fire !== null) return top;
    }
  }

  #sink(): void {
    const heap = this.#heap;
    let i = 0;
    for (;;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < heap.length && this.#before(heap[child] as Due, heap[least] as Due)) least = child;
      }
      if (least === i) return;
      [heap[i], heap[least]] = [heap[least] as Due, heap[i] as Due];
      i = least;
    }
  }
}
