/**
 * What is believed of a carrier: how fast it is, how far away, how much it has to do. From that, when something that is
 * sent on it now would arrive, and how much should be under way on it.
 *
 *     arrival = minRtt / 2 + (queue + length) / rate          queue = in flight beyond the path's own capacity
 *
 * Two sources. The peer's ACKs and PONGs always: bytes that were acknowledged over time, and how long the fastest took.
 * TCP_INFO where the kernel has it: its delivery rate, minimum RTT and window see what ACKs, which are delayed and
 * shared, cannot. But they end where the kernel's connection ends, and that may be a middlebox nearby: of two rates of a
 * busy carrier the lower one is true.
 *
 * The queue is reckoned with the minimum RTT: with the current one, a carrier that gets congested would earn itself more.
 */

import type { TcpInfo } from '../../sys/tcp_info.ts';
import { PeakRate } from './peak_rate.ts';

/** Nothing was acknowledged for so long: what is believed of the carrier is no longer held against it. */
const FORGET_MS = 3000;
/** A carrier that was never busy is taken for a middling one, so that it gets its chance. */
const COLD_RATE = 1_000_000;
const COLD_RTT_MS = 50;
/** On one machine a round trip is mostly the machine's own scheduling. */
const LEAST_RTT_MS = 0.1;
/** What a peer may take to answer, besides the path: its event loop is busy, and ACKs wait for company. */
const BEYOND_MS = 50;
/** TCP_INFO is a system call: not more often than this. */
const SAMPLE_MS = 5;
/** What may be in flight on any carrier, in bytes. */
const LEAST_WINDOW = 32 * 1024;

/** Work for so long may wait in a carrier's socket, with what the peer's ACK is late by. */
const QUEUE_MS = 15;

/** What takes so much longer than our own queue can explain, and for so long, has a longer way to go than was thought. */
const LONGER_FACTOR = 1.1;
const LONGER_MS = 1000;

/** A rate is measured over so long at least. */
const SPAN_MS = 10;

const LEAST_SEGMENT = 8 * 1024;
const SEGMENT_MS = 16;

export class CarrierEstimate {
  /** In bytes per millisecond. */
  readonly #acked = new PeakRate();
  readonly #kernel = new PeakRate();
  #rate = COLD_RATE / 1000;
  #ackedAt = Number.NaN;
  /** Of the carrier alone, both ways, from PING to PONG. */
  #minPongMs = Number.POSITIVE_INFINITY;
  /** Of data there and an ACK back, which may have come another way. */
  #minAckMs = Number.POSITIVE_INFINITY;
  /** Of the kernel's connection. */
  #minKernelMs = Number.POSITIVE_INFINITY;
  /** Since when every round trip has been too long for what is in flight, and the shortest of them. */
  #longSince = Number.NaN;
  #longMs = Number.POSITIVE_INFINITY;
  #srttMs = 0;
  #rttVarMs = 0;
  #sampledAt = Number.NEGATIVE_INFINITY;
  #penaltyMs = 0;
  /** What the kernel would have sent and not seen acknowledged, in bytes; 0 where it does not say. */
  #kernelBytes = 0;
  /** What the kernel's congestion window allows for, in bytes; 0 where it does not say. */
  #cwndBytes = 0;
  #ackStart = Number.NaN;
  #ackBytes = 0;
  /** The carrier had more to do than it could since #ackStart. */
  #full = false;

