/**
 * TrunkCredit: how many bytes of new data may travel in each direction of a trunk, all streams together.
 *
 * Limits are absolute sums that only grow. Ours is granted a window ahead of what the apps have read, so that what waits
 * for them never exceeds the window, whatever the peer sends.
 *
 * Pure: no I/O, no clock.
 */

import { PipeError } from '../../core/errors.ts';

export class TrunkCredit {
  readonly #window: number;
  #sent = 0;
  #peerLimit: number;
  #received = 0;
  #settled = 0;
  #limit: number;

  /**
   * @param window bytes that we let the peer have under way, and what we granted it in the handshake
   * @param peerWindow what it granted us
   */
  constructor(window: number, peerWindow: number) {
    this.#window = window;
    this.#limit = window;
    this.#peerLimit = peerWindow;
  }

  /** Bytes that we may still send. */
  get left(): number {
    return this.#peerLimit - this.#sent;
  }
  /** Bytes that came and are not dealt with. */
  get buffered(): number {
    return this.#received - this.#settled;
  }

  onSent(bytes: number): void {
    this.#sent += bytes;
  }

  /** MAX_DATA: smaller than before means an old frame, and nothing. */
  onGranted(limit: number): void {
    this.#peerLimit = Math.max(this.#peerLimit, limit);
  }

  /** New bytes came, or are known to have been sent. @throws PipeError `malformed` beyond what was granted */
  onReceived(bytes: number): void {
    this.#received += bytes;
    if (this.#received > this.#limit) {
      throw new PipeError('malformed', 'trunk', `${this.#received} bytes, credit for ${this.#limit}`);
    }
  }

  /**
   * So many bytes were read, or given up.
   *
   * @returns the limit to tell the peer, or null while it is not worth a frame: a quarter of a window at a time is often
   *   enough that the peer never waits, and rarely enough to cost nothing
   */
  onSettled(bytes: number): number | null {
    this.#settled += bytes;
    const limit = this.#settled + this.#window;
    if (limit - this.#limit < this.#window / 4) return null;
    this.#limit = limit;
    return limit;
  }
}
