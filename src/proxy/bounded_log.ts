/**
 * BoundedLog: lines that strangers can cause, at a bounded rate, so that they cannot fill a disk.
 *
 *     warn  a connection from 192.0.2.1:40000 is refused: ...         at most 10 in 10 s, the last of which says so
 *     warn  990 more lines of this kind were left out
 */

import type { Clock } from '../core/clock.ts';
import { plural } from '../core/format.ts';
import type { Logger } from '../core/log.ts';

const PERIOD_MS = 10_000;
const LINES_A_PERIOD = 10;

export class BoundedLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  #periodEnd: number;
  #lines = 0;
  #unsaid = 0;

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
    this.#periodEnd = clock.now();
  }

  warn(line: string): void {
    this.#say('warn', line);
  }

  info(line: string): void {
    this.#say('info', line);
  }

  #say(level: 'warn' | 'info', line: string): void {
    const now = this.#clock.now();
    if (now >= this.#periodEnd) this.#begin(now);
    if (this.#lines >= LINES_A_PERIOD) {
      this.#unsaid++;
      return;
    }
    this.#lines++;
    const last = this.#lines === LINES_A_PERIOD ? '; more of this kind are only counted, for a while' : '';
    this.#log[level](`${line}${last}`);
  }

  #begin(now: number): void {
    this.#periodEnd = now + PERIOD_MS;
    this.#lines = 0;
    if (this.#unsaid > 0) {
      const were = this.#unsaid === 1 ? 'was' : 'were';
      this.#log.warn(`${plural(this.#unsaid, 'more line')} of this kind ${were} left out`);
    }
    this.#unsaid = 0;
  }
}
