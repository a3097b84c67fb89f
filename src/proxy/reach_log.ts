/**
 * ReachLog: why a client that stripes does not reach its peer, or not with all its connections. Each reason is said once,
 * until all connections are there again.
 *
 *     warn  cannot connect to 192.0.2.1:22222: ...; it is tried again, and app connections wait up to 10.0s for it
 *     info  192.0.2.1:22222 can be reached again
 *     warn  a connection is missing, and is tried again: cannot connect to 192.0.2.2:22222: ...
 *     error 192.0.2.1:22222 refuses: the keys differ: ...; new app connections are reset until that is set right
 */

import type { Cancel, Clock } from '../core/clock.ts';
import type { PipeError } from '../core/errors.ts';
import { formatDuration } from '../core/format.ts';
import type { Logger } from '../core/log.ts';

/** What others say may differ each time. */
const MOST_REASONS = 16;
/** While others may answer, one that does not is no trouble yet. */
const PATIENCE_MS = 300;

export class ReachLog {
  readonly #log: Logger;
  readonly #peer: string;
  readonly #waitMs: number;
  readonly #clock: Clock;
  readonly #said = new Set<string>();
  /** Why the peer was not reached, for now. */
  #unsaid: PipeError[] = [];
  #cancel: Cancel | null = null;
  /** Ways that do not work, and that was said. */
  readonly #left = new Set<string>();
  #saidHopeless = '';
  /** It was said that the peer cannot be reached. */
  #troubled = false;

  /** @param peer its addresses @param waitMs how long apps wait for a connection to it */
  constructor(log: Logger, clock: Clock, peer: string, waitMs: number) {
    this.#clock = clock;
    this.#log = log;
    this.#peer = peer;
    this.#waitMs = waitMs;
  }

  /** There is no connection at all, and this attempt has failed. */
  unreached(error: PipeError): void {
    if (!this.#isNews(error)) return;
    this.#unsaid.push(error);
    this.#cancel ??= this.#clock.after(PATIENCE_MS, () => {
      this.#troubled = true;
      const wait = formatDuration(this.#waitMs);
      for (const { message } of this.#takeUnsaid())
        this.#log.warn(`${message}; it is tried again, and app connections wait up to ${wait} for it`);
    });
  }

  /** There are connections, but not this one. */
  missing(error: PipeError): void {
    if (this.#isNews(error)) this.#sayMissing(error);
  }

  #sayMissing({ message }: PipeError): void {
    this.#log.warn(`a connection is missing, and is tried again: ${message}`);
  }

  /** The slots of this way have carriers that go elsewhere. @param every how often it is tried again, in milliseconds */
  left(way: string, every: number): void {
    if (this.#left.has(way)) return;
    this.#left.add(way);
    const again = `it is tried again every ${formatDuration(every)}`;
    this.#log.info(`${way} does not work: its connections go to other addresses of the peer, and ${again}`);
  }

  /** A slot has a carrier that goes its own way. */
  taken(way: string): void {
    if (this.#left.delete(way)) this.#log.info(`${way} works again, and gets its connections back`);
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
    this.#takeUnsaid();
    this.#log.error(`${error.message}; new app connections are reset until that is set right`);
  }

  /** @param whole whether that was the last one that was missing */
  joined(whole: boolean): void {
    if (this.#troubled || this.#saidHopeless !== '') this.#log.info(`${this.#peer} can be reached again`);
    this.#troubled = false;
    this.#saidHopeless = '';
    for (const error of this.#takeUnsaid()) if (!whole) this.#sayMissing(error);
    if (whole) this.#said.clear();
  }

  /** All connections are lost. What was missing before is another matter. */
  lost(): void {
    this.#said.clear();
  }

  stop(): void {
    this.#takeUnsaid();
  }

  #takeUnsaid(): PipeError[] {
    this.#cancel?.();
    this.#cancel = null;
    const unsaid = this.#unsaid;
    this.#unsaid = [];
    return unsaid;
  }

  #isNews({ code, message }: PipeError): boolean {
    // Given up by ourselves, for another one.
    if (code === 'cancelled' || this.#said.has(message) || this.#said.size >= MOST_REASONS) return false;
    this.#said.add(message);
    return true;
  }
}
