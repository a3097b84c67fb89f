/**
 * AutoPolicy: `--compress auto`: compresses what gains by it, as hard as the link is slow, and sends the rest as it is.
 *
 * Two things are known after a while: what a byte costs (nanoseconds, and what is left of it) at the levels that were tried,
 * from which the others are estimated; and how fast the way down is, as long as it is what everything waits for. A byte at a
 * level then takes as long as the slower of the two, compressing it or sending what is left of it, as they go on side by side:
 *
 *     time(level) = max(ns(level) / SHARE, left(level) / rate)          time(as it is) = 1 / rate
 *
 * The smallest wins, if it wins clearly. Where the way down is no limit, there is nothing to win, so that only what costs
 * next to nothing is compressed. Estimates can be wrong: a level that turns out slower than sending bytes as they are
 * was found to be is left, for longer each time.
 *
 * Bytes that do not compress are found out within one piece, and looked at again now and then: later and later, and never
 * for more than a two-hundredth of the time.
 *
 * Pure: the clock is handed in.
 */

import type { Chunk } from '../../core/chunk.ts';
import type { Clock } from '../../core/clock.ts';
import type { Codec } from './codec.ts';
import { type Method, methodOf, type Policy } from './policy.ts';

/** What a level costs, and what it leaves, beside level 1: from zstd's own tables, roughly. */
const LEVELS: readonly { readonly level: number; readonly cost: number; readonly left: number }[] = [
  { level: -5, cost: 0.6, left: 1.3 },
  { level: 1, cost: 1, left: 1 },
  { level: 3, cost: 1.7, left: 0.95 },
  { level: 6, cost: 4, left: 0.88 },
  { level: 9, cost: 7, left: 0.86 },
  { level: 12, cost: 16, left: 0.84 },
];
const FIRST = 1;
/** Nanoseconds a byte at level 1, where it is not measured. */
const USUAL_NS = 6;
/** Of one thread, so much may be counted on. */
const SHARE = 0.7;
/** It has to be so much faster to be worth a change. */
const CLEARLY = 0.9;
/** What leaves more than this is not worth compressing. */
const WORTH = 0.93;
/** A look at the figures takes so much time and so many bytes, at least. */
const WINDOW_MS = 50;
/** The first look comes sooner: until then nothing is known of the link. */
const FIRST_WINDOW_MS = 8;
const WINDOW_BYTES = 128 * 1024;
/** The way down is the limit if so much of the time was spent waiting for it. */
const LIMITED = 0.5;
/** Below this part of the time, compressing disturbs nobody. */
const LIGHT = 0.1;
const NS_PER_MS = 1e6;
/** Bytes as they are until the next sample: at first, and at most. */
const SAMPLE_AFTER = 1024 * 1024;
const SAMPLE_AT_MOST = 16 * 1024 * 1024;
/** A sample may take one part in so many of the time. */
const SAMPLE_PART = 200;
/** After a level has turned out slower, none is tried for so long, in milliseconds. */
const BURNT_MS = 2000;
const BURNT_AT_MOST_MS = 60_000;

/** What was measured of a level: nanoseconds a byte, and the part of it that is left. */
interface Measured {
  ns: number;
  left: number;
}

export class AutoPolicy implements Policy {
  readonly #clock: Clock;
  readonly #methods: Map<number, Method>;
  readonly #measured = new Map<number, Measured>();
  /** Null: as it is. */
  #level: number | null = FIRST;
  /** The next piece is compressed only to see how it does. */
  #sampling = false;
  #sampleAfter = SAMPLE_AFTER;
  #sinceSample = 0;
  #sampleNotBefore = 0;
  /** Bytes a millisecond that the way down takes; null: it is not the limit. */
  #rate: number | null = null;
  /** Bytes a millisecond that went as they are, when the way down was the limit. */
  #plainSpeed = 0;
  #burntUntil = 0;
  #burntMs = BURNT_MS;
  // The figures since the last look.
  #begunAt: number;
  #windowMs = FIRST_WINDOW_MS;
  #raw = 0;
  #sent = 0;
  #waitedMs = 0;
  #fullSince: number | null = null;

  constructor(zstd: Codec, clock: Clock) {
    this.#clock = clock;
    this.#begunAt = clock.now();
    this.#methods = new Map(LEVELS.map(({ level }) => [level, methodOf(zstd, level, false)]));
  }

