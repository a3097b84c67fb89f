/**
 * OpenRate: how many streams a peer may open in a second: a token bucket. To open a stream and reset it costs a peer
 * nothing, and us a connection to the target (CVE-2023-44487).
 *
 * It holds what comes in two seconds, since apps that waited for a lost peer all come at once.
 */

const BURST_SECONDS = 2;

export class OpenRate {
  readonly #perSecond: number;
  #tokens: number;
  #at: number | null = null;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond * BURST_SECONDS;
  }

  /** One more. @param now in milliseconds @returns whether that is within the limit */
  take(now: number): boolean {
    const gained = (this.#perSecond * (now - (this.#at ?? now))) / 1000;
    this.#at = now;
    this.#tokens = Math.min(this.#perSecond * BURST_SECONDS, this.#tokens + gained);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
