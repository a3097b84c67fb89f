/**
 * Turns: who has more to do than its share of this tick gets the rest later, in order of asking.
 *
 * Work that was cut short by its budget has consumed its wake-up (edges come once), so it must be run again by
 * somebody: this queue does, one turn each per pass of the event loop, and lets I/O in between.
 */

export interface Turn {
  /** Does a bounded amount of work; may ask for another turn. */
  takeTurn(): void;
}

export class Turns {
  #waiting: Turn[] = [];
  #scheduled = false;

  /** Asks for a turn in the next pass. Asking twice gives two turns: the caller remembers that it asked. */
  add(turn: Turn): void {
    this.#waiting.push(turn);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#run);
  }

  readonly #run = (): void => {
    const turns = this.#waiting;
    this.#waiting = [];
    this.#scheduled = false;
    let done = 0;
    try {
      while (done < turns.length) (turns[done++] as Turn).takeTurn();
    } finally {
      // After a throw, those behind it still get theirs; the error goes on to the loop.
      for (; done < turns.length; done++) this.add(turns[done] as Turn);
    }
  };
}

/** The queue that bridges and listeners share. */
export const sharedTurns = new Turns();
