/**
 * TrunkCredit: how many bytes of new data may travel in each direction of a trunk, all streams together.
 *
 * Limits are absolute sums that only grow. Ours is granted a window ahead of what the apps have read, so that what waits
 * for them never exceeds what was granted, whatever the peer sends.
 *
 * Pure: no I/O, no clock.
 */

import { PipeError } from '../../core/errors.ts';

export class TrunkCredit {
  #sent = 0;
  #peerLimit: number;
  #received = 0;
  #settled = 0;
  #limit: number;

  /**
   * @param window bytes that we granted the peer in the handshake
   * @param peerWindow what it granted us
   */
  constructor(window: number, peerWindow: number) {
    this.#limit = window;
    this.#peerLimit = peerWindow;
  }

  get received(): number {
    return this.#received;
  }
  /** Bytes that we may still send. */
  get left(): number {
    return this.#peerLimit - this.#sent;
  }
  /** Bytes that we have sent, each counted once. */
  get sent(): number {
    return this.#sent;
  }
  /** Bytes that came and are not dealt with. */
  get buffered(): number {
    return this.#received - this.#settled;
  }
  /** Bytes that came and are not dealt with, or may still come. */
  get granted(): number {
    return this.#limit - this.#settled;
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

  /** So many bytes were read, or given up. */
  onSettled(bytes: number): void {
    this.#settled += bytes;
  }

  /**
   * Grants as much as `window` allows.
   *
   * @returns the limit to tell the peer, or null while it is not worth a frame: a quarter of a window at a time is rare
   *   enough to cost nothing. But what at least doubles what the peer has left is worth one, however little it is: stalled
   *   streams may hold nearly all of the window, and the others live on the rest
   */
  grant(window: number): number | null {
    const limit = this.#settled + window;
    const gain = limit - this.#limit;
    if (gain <= 0 || (gain < window / 4 && gain < this.#limit - this.#received)) return null;
    this.#limit = limit;
    return limit;
  }
}
