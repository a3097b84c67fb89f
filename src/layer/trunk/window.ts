/**
 * StreamWindow: how far ahead of the app the peer may send on one stream, tuned to what the app and the path can do.
 *
 *     base --(bytes arrive)--> second --(the app reads a quarter of it in a round trip)--> twice, and twice ...
 *
 * Every stream has the base always, so that no other can take it away; what is above it comes out of a common reserve,
 * as long as there is any. The window doubles when an app reads a quarter of it in a round trip: the senders' congestion
 * windows double once in each, and it has to be ahead of them (QUIC stacks wait for half of it). Beyond what a machine's own
 * scheduling asks for it has to be justified by rate and round trip, because a socket's buffer swallows the first
 * bytes at the speed of memory, and a reader that stalls then holds all of its window; for the same reason the machine's
 * own scheduling is no justification before an app has read more than buffers hold. It halves when a windowful
 * takes very long. An app that does not read keeps its small window.
 *
 * Pure: no I/O, no clock.
 */

import type { ReceiveStream } from './receive.ts';

/** As soon as data really comes, and memory is plenty. */
const SECOND_BYTES = 256 * 1024;
/** What a stream between two busy processes on one machine needs to be as fast as the machine is. */
const LOCAL_BYTES = 2048 * 1024;
/** Who has read so much is a reader, and not only a socket's buffer that fills (up to 10 MB on Linux, both ends together). */
const READER_BYTES = 16 * 1024 * 1024;
/**
 * Beyond that, so many times rate and minimum round trip: twice for the loop of credit, and as much again and again for
 * what waits in a slow carrier's queue while a fast one goes on.
 */
const BDPS = 8;
/** In less time a socket's buffer swallows more than an app reads. */
const LEAST_ROUND_MS = 10;
/** A window lasts for so many round trips, at the rate at which the app reads. */
const ROUNDS = 4;
/** A windowful that takes so many round trips (of at least SLOW_RTT_MS) is more than the app needs. */
const SLOW_ROUNDS = 16;
const SLOW_RTT_MS = 50;

/** A frame is worth it for a quarter of the window, or for so much. */
const MOST_UNSAID = 1024 * 1024;

/** What is known of the way to the peer, in milliseconds: the slowest of its carriers, now and at its best. */
export interface PathTimes {
  readonly rttMs: number;
  readonly minRttMs: number;
}

export class StreamWindow {
  readonly #base: number;
  #bytes: number;
  /** Since when the app has been reading this windowful... */
  #startedAt: number;
  #startOffset = 0;
  /** ...and since when in this round trip. */
  #roundAt: number;
  #roundOffset = 0;

  constructor(bytes: number, now: number) {
    this.#base = bytes;
    this.#bytes = bytes;
    this.#startedAt = now;
    this.#roundAt = now;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Data came.
   *
   * @param reserve bytes that may be granted above the streams' base windows
   * @returns the new limit, already granted, to tell the peer; null while it is not worth a frame
   */
  onArrival(receiving: ReceiveStream, reserve: number): number | null {
    if (this.#bytes >= SECOND_BYTES || receiving.highest < this.#base / 4) return null;
    if (reserve < 16 * SECOND_BYTES) return null;
    this.#bytes = SECOND_BYTES;
    return this.#grant(receiving, reserve);
  }

  /** The app has read something. Parameters and result as above. */
  onRead(receiving: ReceiveStream, now: number, path: PathTimes, reserve: number): number | null {
    const { readOffset } = receiving;
    const inRound = readOffset - this.#roundOffset;
    const tookMs = now - this.#roundAt;
    if (tookMs >= LEAST_ROUND_MS && (tookMs >= path.rttMs || inRound >= this.#bytes)) {
      this.#grow(inRound, tookMs, path);
      this.#roundAt = now;
      this.#roundOffset = readOffset;
    }
    if (readOffset - this.#startOffset >= this.#bytes) {
      const slowMs = SLOW_ROUNDS * Math.max(path.rttMs, SLOW_RTT_MS);
      if (now - this.#startedAt > slowMs) this.#bytes = Math.max(this.#base, this.#bytes / 2);
      this.#startedAt = now;
      this.#startOffset = readOffset;
    }
    return this.#grant(receiving, reserve);
  }

  #grow(read: number, tookMs: number, { rttMs, minRttMs }: PathTimes): void {
    const doubled = 2 * this.#bytes;
    const least = this.#roundOffset + read < READER_BYTES ? SECOND_BYTES : LOCAL_BYTES;
    const justified = Math.max(least, (BDPS * read * minRttMs) / tookMs);
    const needed = (ROUNDS * read * rttMs) / tookMs;
    if (this.#bytes < needed && doubled <= justified) this.#bytes = doubled;
  }

  #grant(receiving: ReceiveStream, reserve: number): number | null {
    // The peer has said all.
    if (receiving.finalOffset !== null) return null;
    const { readOffset, limit } = receiving;
    const affordable = Math.min(readOffset + this.#bytes, limit + Math.max(0, reserve));
    const granted = Math.floor(Math.max(readOffset + this.#base, affordable));
    // It has nearly all of what it may have left.
    if (granted - limit < Math.min((granted - readOffset) / 4, MOST_UNSAID)) return null;
    receiving.grant(granted);
    return granted;
  }
}
