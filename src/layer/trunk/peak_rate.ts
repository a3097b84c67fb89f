/**
 * The highest of the rates that were measured in the last two seconds: samples are low whenever there was nothing to send.
 * One that the app limited may raise it and never lowers it.
 */

/** Samples older than this no longer count, once there are newer ones. */
const WINDOW_MS = 2000;
const BUCKETS = 4;
/** Bytes per millisecond: a rate that was halved for ever is still one that can be divided by. */
const LEAST_RATE = 1;

export class PeakRate {
  /** In buckets, so that old samples expire without being remembered one by one. */
  readonly #best = new Float64Array(BUCKETS);
  #bucketStart = Number.NEGATIVE_INFINITY;
  #bucket = 0;
  /** Bytes per millisecond; 0 when nothing is known. */
  peak = 0;
  /** A sample was taken while there was as much to do as could be done: less than this is all that is to be expected. */
  busy = false;

  /** @param rate bytes per millisecond */
  add(rate: number, busy: boolean, now: number): void {
    if (busy) this.busy = true;
    else if (rate <= this.peak) return;
    if (now - this.#bucketStart >= WINDOW_MS / BUCKETS) {
      this.#bucketStart = now;
      this.#bucket = (this.#bucket + 1) % BUCKETS;
      this.#best[this.#bucket] = 0;
    }
    if (rate > (this.#best[this.#bucket] as number)) this.#best[this.#bucket] = rate;
    this.#findPeak();
  }

  halve(): void {
    for (let i = 0; i < BUCKETS; i++) this.#best[i] = (this.#best[i] as number) / 2;
    this.busy = true;
    this.#findPeak();
    this.peak = Math.max(this.peak, LEAST_RATE);
  }

  forget(): void {
    this.#best.fill(0);
    this.busy = false;
    this.peak = 0;
  }

  #findPeak(): void {
    let peak = 0;
    for (const best of this.#best) if (best > peak) peak = best;
    this.peak = peak;
  }
}
