/**
 * Capacity: whether there is room for one more session: within --max-connections, and within the descriptors of the process.
 *
 * A stream of a trunk has one descriptor, that of the app or the target; any other session has one for each leg.
 */

import { plural } from '../core/format.ts';

export interface CapacityOptions {
  /** Sessions at the same time. Default no limit. */
  readonly maxConnections?: number;
  /** Descriptors for sessions and what they need. Default no limit. */
  readonly descriptors?: number;
}

export class Capacity {
  readonly #most: number;
  readonly #descriptors: number;
  #sessions = 0;
  #used = 0;

  constructor({
    maxConnections = Number.POSITIVE_INFINITY,
    descriptors = Number.POSITIVE_INFINITY,
  }: CapacityOptions) {
    this.#most = maxConnections;
    // However few there are, it is tried: one at a time may do.
    this.#descriptors = Math.max(2, descriptors);
  }

  add(descriptors: number): void {
    this.#sessions++;
    this.#used += descriptors;
  }

  /** Descriptors of all sessions. */
  get used(): number {
    return this.#used;
  }

  remove(descriptors: number): void {
    this.#sessions--;
    this.#used -= descriptors;
  }

  /**
   * @param descriptors of the one that comes
   * @param coming others that may turn out to be sessions, of two legs
   * @param besides descriptors that are used by what are no sessions
   */
  hasRoom(descriptors: number, coming = 0, besides = 0): boolean {
    const used = this.#used + 2 * coming + besides;
    // With none there is room for one, whatever else takes descriptors: else nobody would ever be served.
    if (this.#sessions + coming === 0) return true;
    return this.#sessions + coming < this.#most && used + descriptors <= this.#descriptors;
  }

  /** In words. */
  get limit(): string {
    if (this.#sessions >= this.#most) return `limit of ${plural(this.#most, 'connection')}`;
    return `limit of its descriptors, with ${plural(this.#sessions, 'connection')}`;
  }
}
