/**
 * What is believed of a carrier: how fast it is, how far away, how much it has to do. From that, when something that is
 * sent on it now would arrive, and how much should be under way on it.
 *
 *     arrival = minRtt / 2 + (queue + length) / rate          queue = in flight beyond the path's own capacity
 *
 * Two sources. The peer's ACKs and PONGs always: bytes that were acknowledged over time, and how long the fastest took.
 * TCP_INFO where the kernel has it: its delivery rate, minimum RTT and window see what ACKs, which are delayed and
 * shared, cannot.
 *
 * The rate is the maximum over a window, because samples are low whenever there was nothing to send; a sample that the
 * app limited may raise it and never lowers it. The queue is reckoned with the minimum RTT: with the current one, a
 * carrier that gets congested would earn itself more.
 */

import type { TcpInfo } from '../../sys/tcp_info.ts';

/** Samples older than this no longer count, once there are newer ones. */
const WINDOW_MS = 2000;
const BUCKETS = 4;
/** A carrier that was never busy is taken for a middling one, so that it gets its chance. */
const COLD_RATE = 1_000_000;
const COLD_RTT_MS = 50;
/** TCP_INFO is a system call: not more often than this. */
const SAMPLE_MS = 5;
/** What may be in flight on any carrier, in bytes. */
const LEAST_WINDOW = 32 * 1024;

/** Work for so long may wait in a carrier's socket, with what the peer's ACK is late by. */
const QUEUE_MS = 15;

const LEAST_SEGMENT = 8 * 1024;
const SEGMENT_MS = 16;

export class CarrierEstimate {
  /** Windowed maximum in buckets, so that old samples expire without being remembered one by one. */
  readonly #best = new Float64Array(BUCKETS);
  #bucketStart = Number.NEGATIVE_INFINITY;
  #bucket = 0;
  /** Bytes per millisecond. */
  #rate = 0;
  #everFull = false;
  /** Of the carrier alone, both ways: from PONGs or the kernel. */
  #minRttMs = Number.POSITIVE_INFINITY;
  /** Of data there and an ACK back, which may have come another way. */
  #minAckMs = Number.POSITIVE_INFINITY;
  #srttMs = 0;
  #rttVarMs = 0;
  #sampledAt = Number.NEGATIVE_INFINITY;
  #penaltyMs = 0;
  /** The kernel's congestion window in bytes; 0 where it does not say. */
  #cwndBytes = 0;
  #ackStart = Number.NaN;
  #ackBytes = 0;
  /** The carrier had more to do than it could since #ackStart. */
  #full = false;

