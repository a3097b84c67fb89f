/**
 * What is believed of a carrier: how fast it is, how far away, how much it has to do. From that, when something that is
 * sent on it now would arrive.
 *
 *     arrival = minRtt / 2 + (queue + length) / rate          queue = in flight beyond the path's own capacity
 *
 * Two sources. The peer's ACKs always: bytes that were acknowledged over time, and how long the fastest took. TCP_INFO
 * where the kernel has it: its delivery rate and minimum RTT see what ACKs, which are delayed and shared, cannot.
 *
 * The rate is the maximum over a window, because samples are low whenever there was nothing to send; an app-limited
 * sample may raise it and never lowers it. The queue is reckoned with the minimum RTT: with the current one, a carrier
 * that gets congested would earn itself more (docs/adr: none needed, see STRIPING in the references of docs/wire.md).
 */

import type { TcpInfo } from '../../sys/tcp_info.ts';

/** Samples older than this no longer count. */
const WINDOW_MS = 2000;
const BUCKETS = 4;
/** A carrier that has carried nothing yet is taken for a middling one, so that it gets its chance. */
const COLD_RATE = 1_000_000;
const COLD_RTT_MS = 50;
/** TCP_INFO is a system call: not more often than this. */
const SAMPLE_MS = 5;

export class CarrierEstimate {
  /** Windowed maximum in buckets, so that old samples expire without being remembered one by one. */
  readonly #best = new Float64Array(BUCKETS);
  #bucketStart = Number.NEGATIVE_INFINITY;
  #bucket = 0;
  #minRttMs = Number.POSITIVE_INFINITY;
  #srttMs = 0;
  #rttVarMs = 0;
  #sampledAt = Number.NEGATIVE_INFINITY;
  #troubled = false;
  #ackStart = Number.NaN;
  #ackBytes = 0;

  get minRttMs(): number {
    return this.#minRttMs === Number.POSITIVE_INFINITY ? COLD_RTT_MS : this.#minRttMs;
  }
  get srttMs(): number {
    return this.#srttMs === 0 ? this.minRttMs : this.#srttMs;
  }
  get rttVarMs(): number {
    return this.#rttVarMs;
  }
  /** Bytes per millisecond. */
  get rate(): number {
    let best = 0;
    for (const rate of this.#best) if (rate > best) best = rate;
    return (best === 0 ? COLD_RATE : best) / 1000;
  }
  get cold(): boolean {
    return this.#best.every((rate) => rate === 0);
  }

  /** Milliseconds until `length` bytes that are sent now have arrived, behind `inFlight` bytes before them. */
  arrivalMs(length: number, inFlight: number): number {
    const rate = this.rate;
    const minRtt = this.minRttMs;
    const queue = Math.max(0, inFlight - rate * minRtt);
    // In recovery or backing off the kernel re-sends first, and the old rate is no promise.
    const penalty = this.#troubled ? this.srttMs + 4 * this.#rttVarMs : 0;
    return minRtt / 2 + (queue + length) / rate + penalty;
  }

  /** When a frame that is in flight should at the latest have been acknowledged. */
  patienceMs(inFlight: number): number {
    return Math.max(20, 1.5 * (this.srttMs + 4 * this.#rttVarMs + inFlight / this.rate));
  }

  /** The peer acknowledged so many bytes; the last of them took `rttMs`. */
  onAck(bytes: number, rttMs: number, now: number): void {
    this.#onRtt(rttMs);
    if (Number.isNaN(this.#ackStart)) {
      this.#ackStart = now;
      return;
    }
    this.#ackBytes += bytes;
    const elapsed = now - this.#ackStart;
    // Shorter spans measure bursts, not the path.
    if (elapsed < Math.max(1, this.minRttMs / 2)) return;
    this.#onRate((this.#ackBytes / elapsed) * 1000, now);
    this.#ackStart = now;
    this.#ackBytes = 0;
  }

  /** Nothing is in flight any more: the time until the next ACK measures the application, not the path. */
  onIdle(): void {
    this.#ackStart = Number.NaN;
    this.#ackBytes = 0;
  }

  /** Looks at the kernel's numbers, if it is time to. */
  onTick(info: () => TcpInfo | null, now: number): void {
    if (now - this.#sampledAt < SAMPLE_MS) return;
    this.#sampledAt = now;
    const sample = info();
    if (sample === null) return;
    if (sample.minRttUs !== undefined && sample.minRttUs > 0)
      this.#minRttMs = Math.min(this.#minRttMs, sample.minRttUs / 1000);
    if (sample.deliveryRateBytesPerSec !== undefined && sample.deliveryRateBytesPerSec > 0) {
      this.#onRate(sample.deliveryRateBytesPerSec, now);
    }
    // 3 is recovery, 4 is loss (tcp_ca_state).
    this.#troubled = (sample.congestionState ?? 0) >= 3 || (sample.backoffShift ?? 0) > 0;
  }

  #onRtt(rttMs: number): void {
    this.#minRttMs = Math.min(this.#minRttMs, rttMs);
    // RFC 6298, section 2.
    if (this.#srttMs === 0) {
      this.#srttMs = rttMs;
      this.#rttVarMs = rttMs / 2;
      return;
    }
    this.#rttVarMs += (Math.abs(this.#srttMs - rttMs) - this.#rttVarMs) / 4;
    this.#srttMs += (rttMs - this.#srttMs) / 8;
  }

  #onRate(rate: number, now: number): void {
    if (now - this.#bucketStart >= WINDOW_MS / BUCKETS) {
      this.#bucketStart = now;
      this.#bucket = (this.#bucket + 1) % BUCKETS;
      this.#best[this.#bucket] = 0;
    }
    this.#best[this.#bucket] = Math.max(this.#best[this.#bucket] as number, rate);
  }
}
