/**
 * Gate: lets the front door rest while there is no room, and says once that a limit is reached.
 */

import type { Logger } from '../core/log.ts';
import type { Capacity } from './capacity.ts';
import type { FrontDoor } from './front_door.ts';

export class Gate {
  readonly #door: FrontDoor;
  readonly #capacity: Capacity;
  readonly #log: Logger;
  #closed = false;
  #atLimit = false;

  constructor(door: FrontDoor, capacity: Capacity, log: Logger) {
    this.#door = door;
    this.#capacity = capacity;
    this.#log = log;
  }

  /** Nobody is let in now. */
  get closed(): boolean {
    return this.#closed;
  }

  /** @param full nobody can be let in  @param atLimit nobody can be served; who is let in all the same is refused */
  set(full: boolean, atLimit: boolean): void {
    if (full !== this.#closed) {
      this.#closed = full;
      if (full) this.#door.pause();
      else this.#door.resume();
    }
    if (atLimit && !this.#atLimit)
      this.#log.warn(`at the ${this.#capacity.limit}; ${full ? 'new ones wait' : 'more are refused'}`);
    this.#atLimit = atLimit;
  }
}
