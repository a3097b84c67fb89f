/**
 * A small world for what needs time and events: both pass only when the input says so, and everything is over when a call
 * returns.
 */

import type { Cancel, Clock } from '../../../src/core/clock.ts';
import { deferEventsWith } from '../../../src/pipe/base.ts';
import { expect } from '../target.ts';

/** One input of some hundred bytes causes no more. */
const MOST_EVENTS = 200_000;

interface Timer {
  readonly at: number;
  readonly fire: () => void;
}

export class World implements Clock {
  readonly #timers = new Set<Timer>();
  readonly #events: (() => void)[] = [];
  #now = 0;
  #count = 0;

  now(): number {
    return this.#now;
  }

  after(ms: number, fire: () => void): Cancel {
    const timer = { at: this.#now + ms, fire };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Runs this with all the pipes' events in the world. */
  within(story: () => void): void {
    deferEventsWith((event) => void this.#events.push(event));
    try {
      story();
      this.settle();
    } finally {
      deferEventsWith(null);
    }
  }

  settle(): void {
    for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) {
      expect(this.#count++ < MOST_EVENTS, 'events without end');
      event();
    }
  }

  /** Lets time pass: each timer at its moment, with what follows from it. */
  pass(ms: number): void {
    const end = this.#now + ms;
    this.settle();
    for (let due = this.#due(end); due !== null; due = this.#due(end)) {
      expect(this.#count++ < MOST_EVENTS, 'timers without end');
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.fire();
      this.settle();
    }
    this.#now = end;
  }

  #due(end: number): Timer | null {
    let first: Timer | null = null;
    for (const timer of this.#timers)
      if (timer.at <= end && (first === null || timer.at < first.at)) first = timer;
    return first;
  }
}

/** The bytes of an input, one after the other, as decisions. */
export class Decisions {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }
  byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }
  pick<T>(from: readonly T[]): T {
    return from[this.byte() % from.length] as T;
  }
  take(most: number): Buffer {
    const taken = this.#bytes.subarray(this.#at, this.#at + most);
    this.#at += taken.length;
    return taken;
  }
}
