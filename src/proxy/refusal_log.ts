/**
 * RefusalLog: says who was refused and why, at a bounded rate, so that strangers cannot fill a disk.
 */

import { formatAddress, type SocketAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import { plural } from '../core/format.ts';
import type { Logger } from '../core/log.ts';

const PERIOD_MS = 10_000;
const LINES_A_PERIOD = 10;

export class RefusalLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  #periodEnd = 0;
  #lines = 0;
  #unsaid = 0;

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
    this.#periodEnd = clock.now();
  }

  refused(from: SocketAddress | null, reason: string): void {
    const now = this.#clock.now();
    if (now >= this.#periodEnd) this.#begin(now);
    if (this.#lines >= LINES_A_PERIOD) {
      this.#unsaid++;
      return;
    }
    this.#lines++;
    const last = this.#lines === LINES_A_PERIOD ? '; more are only counted, for a while' : '';
    this.#log.warn(`a connection from ${nameOf(from)} is refused: ${reason}${last}`);
  }

  #begin(now: number): void {
    this.#periodEnd = now + PERIOD_MS;
    this.#lines = 0;
    if (this.#unsaid > 0)
      this.#log.warn(`${plural(this.#unsaid, 'more connection')} refused since the last that was named`);
    this.#unsaid = 0;
  }
}

/** Without the port, which tells the connections of one client apart. */
export function hostOf(from: SocketAddress | null): string {
  return from === null || from.family === 'unix' ? nameOf(from) : from.host;
}

export function nameOf(from: SocketAddress | null): string {
  return from === null ? 'a unix client' : formatAddress(from);
}
