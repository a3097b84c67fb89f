/**
 * FirstWindow: what is granted to streams whose apps are not known to read, the less the less is free.
 *
 *     all of it  |-------------\
 *                |              \
 *                |               `-.___
 *     LEAST      |_____________________`------
 *                0            half            all   of the trunk's credit is claimed
 *
 * A stream that stalls keeps what it was granted. If every new one were given as much as the first, a few hundred of them
 * would hold all of the trunk's credit, and nobody else could move. So who comes late gets less: a dynamic threshold
 * (Choudhury and Hahne, Dynamic Queue Length Thresholds for Shared-Memory Packet Switches, IEEE/ACM ToN 6(2), 1998), here
 * with the third power of what is free, which leaves something to thousands. Streams that do read get more: window.ts.
 *
 * The peer has to know, as it begins a stream without asking. Until it does it may use what it was told before, so no
 * stream is held to less than the first of these windows.
 *
 * Pure: no I/O, no clock.
 */

/** A request, or a screenful of a terminal. */
const LEAST_BYTES = 1024;
/** While so much of the trunk's credit is free, there is no need to save. */
const PLENTY = 1 / 2;
/** News of more is not urgent, and what was short may be short again at once. */
const RAISE_AFTER_MS = 1000;

export class FirstWindow {
  readonly #most: number;
  /** What the peer has been told last, when, and the least that it was ever told. */
  #said: number;
  #saidAt = Number.NEGATIVE_INFINITY;
  #leastSaid: number;

  /** @param bytes as granted in the handshake */
  constructor(bytes: number) {
    this.#most = bytes;
    this.#said = bytes;
    this.#leastSaid = bytes;
  }

  /** What the peer may take for the window of a stream that it begins, at the least. */
  get leastSaid(): number {
    return this.#leastSaid;
  }

  /** @param free the part of the trunk's window, 0 to 1, that no stream has claimed */
  bytesAt(free: number): number {
    if (free >= PLENTY) return this.#most;
    const part = Math.max(0, free / PLENTY) ** 3;
    return Math.max(Math.min(LEAST_BYTES, this.#most), Math.floor(this.#most * part));
  }

  /**
   * What the peer should be told, in steps of a power of two.
   *
   * @param bytes from {@link bytesAt}
   * @param now milliseconds
   * @returns null while it knows
   */
  news(bytes: number, now: number): number | null {
    if (bytes >= this.#said && this.#said === this.#most) return null;
    let step = this.#most;
    while (step > bytes) step = Math.floor(step / 2);
    if (step === this.#said || (step > this.#said && now - this.#saidAt < RAISE_AFTER_MS)) return null;
    this.#said = step;
    this.#saidAt = now;
    this.#leastSaid = Math.min(this.#leastSaid, step);
    return step;
  }
}