  get minRttMs(): number {
    if (this.#minRttMs !== Number.POSITIVE_INFINITY) return this.#minRttMs;
    return this.#minAckMs === Number.POSITIVE_INFINITY ? COLD_RTT_MS : this.#minAckMs;
  }
  get srttMs(): number {
    return this.#srttMs === 0 ? this.minRttMs : this.#srttMs;
  }
  get rttVarMs(): number {
    return this.#rttVarMs;
  }
  /** Bytes per millisecond. Until the carrier was busy once, what was seen is only the least that it can do. */
  get rate(): number {
    return this.#everFull ? this.#rate : Math.max(this.#rate, COLD_RATE / 1000);
  }
  /** Nothing has been carried yet, as far as is known. */
  get cold(): boolean {
    return this.#rate === 0;
  }
  /** Bytes per millisecond that it has been seen to carry. */
  get provenRate(): number {
    return this.#rate;
  }

  /**
   * How much should be in flight, in bytes: what the path holds, and a little more so that it does not run dry. The
   * kernel knows the first. Where it does not say, four times the path's own capacity leaves room for a path that other
   * connections have filled: a tighter bound would let them starve this one.
   */
  get windowBytes(): number {
    const { rate } = this;
    if (this.#cwndBytes > 0) return Math.max(LEAST_WINDOW, this.#cwndBytes + rate * QUEUE_MS);
    if (this.cold) return LEAST_WINDOW;
    return Math.max(LEAST_WINDOW, rate * (4 * this.minRttMs + 2 * QUEUE_MS));
  }

  /** Bulk is cut so that a piece takes some 16 ms: on a slow carrier a large one would block the line, and tell nothing. */
  get segmentBytes(): number {
    return Math.max(LEAST_SEGMENT, Math.floor(SEGMENT_MS * this.rate));
  }

  /** Milliseconds until `length` bytes that are sent now have arrived, behind `inFlight` bytes before them. */
  arrivalMs(length: number, inFlight: number): number {
    const { rate, minRttMs } = this;
    const queue = Math.max(0, inFlight - rate * minRttMs);
    return minRttMs / 2 + (queue + length) / rate + this.#penaltyMs;
  }

  /** When a frame that is in flight should at the latest have been acknowledged. */
  patienceMs(inFlight: number): number {
    return Math.max(20, 1.5 * (this.srttMs + 4 * this.#rttVarMs + inFlight / this.rate));
  }

  /** The peer acknowledged so many bytes; the last of them took `rttMs`. */
  onAck(bytes: number, rttMs: number, now: number): void {
    this.#smooth(rttMs);
    this.#minAckMs = Math.min(this.#minAckMs, rttMs);
    // What took long has waited in a queue: then it was the path that limited it.
    const queued = rttMs > 2 * this.minRttMs + QUEUE_MS;
    if (Number.isNaN(this.#ackStart)) {
      this.#ackStart = now;
      this.#onRate(bytes / Math.max(1, rttMs), queued && bytes >= LEAST_SEGMENT, now);
      return;
    }
    this.#ackBytes += bytes;
    const elapsed = now - this.#ackStart;
    // Shorter spans measure bursts, not the path.
    if (elapsed < Math.max(1, this.minRttMs / 2)) return;
    // A few bytes say nothing: their ACK waits for company.
    this.#onRate(this.#ackBytes / elapsed, (this.#full || queued) && this.#ackBytes >= LEAST_SEGMENT, now);
    this.#ackStart = now;
    this.#ackBytes = 0;
    this.#full = false;
  }

  /** The carrier has as much to do as it can take: what it does now is what it can do. */
  onFull(): void {
    this.#full = true;
  }

  /** Nothing is in flight any more: the time until the next ACK measures the application, not the path. */
  onIdle(): void {
    this.#ackStart = Number.NaN;
    this.#ackBytes = 0;
    this.#full = false;
  }

  /** Nothing has moved for too long. What the carrier could do it can do no more; how much is left is to be seen. */
  onStall(): void {
    for (let i = 0; i < BUCKETS; i++) this.#best[i] = (this.#best[i] as number) / 2;
    this.#rate = Math.max(...this.#best, COLD_RATE / 1e6);
    this.#everFull = true;
  }

  /** Whether it is time to look at the kernel's numbers again; the caller does it then. */
  wantsInfo(now: number): boolean {
    if (now - this.#sampledAt < SAMPLE_MS) return false;
    this.#sampledAt = now;
    return true;
  }

  onInfo(info: TcpInfo, now: number): void {
    const { minRttUs, deliveryRateBytesPerSec: rate, congestionState = 0, backoffShift = 0 } = info;
    if (minRttUs !== undefined && minRttUs > 0) this.#minRttMs = Math.min(this.#minRttMs, minRttUs / 1000);
    if (rate !== undefined && rate > 0) this.#onRate(rate / 1000, info.deliveryRateAppLimited === false, now);
    this.#cwndBytes = (info.cwndSegments ?? 0) * (info.sendMssBytes ?? 0);
    // 3 is recovery, 4 is loss (tcp_ca_state): the kernel sends again first, and the old rate is no promise.
    if (congestionState >= 4 || backoffShift > 0) this.#penaltyMs = this.srttMs + 4 * this.#rttVarMs;
    else this.#penaltyMs = congestionState === 3 ? this.minRttMs : 0;
  }

  /** A round trip on this carrier, both ways, took so long. */
  onRtt(rttMs: number): void {
    this.#minRttMs = Math.min(this.#minRttMs, rttMs);
    this.#smooth(rttMs);
  }

  #smooth(rttMs: number): void {
    // RFC 6298, section 2.
    if (this.#srttMs === 0) {
      this.#srttMs = rttMs;
      this.#rttVarMs = rttMs / 2;
      return;
    }
    this.#rttVarMs += (Math.abs(this.#srttMs - rttMs) - this.#rttVarMs) / 4;
    this.#srttMs += (rttMs - this.#srttMs) / 8;
  }

  #onRate(rate: number, full: boolean, now: number): void {
    if (full) this.#everFull = true;
    else if (rate <= this.#rate) return;
    if (now - this.#bucketStart >= WINDOW_MS / BUCKETS) {
      this.#bucketStart = now;
      this.#bucket = (this.#bucket + 1) % BUCKETS;
      this.#best[this.#bucket] = 0;
    }
    this.#best[this.#bucket] = Math.max(this.#best[this.#bucket] as number, rate);
    let most = 0;
    for (const best of this.#best) if (best > most) most = best;
    this.#rate = most;
  }
}
