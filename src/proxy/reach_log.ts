/**
 * ReachLog: why a client that stripes does not reach its peer, or not with all its connections. Each reason is said once,
 * until all connections are there again.
 *
 *     warn  cannot connect to 192.0.2.1:22222: ...; it is tried again, and app connections wait up to 10.0s for it
 *     info  192.0.2.1:22222 can be reached again
 *     warn  a connection is missing, and is tried again: cannot connect to 192.0.2.2:22222: ...
 *     error 192.0.2.1:22222 refuses: the keys differ: ...; app connections are reset until that is set right
 */

import type { PipeError } from '../core/errors.ts';
import { formatDuration } from '../core/format.ts';
import type { Logger } from '../core/log.ts';

/** What others say may differ each time. */
const MOST_REASONS = 16;

export class ReachLog {
  readonly #log: Logger;
  readonly #peer: string;
  readonly #waitMs: number;
  readonly #said = new Set<string>();
  #saidHopeless = '';
  /** It was said that the peer cannot be reached. */
  #troubled = false;

  /** @param peer its addresses @param waitMs how long apps wait for a connection to it */
  constructor(log: Logger, peer: string, waitMs: number) {
    this.#log = log;
    this.#peer = peer;
    this.#waitMs = waitMs;
  }

  /** There is no connection at all, and this attempt has failed. */
  unreached(error: PipeError): void {
    if (!this.#isNews(error)) return;
    this.#troubled = true;
    const wait = formatDuration(this.#waitMs);
    this.#log.warn(`${error.message}; it is tried again, and app connections wait up to ${wait} for it`);
  }

  /** There are connections, but not this one. */
  missing(error: PipeError): void {
    if (this.#isNews(error)) this.#log.warn(`a connection is missing, and is tried again: ${error.message}`);
  }

  /** This address leads to another process than the others, and so do those that slots are missing at. */
  elsewhere(words: string): void {
    this.#said.add(words);
    this.#log.warn(
      `${words} than the other addresses of the peer, and is not used: they have to lead to the same one`,
    );
  }

  /** No attempt can succeed until somebody changes something. */
  hopeless(error: PipeError): void {
    if (this.#saidHopeless === error.message) return;
    this.#saidHopeless = error.message;
    this.#log.error(`${error.message}; app connections are reset until that is set right`);
  }

  /** @param whole whether that was the last one that was missing */
  joined(whole: boolean): void {
    if (this.#troubled || this.#saidHopeless !== '') this.#log.info(`${this.#peer} can be reached again`);
    this.#troubled = false;
    this.#saidHopeless = '';
    if (whole) this.#said.clear();
  }

  /** All connections are lost. What was missing before is another matter. */
  lost(): void {
    this.#said.clear();
  }

  #isNews({ code, message }: PipeError): boolean {
    // Given up by ourselves, for another one.
    if (code === 'cancelled' || this.#said.has(message) || this.#said.size >= MOST_REASONS) return false;
    this.#said.add(message);
    return true;
  }
}
