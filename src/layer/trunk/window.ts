/**
 * StreamWindow: how far ahead of the app the peer may send on one stream, tuned to what the app and the path can do.
 *
 * The window doubles when an app reads a windowful in less than two round trips: then it was the window that limited the
 * stream, and not the app or the path (the rule of QUIC stacks). An app that does not read keeps its small window.
 *
 * Pure: no I/O, no clock.
 */

import type { ReceiveStream } from './receive.ts';

export class StreamWindow {
  #bytes: number;
  #startedAt: number;
  #startOffset = 0;

  constructor(bytes: number, now: number) {
    this.#bytes = bytes;
    this.#startedAt = now;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The app has read something.
   *
   * @returns the new limit, already granted, to tell the peer; null while it is not worth a frame
   */
  tune(receiving: ReceiveStream, now: number, rttMs: number, most: number): number | null {
    const { readOffset } = receiving;
    // The peer has said all, or has more than three quarters of its window left.
    if (receiving.finalOffset !== null) return null;
    if (readOffset + this.#bytes - receiving.limit < this.#bytes / 4) return null;
    if (readOffset - this.#startOffset >= this.#bytes) {
      if (now - this.#startedAt < 2 * rttMs) this.#bytes = Math.min(2 * this.#bytes, most);
      this.#startedAt = now;
      this.#startOffset = readOffset;
    }
    receiving.grant(readOffset + this.#bytes);
    return receiving.limit;
  }
}
