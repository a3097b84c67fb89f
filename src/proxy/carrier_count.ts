/**
 * CarrierCount: how many carriers a trunk should have with `-n auto`, judged by what it carries.
 *
 *     at 2 ---> try 3 --- 8 % more? ---> at 3 ---> try 5 ...                 2, 3, 5, 8, 12, 16
 *                   \--- no: back to 2, and again after 10 s, 20 s ... 5 min
 *     at 12 --> try 9 --- no less? ----> at 9, and again at once
 *                   \--- less: back to 12, and again after 30 s, 1 min ... 10 min
 *
 * Only a trunk that its carriers limit is judged: what a slow app or a slow reader leaves unused, further carriers would
 * not fill. Each step is large enough that it shows above the noise of a network if it is of any use; what is between 4 %
 * less and 8 % more changes nothing, in either direction.
 *
 * Pure: samples in, a number out.
 */

import type { Clock } from '../core/clock.ts';

const LEAST_AUTO_CARRIERS = 2;
export const MOST_AUTO_CARRIERS = 16;

/** More carriers stay if they carry so much more, and fewer if they carry nearly as much. */
const GAIN = 1.08;
const LOSS = 0.96;
/** With so much less, it is not looked at for long whether more carriers are of use. */
const HARM = 0.8;

/** Goodput is measured over so long, or so many round trips. */
const WINDOW_MS = 1000;
const WINDOW_RTTS = 6;
/** What a try is measured against is the median of so many. */
const BASE_WINDOWS = 3;
/** New carriers need so long, or so many round trips, until they carry what they can. */
const SETTLE_MS = 500;
const SETTLE_RTTS = 6;
const SPAN_MOST_MS = 5000;
/** Samples of a window in which the carriers were what limited it. */
const LIMITED_SHARE = 0.8;

/** Of the goodput before: an app that has less has stopped. */
const STOPPED = 0.5;
/** Carriers that are not there after so long are not to be had. */
const PATIENCE_MS = 10_000;
const GROW_AGAIN_MS = 10_000;
const GROW_AGAIN_MOST_MS = 300_000;
const SHRINK_AFTER_MS = 30_000;
const SHRINK_AFTER_MOST_MS = 600_000;
/** So much more than when growing was no use is another load, and growing may be of use again. */
const OTHER_LOAD = 2;

export interface CarrierSample {
  /** Goodput so far, both ways. */
  readonly bytes: number;
  /** There was more to carry, and room for it at the other end. */
  readonly limited: boolean;
  /** Carriers that are there. */
  readonly up: number;
  readonly rttMs: number;
}

/** What came of trying another number. Goodput is in bytes per millisecond. */
export interface Verdict {
  readonly from: number;
  readonly to: number;
  /** Whether it stays at `to`. */
  readonly stays: boolean;
  readonly before: number;
  /** Null where there were no more carriers to be had, or too little to carry. */
  readonly after: number | null;
  /** When it is tried again at the earliest, in milliseconds. */
  readonly againMs: number;
}

/** To begin with, and to keep. @param ways that there are to the peer: each is to be used */
export function leastCarriers(ways: number): number {
  return Math.min(MOST_AUTO_CARRIERS, Math.max(LEAST_AUTO_CARRIERS, ways));
}

interface Trial {
  readonly from: number;
  readonly to: number;
  readonly before: number;
  readonly since: number;
  readonly after: number[];
}

interface Window {
  readonly settledAt: number;
  begunAt: number;
  bytes: number;
  samples: number;
  limited: number;
}

export class CarrierCount {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #least: number;
  #wanted: number;
  #trial: Trial | null = null;
  #window: Window | null = null;
  /** Goodput of the last windows with this number. */
  #seen: number[] = [];
  #growAt = 0;
  #growPauseMs = GROW_AGAIN_MS;
  #shrinkAt = 0;
  #shrinkPauseMs = SHRINK_AFTER_MS;
  /** The most that was carried when growing was no use. */
  #uselessRate = 0;

  /** @param least carriers to begin with, and to keep */
  constructor(clock: Pick<Clock, 'now'>, least = LEAST_AUTO_CARRIERS) {
    this.#clock = clock;
    this.#least = least;
    this.#wanted = least;
  }

  get wanted(): number {
    return this.#wanted;
  }