  /** The kernel knows best, unless its connection ends long before the peer: then PONGs and ACKs all take much longer. */
  get minRttMs(): number {
    const seen = Math.min(this.#minPongMs, this.#minAckMs);
    const kernel = this.#minKernelMs;
    if (seen === Number.POSITIVE_INFINITY) return kernel === seen ? COLD_RTT_MS : kernel;
    if (seen <= 2 * kernel + BEYOND_MS && kernel !== Number.POSITIVE_INFINITY) return kernel;
    return this.#minPongMs === Number.POSITIVE_INFINITY ? seen : this.#minPongMs;
  }
  get srttMs(): number {
    return this.#srttMs === 0 ? this.minRttMs : this.#srttMs;
  }
  get rttVarMs(): number {
    return this.#rttVarMs;
  }
  /** Bytes per millisecond. Until the carrier was busy once, what was seen is only the least that it can do. */
  get rate(): number {
    return this.#rate;
  }
  /** Nothing has been carried yet, as far as is known. */
  get cold(): boolean {
    return this.provenRate === 0;
  }
  /** Bytes per millisecond that it has been seen to carry. */
  get provenRate(): number {
    const { busy, peak } = this.#acked;
    return busy || !this.#kernel.busy ? peak : Math.max(peak, this.#kernel.peak);
  }

  /**
   * For people: bytes per millisecond that the peer has acknowledged, at its best of late, and whether that is all that it
   * can do. What the kernel thinks of a path that nothing has filled is fiction: gigabytes a second on a loopback device.
   */
  get shown(): { readonly rate: number; readonly isLimit: boolean } {
    return { rate: this.#acked.peak, isLimit: this.#acked.busy };
  }

  /**
   * How much should be in flight, in bytes: what the path holds, and a little more so that it does not run dry. The
   * kernel knows the first. Where it does not say, four times the path's own capacity leaves room for a path that other
   * connections have filled: a tighter bound would let them starve this one.
   */
  get windowBytes(): number {
    const { rate } = this;
    if (this.#kernelBytes > 0) return Math.max(LEAST_WINDOW, this.#kernelBytes + rate * QUEUE_MS);
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

  /**
   * When a frame that is in flight should at the latest have been acknowledged. What is in front of it is part of the round
   * trips that were measured, unless there is more of it now.
   */
  patienceMs(inFlight: number): number {
    return Math.max(20, 1.5 * Math.max(this.srttMs, inFlight / this.rate) + 2 * this.#rttVarMs);
  }

  /** The peer acknowledged so many bytes; the last of them took `rttMs`. */
  onAck(bytes: number, rttMs: number, now: number): void {
    this.#smooth(rttMs);
    this.#minAckMs = Math.min(this.#minAckMs, rttMs);
    // The kernel sees by itself that a path has become longer, and says how much may be under way.
    if (this.#kernelBytes === 0) this.#lookForLonger(rttMs, now);
    // What took long has waited in a queue: then it was the path that limited it.
    const queued = rttMs > 2 * this.minRttMs + QUEUE_MS;
    if (Number.isNaN(this.#ackStart)) {
      this.#ackStart = now;
      this.#onRate(bytes / Math.max(1, rttMs), queued && bytes >= LEAST_SEGMENT, now);
      return;
    }
    this.#ackBytes += bytes;
    const elapsed = now - this.#ackStart;
    // Shorter spans measure bursts, not the path: ACKs wait for company.
    if (elapsed < Math.max(SPAN_MS, this.minRttMs / 2)) return;
    // A few bytes say nothing: their ACK waits for company.
    this.#onRate(this.#ackBytes / elapsed, (this.#full || queued) && this.#ackBytes >= LEAST_SEGMENT, now);
    this.#ackStart = now;
    this.#ackBytes = 0;
    this.#full = false;
  }

  /**
   * A path may become longer for good. With its old length, less would be kept under way than it takes, so that less would
   * be carried, and less still kept under way. What waits in our own queue must not be taken for length, or it would grow
   * and grow: no more of it waits than the window.
   */
  #lookForLonger(rttMs: number, now: number): void {
    const explained = this.minRttMs + (this.windowBytes + this.segmentBytes) / this.rate;
    if (rttMs <= LONGER_FACTOR * explained) {
      this.#longSince = Number.NaN;
      this.#longMs = Number.POSITIVE_INFINITY;
      return;
    }
    if (Number.isNaN(this.#longSince)) this.#longSince = now;
    this.#longMs = Math.min(this.#longMs, rttMs);
    if (now - this.#longSince < Math.max(LONGER_MS, 2 * rttMs)) return;
    this.#minPongMs = Number.POSITIVE_INFINITY;
    this.#minAckMs = this.#longMs;
  }

  /** An ACK for what was taken for stalled. */
  onLateAck(rttMs: number): void {
    this.#smooth(rttMs);
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
    this.#acked.halve();
    if (this.#kernel.peak > 0) this.#kernel.halve();
    this.#believe();
  }

  /** It moves again. How long it stood still says nothing about how fast it is. */
  onMoving(): void {
    this.onIdle();
    this.#acked.forget();
    this.#kernel.forget();
    this.#believe();
  }

  /**
   * The carrier has nothing to do. If that is so because it was slow, or stalled, nobody would ever see it recover: after a
   * while it is as good as a new one, and gets its chance.
   */
  onUnused(now: number): void {
    if (!(now - this.#ackedAt > FORGET_MS)) return;
    this.#ackedAt = now;
    this.#acked.forget();
    this.#kernel.forget();
    this.#believe();
  }

  /** Whether it is time to look at the kernel's numbers again; the caller does it then. */
  wantsInfo(now: number): boolean {
    if (now - this.#sampledAt < SAMPLE_MS) return false;
    this.#sampledAt = now;
    return true;
  }

  onInfo(info: TcpInfo, now: number): void {
    const { minRttUs, deliveryRateBytesPerSec: rate, cwndSegments = 0, sendMssBytes = 0 } = info;
    if (minRttUs !== undefined && minRttUs > 0)
      this.#minKernelMs = Math.min(this.#minKernelMs, minRttUs / 1000);
    if (rate !== undefined && rate > 0)
      this.#kernel.add(rate / 1000, info.deliveryRateAppLimited === false, now);
    this.#cwndBytes = cwndSegments * sendMssBytes;
    this.#kernelBytes = outstandingSegments(info) * sendMssBytes;
    this.#believe();
    // The kernel sends again first, and the old rate is no promise.
    if (isInLoss(info)) this.#penaltyMs = this.srttMs + 4 * this.#rttVarMs;
    else this.#penaltyMs = info.congestionState === IN_RECOVERY ? this.minRttMs : 0;
  }

  /** A round trip on this carrier, both ways, took so long. */
  onRtt(rttMs: number): void {
    this.#minPongMs = Math.min(this.#minPongMs, rttMs);
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

  #onRate(rate: number, busy: boolean, now: number): void {
    this.#ackedAt = now;
    this.#acked.add(rate, busy, now);
    this.#believe();
  }

  #believe(): void {
    const [acked, kernel] = [this.#acked, this.#kernel];
    if (acked.busy) this.#rate = kernel.busy ? Math.min(acked.peak, kernel.peak) : acked.peak;
    else if (kernel.busy) this.#rate = Math.max(acked.peak, kernel.peak);
    else this.#rate = Math.max(acked.peak, kernel.peak, this.#coldRate);
  }

  /** Of a carrier that was never busy: what its kernel will let it send at first, and otherwise a guess. */
  get #coldRate(): number {
    return this.#cwndBytes > 0 ? this.#cwndBytes / Math.max(this.minRttMs, LEAST_RTT_MS) : COLD_RATE / 1000;
  }
}

/** tcp_ca_state: what the kernel sends again after duplicate acknowledgements, or after a timeout. */
const IN_RECOVERY = 3;
const IN_LOSS = 4;

function isInLoss({ congestionState = 0, backoffShift = 0 }: TcpInfo): boolean {
  return congestionState >= IN_LOSS || backoffShift > 0;
}

/**
 * What the kernel has sent and not seen acknowledged, with what its window leaves room for. After a loss that is far more
 * than the window: what came behind the gap has left the network, and waits at the peer for what is sent again.
 */
function outstandingSegments(info: TcpInfo): number {
  const {
    cwndSegments = 0,
    unackedSegments = 0,
    sackedSegments = 0,
    lostSegments = 0,
    retransSegments = 0,
  } = info;
  // After a timeout it sends everything again, so all of that still has to go.
  if (isInLoss(info)) return cwndSegments;
  const inNetwork = unackedSegments - sackedSegments - lostSegments + retransSegments;
  return unackedSegments + Math.max(0, cwndSegments - inNetwork);
}
