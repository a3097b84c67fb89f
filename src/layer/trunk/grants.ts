/**
 * Grants: what the streams of one trunk were granted, what of it they hold or may come to hold, and what is left for others.
 *
 * Pure: no I/O, no clock.
 */

import type { ControlQueue } from './control.ts';
import { FirstWindow } from './first_window.ts';
import type { MemoryShare } from './memory.ts';
import type { StripedPipe } from './stream.ts';
import type { Room } from './window.ts';

export class Grants {
  readonly #memory: MemoryShare;
  readonly #control: ControlQueue;
  readonly #streamWindow: number;
  readonly #firstWindow: FirstWindow;
  #streams = 0;
  /** Bytes that the streams' limits allow the peer beyond what has been dealt with. */
  #granted = 0;
  /** Bytes of the trunk's window that streams hold, or may come to hold for long. */
  #claimed = 0;

  /** @param streamWindow what the handshake granted each stream */
  constructor(memory: MemoryShare, control: ControlQueue, streamWindow: number) {
    this.#memory = memory;
    this.#control = control;
    this.#streamWindow = streamWindow;
    this.#firstWindow = new FirstWindow(streamWindow);
  }

  /** What may be granted to streams; a quarter of the trunk's window is kept for their first ones. The peer hears of changes. */
  room(now: number): Room {
    const { window, tight } = this.#memory;
    const above = this.#granted - this.#streams * this.#streamWindow;
    const freeBytes = Math.max(0, window - this.#claimed);
    // All of the memory may be granted to other trunks.
    const free = window === 0 ? 0 : freeBytes / window;
    const first = this.#firstWindow.bytesAt(free);
    const news = this.#firstWindow.news(first, now);
    if (news !== null) this.#control.grantFirst(news);
    const { leastSaid } = this.#firstWindow;
    return { reserve: tight ? 0 : (window * 3) / 4 - above, first, leastSaid, freeBytes, free };
  }

  onOpened(): void {
    this.#streams++;
    this.#granted += this.#streamWindow;
  }

  onGranted(bytes: number): void {
    this.#granted += bytes;
  }

  /** So much of what streams were granted is dealt with. */
  onSettled(bytes: number): void {
    this.#granted -= bytes;
  }

  /** Something has come for the stream, or was read. */
  claim(stream: StripedPipe): void {
    const claim = stream.window.claim(stream.receiving, this.#firstWindow.leastSaid);
    this.#claimed += claim - stream.claimed;
    stream.claimed = claim;
  }

  onForgotten(stream: StripedPipe): void {
    this.#streams--;
    this.#granted -= stream.receiving.limit - stream.settledTo;
    this.#claimed -= stream.claimed;
    stream.claimed = 0;
  }
}
