/**
 * RoundRobin: the carriers strictly in turn, whatever they are like, as naive striping does: the slowest sets the pace of
 * all, nobody helps one that stalls, and only what a lost one had goes over another. It is there to be compared with
 * (tools/bench/wan.ts); scheduler.ts is what is meant to be used.
 *
 * Pure: carriers in, a decision out.
 */

import type { Carrier } from './carrier.ts';

export class RoundRobin {
  #last = -1;

  /** The carrier whose turn it is; null while it has no room, since nobody goes in its place. */
  next(carriers: ReadonlyMap<number, Carrier>): Carrier | null {
    let lowest: Carrier | null = null;
    let next: Carrier | null = null;
    for (const carrier of carriers.values()) {
      if (lowest === null || carrier.id < lowest.id) lowest = carrier;
      if (carrier.id > this.#last && (next === null || carrier.id < next.id)) next = carrier;
    }
    const turn = next ?? lowest;
    return turn?.pipe.writable ? turn : null;
  }

  /** It had its turn. */
  onSent(carrier: Carrier): void {
    this.#last = carrier.id;
  }
}
