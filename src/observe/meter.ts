/**
 * RateMeter: bytes per second, from totals that are looked at now and then.
 */

interface Reading {
  readonly bytes: number;
  readonly at: number;
  readonly rate: number;
}

/** Two looks that are closer to each other than this say nothing. */
const LEAST_MS = 100;

export class RateMeter {
  #last = new Map<string, Reading>();
  #next = new Map<string, Reading>();

  /** The rate since the last look, 0 at the first one. `key` names what is counted. */
  rate(key: string, bytes: number, now: number): number {
    const last = this.#last.get(key);
    const reading =
      last === undefined || bytes < last.bytes ? { bytes, at: now, rate: 0 } : since(last, bytes, now);
    this.#next.set(key, reading);
    return reading.rate;
  }

  /** The end of a look: what was not asked about is forgotten. */
  done(): void {
    this.#last = this.#next;
    this.#next = new Map();
  }
}

function since(last: Reading, bytes: number, now: number): Reading {
  const elapsed = now - last.at;
  return elapsed < LEAST_MS ? last : { bytes, at: now, rate: ((bytes - last.bytes) / elapsed) * 1000 };
}