  get next(): Method | null {
    const level = this.#sampling ? FIRST : this.#level;
    return level === null ? null : (this.#methods.get(level) ?? null);
  }

  take(chunk: Chunk): Method | null {
    this.#raw += chunk.length;
    this.#look();
    const method = this.next;
    this.#sampling = false;
    if (method === null) {
      this.#sinceSample += chunk.length;
      this.#sampling = this.#isSampleDue();
    } else this.#sinceSample = 0;
    return method;
  }

  onCompressed({ level }: Method, consumed: number, produced: number, cpuNs: number): void {
    // What little there is to compress says little.
    if (consumed < 1024) return;
    const weight = Math.min(1, consumed / 65_536);
    const now = { ns: cpuNs / consumed, left: produced / consumed };
    const known = this.#measured.get(level);
    if (known === undefined) this.#measured.set(level, now);
    else {
      known.ns += (now.ns - known.ns) * weight;
      known.left += (now.left - known.left) * weight;
    }
    const left = known?.left ?? now.left;
    if (this.#level === null) this.#onSample(left, cpuNs);
    else if (left > WORTH) this.#leave();
  }

  onSent(bytes: number): void {
    this.#sent += bytes;
  }

  onFull(): void {
    this.#fullSince ??= this.#clock.now();
  }

  onRoom(): void {
    if (this.#fullSince === null) return;
    this.#waitedMs += this.#clock.now() - this.#fullSince;
    this.#fullSince = null;
  }

  /** One piece was compressed among those that go as they are. */
  #onSample(left: number, cpuNs: number): void {
    this.#sinceSample = 0;
    this.#sampleNotBefore = this.#clock.now() + (cpuNs / NS_PER_MS) * SAMPLE_PART;
    if (left > WORTH) this.#sampleAfter = Math.min(2 * this.#sampleAfter, SAMPLE_AT_MOST);
    else {
      this.#sampleAfter = SAMPLE_AFTER;
      // Without a rate, nothing is known of how the bytes go as they are: the next look at the figures will tell.
      if (this.#rate !== null) this.#decide(this.#plainSpeed);
    }
  }

  #isSampleDue(): boolean {
    const now = this.#clock.now();
    return this.#sinceSample >= this.#sampleAfter && now >= this.#sampleNotBefore && now >= this.#burntUntil;
  }

  /** It does not compress: as it is, from here on. */
  #leave(): void {
    this.#level = null;
    this.#sampling = false;
    this.#sinceSample = 0;
    this.#restart();
  }

  /** Looks at the figures, when there are enough of them. */
  #look(): void {
    const now = this.#clock.now();
    const elapsed = now - this.#begunAt;
    if (elapsed < this.#windowMs || this.#raw < WINDOW_BYTES) return;
    this.#windowMs = WINDOW_MS;
    this.onRoom();
    const isLimit = this.#waitedMs > LIMITED * elapsed;
    this.#rate = isLimit ? this.#sent / elapsed : null;
    const speed = this.#raw / elapsed;
    if (this.#level === null) {
      if (isLimit) this.#plainSpeed = this.#plainSpeed === 0 ? speed : (this.#plainSpeed + speed) / 2;
      // Nothing is known of these bytes but that they were not worth it: a sample finds out.
      if (this.#left(FIRST) <= WORTH && now >= this.#burntUntil) this.#decide(speed);
    } else if (isLimit && speed < 0.97 * this.#plainSpeed) this.#burn(now);
    else this.#decide(speed);
    this.#restart();
  }

  #burn(now: number): void {
    this.#level = null;
    this.#burntUntil = now + this.#burntMs;
    this.#burntMs = Math.min(2 * this.#burntMs, BURNT_AT_MOST_MS);
    // The link may be another by then.
    this.#plainSpeed = 0;
  }

  #restart(): void {
    this.#begunAt = this.#clock.now();
    this.#raw = 0;
    this.#sent = 0;
    this.#waitedMs = 0;
  }

  /** @param speed bytes a millisecond that have gone lately, compressed or not */
  #decide(speed: number): void {
    const rate = this.#rate;
    if (rate === null) {
      const busy = (this.#ns(FIRST) * speed) / NS_PER_MS;
      this.#level = busy < LIGHT ? FIRST : null;
      return;
    }
    let best: number | null = null;
    let least = CLEARLY * (NS_PER_MS / rate);
    const current = this.#level;
    if (current !== null) {
      const time = this.#time(current, rate);
      if (time < least) [best, least] = [current, CLEARLY * time];
    }
    for (const { level } of LEVELS) {
      const time = this.#time(level, rate);
      if (level !== current && time < least) [best, least] = [level, time];
    }
    this.#level = best;
  }

  /** Nanoseconds for a byte at this level, compressed and sent. */
  #time(level: number, rate: number): number {
    return Math.max(this.#ns(level) / SHARE, (this.#left(level) * NS_PER_MS) / rate);
  }

  #ns(level: number): number {
    const known = this.#measured.get(level);
    if (known !== undefined && known.ns > 0) return known.ns;
    const first = this.#measured.get(FIRST)?.ns ?? 0;
    return (first > 0 ? first : USUAL_NS) * costOf(level).cost;
  }

  #left(level: number): number {
    const known = this.#measured.get(level);
    return known?.left ?? Math.min(1, (this.#measured.get(FIRST)?.left ?? 1) * costOf(level).left);
  }
}

function costOf(level: number): { readonly cost: number; readonly left: number } {
  return LEVELS.find((one) => one.level === level) ?? { cost: 1, left: 1 };
}
