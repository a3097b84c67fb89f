/**
 * Fleet: the carriers of a trunk, and how one that is not wanted any more leaves:
 *
 *     retire -> it gets nothing new -> all that is on it has arrived -> our FIN -> the peer's FIN -> it is gone
 *
 * Both sides go through the same steps; the server begins when it sees the client's FIN, and ends with its own.
 */

import type { Carrier } from './carrier.ts';
import type { SentReport } from './snapshot.ts';

export class Fleet {
  readonly #all = new Map<number, Carrier>();
  /** Of these, those that are to stay. */
  readonly #staying = new Map<number, Carrier>();
  /** What became of those that are no more, and how many of them were lost. */
  readonly #gone = { count: 0, bytes: 0, stalls: 0 };
  #goneSentBytes = 0;

  get all(): ReadonlyMap<number, Carrier> {
    return this.#all;
  }

  /** Those that take something new: the ones that are to stay, unless there are none. */
  get takers(): ReadonlyMap<number, Carrier> {
    return this.#staying.size > 0 ? this.#staying : this.#all;
  }

  get report(): Pick<SentReport, 'carriers' | 'lost' | 'sentBytes'> {
    const carriers = [...this.#all.values()].map((carrier) => {
      const { id, sentBytes, receivedBytes, stalls } = carrier;
      return { id, bytes: sentBytes + receivedBytes, stalls };
    });
    let sentBytes = this.#goneSentBytes;
    for (const carrier of this.#all.values()) sentBytes += carrier.sentBytes;
    return { carriers, lost: { ...this.#gone }, sentBytes };
  }

  add(carrier: Carrier): void {
    this.#all.set(carrier.id, carrier);
    this.#staying.set(carrier.id, carrier);
  }

  /** @returns false when it is no more already */
  lose(carrier: Carrier): boolean {
    if (!this.#remove(carrier)) return false;
    this.#gone.count++;
    return true;
  }

  /** The carrier is to go. */
  retire(carrier: Carrier): void {
    this.#staying.delete(carrier.id);
  }

  isRetired(carrier: Carrier): boolean {
    return !this.#staying.has(carrier.id);
  }

  /** Others are there, and to stay. */
  hasOthers(carrier: Carrier): boolean {
    return this.#staying.size > (this.#staying.has(carrier.id) ? 1 : 0);
  }

  /**
   * Closes those that are to go and have nothing under way, while there are others.
   *
   * @returns those that are gone now
   */
  closeRetired(now: number): Carrier[] {
    const closed: Carrier[] = [];
    if (this.#staying.size === this.#all.size || this.#staying.size === 0) return closed;
    for (const carrier of this.#all.values()) {
      if (!this.isRetired(carrier) || carrier.inFlight > 0) continue;
      if (!carrier.ended) carrier.end(now);
      if (!carrier.closed) continue;
      this.#remove(carrier);
      closed.push(carrier);
    }
    return closed;
  }

  /** Those that were closed at one end, once there is no other left: they are nothing to rely on. */
  get closing(): Carrier[] {
    if (this.#staying.size > 0) return [];
    return [...this.#all.values()].filter(({ ended, pipe }) => ended || pipe.finReceived);
  }

  clear(): void {
    this.#all.clear();
    this.#staying.clear();
  }

  #remove(carrier: Carrier): boolean {
    if (!this.#all.delete(carrier.id)) return false;
    this.#staying.delete(carrier.id);
    this.#gone.bytes += carrier.sentBytes + carrier.receivedBytes;
    this.#gone.stalls += carrier.stalls;
    this.#goneSentBytes += carrier.sentBytes;
    return true;
  }
}
