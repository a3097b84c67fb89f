/**
 * Keeps a sentence still long enough to be read: what is worse is told at once, what is better when it has lasted.
 */

import { urgency, type Verdict } from './verdict.ts';

/** Samples. */
const BETTER = 4;
const OTHER = 2;

export class SteadyVerdict {
  #shown: Verdict | null = null;
  #next: Verdict | null = null;
  #lasted = 0;

  /** @returns what is to be shown now */
  take(verdict: Verdict): Verdict {
    if (this.#shown === null || verdict.say === this.#shown.say) return this.#show(verdict);
    const difference = urgency[verdict.tone] - urgency[this.#shown.tone];
    if (difference > 0) return this.#show(verdict);
    this.#lasted = this.#next?.say === verdict.say ? this.#lasted + 1 : 1;
    this.#next = verdict;
    return this.#lasted >= (difference < 0 ? BETTER : OTHER) ? this.#show(verdict) : this.#shown;
  }

  /** What was is over: the next one is shown at once. */
  reset(): void {
    this.#shown = null;
    this.#next = null;
  }

  #show(verdict: Verdict): Verdict {
    this.#shown = verdict;
    this.#next = null;
    this.#lasted = 0;
    return verdict;
  }
}
