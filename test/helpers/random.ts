/**
 * Seeded randomness for tests: the same SEED gives the same run, and every failure says which seed it was.
 */

/** SEED=... repeats one run; otherwise each run tries something new. */
export const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 0x7fff_ffff));

/** How many seeds a random loop tries: SEEDS=..., or one when SEED asks for that one. */
export function seeds(count: number): number[] {
  const wanted = process.env.SEED !== undefined ? 1 : Number(process.env.SEEDS ?? count);
  return Array.from({ length: wanted }, (_, i) => (SEED + i) % 0x7fff_ffff);
}

/** For fast-check: FC_SEED and FC_PATH repeat what a failure printed. */
export function propertyOptions(numRuns: number): { numRuns: number; seed?: number; path?: string } {
  return {
    numRuns,
    ...(process.env.FC_SEED === undefined ? {} : { seed: Number(process.env.FC_SEED) }),
    ...(process.env.FC_PATH === undefined ? {} : { path: process.env.FC_PATH }),
  };
}

export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#state = seed | 0;
  }

  /** From 0 to below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** A whole number from `least` to `most`. */
  int(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.int(0, from.length - 1)] as T;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    let at = 0;
    for (; at + 4 <= length; at += 4) bytes.writeUInt32LE((this.next() * 4294967296) >>> 0, at);
    for (; at < length; at++) bytes[at] = this.int(0, 255);
    return bytes;
  }
}
