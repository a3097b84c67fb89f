/**
 * CarrierIds: which carriers a trunk has had. An id is used once, since ACK frames name it, and one that is late would
 * count for another.
 */

/** Ids so far below the highest count as used: a client gives them out in order. */
const REMEMBERED = 1024;

export class CarrierIds {
  readonly #used = new Set<number>();
  #highest = -1;

  isUsed(id: number): boolean {
    return id <= this.#highest - REMEMBERED || this.#used.has(id);
  }

  use(id: number): void {
    this.#used.add(id);
    if (id <= this.#highest) return;
    this.#highest = id;
    for (const old of this.#used) if (old <= id - REMEMBERED) this.#used.delete(old);
  }
}