  /** Nothing is carried for now: what was being tried is not decided. */
  rest(): void {
    if (this.#trial !== null) this.#undecided(this.#trial);
    this.#startOver();
  }

  /** Another trunk, and perhaps another network. */
  forget(): void {
    this.rest();
    this.#growAt = 0;
    this.#growPauseMs = GROW_AGAIN_MS;
    this.#shrinkPauseMs = SHRINK_AFTER_MS;
    this.#uselessRate = 0;
  }

  /** @returns what was decided, if anything was; look at {@link wanted} each time */
  sample(sample: CarrierSample): Verdict | null {
    const now = this.#clock.now();
    if (sample.up !== this.#wanted) return this.#incomplete(now);
    const settleMs = this.#trial === null ? 0 : spanMs(SETTLE_MS, SETTLE_RTTS, sample);
    const window = this.#window ?? beginWindow(sample, now, settleMs);
    this.#window = window;
    if (now <= window.settledAt) {
      window.begunAt = now;
      window.bytes = sample.bytes;
      return null;
    }
    window.samples++;
    if (sample.limited) window.limited++;
    const elapsed = now - window.begunAt;
    if (elapsed < spanMs(WINDOW_MS, WINDOW_RTTS, sample)) return null;
    this.#window = beginWindow(sample, now, 0);
    const rate = (sample.bytes - window.bytes) / elapsed;
    const limited = window.limited >= LIMITED_SHARE * window.samples;
    return this.#trial === null
      ? this.#settled(rate, limited, now)
      : this.#tried(this.#trial, rate, limited, now);
  }

  /** Carriers are missing: what is carried without them says nothing of them. */
  #incomplete(now: number): Verdict | null {
    const trial = this.#trial;
    this.#startOver();
    return trial !== null && now - trial.since > PATIENCE_MS ? this.#fails(trial, null, now) : null;
  }

  #settled(rate: number, limited: boolean, now: number): null {
    if (!limited || rate === 0) {
      this.#seen = [];
      return null;
    }
    this.#seen = [...this.#seen, rate].slice(-BASE_WINDOWS);
    if (this.#uselessRate > 0 && rate >= OTHER_LOAD * this.#uselessRate) {
      this.#growPauseMs = GROW_AGAIN_MS;
      this.#growAt = now;
    }
    // The beginning of a transfer is slower than the rest of it, or faster, until the first packets are lost.
    if (this.#seen.length === BASE_WINDOWS) this.#next(now);
    return null;
  }

  /** Tries another number, if it is time for it. */
  #next(now: number): void {
    const count = this.#wanted;
    if (count < MOST_AUTO_CARRIERS && now >= this.#growAt)
      this.#try(Math.min(MOST_AUTO_CARRIERS, count + Math.ceil(count / 2)), now);
    else if (count > this.#least && now >= this.#shrinkAt)
      this.#try(Math.max(this.#least, count - Math.max(1, Math.floor(count / 4))), now);
  }

  #try(to: number, now: number): void {
    this.#trial = { from: this.#wanted, to, before: median(this.#seen), since: now, after: [] };
    this.#wanted = to;
    this.#startOver();
  }

  #tried(trial: Trial, rate: number, limited: boolean, now: number): Verdict | null {
    const { from, to, before, after } = trial;
    const ratio = rate / before;
    const grows = to > from;
    // Where the carriers are no limit any more, the app needs no more than it gets, or it has stopped.
    if (!limited && rate < STOPPED * before) {
      this.#undecided(trial);
      this.#startOver();
      return null;
    }
    after.push(rate);
    // Half of what the carriers could make at best is no chance.
    const half = 1 + (to / from - 1) / 2;
    const goods = after.filter((one) => one / before >= (grows ? GAIN : LOSS)).length;
    if (goods === 2 || (grows && ratio >= half)) return this.#succeeds(trial, limited, now);
    if (after.length - goods === 2 || ratio <= (grows ? HARM : half)) return this.#fails(trial, rate, now);
    return null;
  }

  #succeeds(trial: Trial, limited: boolean, now: number): Verdict {
    const { from, to, before, after } = trial;
    this.#trial = null;
    this.#startOver();
    this.#seen = after.slice(-BASE_WINDOWS);
    if (to > from) {
      this.#uselessRate = 0;
      this.#shrinkPauseMs = SHRINK_AFTER_MS;
      this.#shrinkAt = now + SHRINK_AFTER_MS;
    } else this.#growLater(before, now);
    const verdict = this.#verdict(trial, true, after.at(-1) ?? null, now);
    if (limited) this.#next(now);
    return verdict;
  }

  #fails(trial: Trial, rate: number | null, now: number): Verdict {
    const { from, to, before } = trial;
    this.#trial = null;
    this.#wanted = from;
    this.#startOver();
    if (to > from) this.#growLater(Math.max(before, rate ?? 0), now);
    else {
      this.#shrinkAt = now + this.#shrinkPauseMs;
      this.#shrinkPauseMs = Math.min(2 * this.#shrinkPauseMs, SHRINK_AFTER_MOST_MS);
    }
    return this.#verdict(trial, false, rate, now);
  }

  #verdict({ from, to, before }: Trial, stays: boolean, after: number | null, now: number): Verdict {
    const againAt = to > from ? this.#growAt : this.#shrinkAt;
    return { from, to, stays, before, after, againMs: Math.max(0, againAt - now) };
  }

  #growLater(rate: number, now: number): void {
    this.#uselessRate = Math.max(this.#uselessRate, rate);
    this.#growAt = now + this.#growPauseMs;
    this.#growPauseMs = Math.min(2 * this.#growPauseMs, GROW_AGAIN_MOST_MS);
  }

  /** As before; it is tried again after the same pause. */
  #undecided({ from, to }: Trial): void {
    const now = this.#clock.now();
    this.#trial = null;
    this.#wanted = from;
    if (to > from) this.#growAt = now + this.#growPauseMs;
    else this.#shrinkAt = now + this.#shrinkPauseMs;
  }

  #startOver(): void {
    this.#window = null;
    this.#seen = [];
  }
}

function beginWindow({ bytes }: CarrierSample, now: number, settleMs: number): Window {
  return { settledAt: now + settleMs, begunAt: now, bytes, samples: 0, limited: 0 };
}

/** Of two, the higher one. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
}

function spanMs(leastMs: number, roundTrips: number, { rttMs }: CarrierSample): number {
  return Math.min(SPAN_MOST_MS, Math.max(leastMs, roundTrips * rttMs));
}
