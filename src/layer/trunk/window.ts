/**
 * StreamWindow: how far ahead of the app the peer may send on one stream, tuned to what the app and the path can do.
 *
 *     base --(bytes arrive)--> second --(the app reads a quarter of it in a round trip)--> twice, and twice ...
 *
 * Every stream has the base, or less where others are stalled (first_window.ts), and no other can take it away; what is
 * above it comes out of a common reserve, as long as there is any. The window doubles when an app reads a quarter of it in a
 * round trip: the senders' congestion windows double once in each, and it has to be ahead of them (QUIC stacks wait for half of
 * it). Beyond what a machine's own scheduling asks for it has to be justified by rate and round trip, because a socket's buffer
 * swallows the first bytes at the speed of memory, and a reader that stalls then holds all of its window; for the same reason the
 * machine's own scheduling is no justification before an app has read more than buffers hold. It halves when a windowful takes
 * very long. An app that does not read keeps its small window.
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

/**
 * Where memory is short, an app that reads may have so many times what one gets that may not, as a socket's buffer swallows
 * something, too. A reader (READER_BYTES) may have an eighth of what is free: it gives that back soon.
 */
const SWALLOWED_FIRSTS = 4;
const READERS_SHARE = 1 / 8;
/** Of what was granted to apps that have taken all that came, so much counts as theirs: some of them will stop reading. */
const CLAIM_OF_IDLE = 1 / 4;
/** Below this nobody is granted the second window, before its app has read anything. */
const PLENTY = 3 / 4;

/** What there is to be granted on a trunk, in bytes. */
export interface Room {
  /** What may be granted above the streams' base windows. */
  readonly reserve: number;
  /** What any stream may have: its base, or less where memory is short. */
  readonly first: number;
  /** What the peer may take for the limit of a new stream, at the least. */
  readonly leastSaid: number;
  /** The trunk's credit that nobody has claimed, and the part of all of it that this is, 0 to 1. */
  readonly freeBytes: number;
  readonly free: number;
}

/** What is known of the way to the peer, in milliseconds: the slowest of its carriers, now and at its best. */
export interface PathTimes {
  readonly rttMs: number;
  readonly minRttMs: number;
}

export class StreamWindow {
  readonly #base: number;
  #bytes: number;
  /** What its reading has earned it where memory is short, up to the base. */
  #earned = 0;
  /** Since when the app has been reading this windowful... */
  #startedAt: number;
  #startOffset = 0;
  /** ...and since when in this round trip. */
  #roundAt: number;
  #roundOffset = 0;
  /** The limit that the peer was told for this stream; null while it goes by what is said of all. */
  #told: number | null = null;

  /**
   * @param bytes the base
   * @param now milliseconds
   */
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
   * Bytes of the trunk's credit that this stream may come to hold for long. What was granted to an app that is known to read
   * is on its way, and who has hardly sent anything is likely to go on like that.
   *
   * @param leastSaid as in {@link Room}
   */
  claim(receiving: ReceiveStream, leastSaid: number): number {
    const { highest, readOffset } = receiving;
    const waiting = highest - readOffset;
    if (readOffset >= READER_BYTES || highest < this.#base / 4) return waiting;
    const promised = Math.min((this.#told ?? leastSaid) - readOffset, SECOND_BYTES);
    return waiting === 0 ? promised * CLAIM_OF_IDLE : Math.max(waiting, promised);
  }

  /**
   * Data came.
   *
   * @returns the new limit, already granted, to tell the peer; null while it is not worth a frame
   */
  onArrival(receiving: ReceiveStream, room: Room): number | null {
    if (this.#bytes >= SECOND_BYTES || receiving.highest < this.#base / 4) return null;
    if (room.reserve < 16 * SECOND_BYTES || room.free < PLENTY) return null;
    this.#bytes = SECOND_BYTES;
    return this.#grant(receiving, room);
  }

  /** The app has read something. Parameters and result as above. */
  onRead(receiving: ReceiveStream, now: number, path: PathTimes, room: Room): number | null {
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
    return this.#grant(receiving, room);
  }

  #grow(read: number, tookMs: number, { rttMs, minRttMs }: PathTimes): void {
    const doubled = 2 * this.#bytes;
    const least = this.#roundOffset + read < READER_BYTES ? SECOND_BYTES : LOCAL_BYTES;
    const justified = Math.max(least, (BDPS * read * minRttMs) / tookMs);
    const needed = (ROUNDS * read * rttMs) / tookMs;
    if (this.#bytes < needed && doubled <= justified) this.#bytes = doubled;
    if (this.#earned < needed) this.#earned = Math.min(this.#base, Math.max(2 * this.#earned, read));
    else if (this.#earned > SLOW_ROUNDS * needed) this.#earned /= 2;
  }

  #grant(receiving: ReceiveStream, { reserve, first, leastSaid, freeBytes }: Room): number | null {
    // The peer has said all.
    if (receiving.finalOffset !== null) return null;
    const { readOffset, limit } = receiving;
    const reader = readOffset >= READER_BYTES;
    const share = reader ? freeBytes * READERS_SHARE : 0;
    const least = Math.max(first, Math.min(this.#earned, Math.max(share, first * SWALLOWED_FIRSTS)));
    const saving = first < this.#base && !(reader && this.#bytes > this.#base);
    const most = saving ? least : this.#bytes;
    const affordable = Math.min(readOffset + most, limit + Math.max(0, Math.min(reserve, freeBytes / 2)));
    const granted = Math.floor(Math.max(readOffset + least, affordable));
    // It has nearly all of what it may have left.
    const told = this.#told ?? leastSaid;
    if (granted - told < Math.min((granted - readOffset) / 4, MOST_UNSAID)) return null;
    this.#told = granted;
    receiving.grant(granted);
    return granted;
  }
}
