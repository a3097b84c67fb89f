/**
 * CarrierLog: what becomes of the connections of a striped connection, in lines of log that people understand, at most
 * one a second. What happens in between is counted, and said with the next.
 *
 *     info  striping to 192.0.2.1:22222 over 4 connections
 *     info  lost a connection to 192.0.2.1:22222 (via eth1: no answer in time); 3 of 4 are up
 *     info  4 of 4 connections to 192.0.2.1:22222 are up
 *     warn  lost all connections to 192.0.2.1:22222 (connection reset); 12 app connections wait up to 30s for one
 *     info  again connected to 192.0.2.1:22222 after 2.3s: 1 of 4 connections is up, and 12 app connections go on
 */

import type { Clock } from '../core/clock.ts';
import type { PipeError } from '../core/errors.ts';
import { formatDuration, plural } from '../core/format.ts';
import type { Logger } from '../core/log.ts';
import type { Carrier } from '../layer/trunk/carrier.ts';
import { Gather } from './gather.ts';
import { StallLog } from './stall_log.ts';

/** Reasons that one line names. */
const MOST_REASONS = 3;

export interface CarrierLogOptions {
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly clock: Clock;
  /** `to 192.0.2.1:22222`, `from 192.0.2.7`. */
  readonly whom: string;
  /** How many there should be; null on the side that does not know. */
  readonly wanted: (() => number) | null;
  readonly graceMs: number;
  /** App connections that are open. */
  readonly streams: () => number;
}

export class CarrierLog {
  readonly #options: CarrierLogOptions;
  #up = 0;
  /** What was said last. */
  #saidUp = 0;
  #everUp = false;
  #lost = 0;
  readonly #reasons = new Map<string, number>();
  /** The same without saying which they were: where those are too many. */
  readonly #words = new Map<string, number>();
  #downSince = 0;
  readonly #gather: Gather;
  /** Those that are there and carry nothing. */
  readonly stalls: StallLog;

  constructor(options: CarrierLogOptions) {
    this.#options = options;
    this.#gather = new Gather(options.clock, () => this.#say());
    this.stalls = new StallLog({ ...options, up: () => this.#up });
  }

  joined(): void {
    this.#up++;
    this.#gather.soon();
  }

  /** One is tried, or was tried, and whoever tries it has the say. */
  tried(change: 1 | -1): void {
    this.#up += change;
  }

  /** The other side took one away, with nothing on it. */
  closed(carrier: Carrier): void {
    this.stalls.lost(carrier);
    this.#up--;
    this.#gather.soon();
  }

  /** @param which tells it from the others: `via eth1`; may be empty */
  lost(carrier: Carrier, which: string, error: PipeError | null): void {
    this.stalls.lost(carrier);
    this.#up--;
    this.#lost++;
    if (this.#up === 0) this.#downSince = this.#options.clock.now();
    const words = error === null ? 'closed by the other side' : error.message;
    tally(this.#reasons, which === '' ? words : `${which}: ${words}`);
    tally(this.#words, words);
    this.#gather.soon();
  }

  /** The end of it all, with everything that it carried. @param error why, if that is worth a line */
  over(error: PipeError | null): void {
    this.#gather.stop();
    this.stalls.over();
    if (error === null) return;
    const { log, whom, wanted } = this.#options;
    const byPeer = error.layer === 'peer';
    const line = `the striped connection ${whom} ${byPeer ? 'was ended by the other side' : 'is over'}: ${error.message}`;
    // A client that stops is nothing to a server.
    if (byPeer && wanted === null) log.info(line);
    else log.warn(line);
  }

  #say(): void {
    const { log } = this.#options;
    if (!this.#everUp && this.#up > 0) log.info(this.#begun());
    else if (this.#up === 0) log.warn(this.#allLost());
    else if (this.#saidUp === 0) log.info(this.#back());
    else if (this.#lost > 0) log.info(`${this.#losses()}; ${this.#upNow()}`);
    else if (this.#up !== this.#saidUp) log.info(`${this.#upNow(true)}`);
    this.#everUp = true;
    this.#saidUp = this.#up;
    this.#lost = 0;
    this.#reasons.clear();
    this.#words.clear();
  }

  #begun(): string {
    const { whom, wanted } = this.#options;
    const so =
      wanted !== null && this.#up < wanted()
        ? `${this.#up} of ${plural(wanted(), 'connection')}`
        : plural(this.#up, 'connection');
    return `striping ${whom} over ${so}${this.#lost > 0 ? `; lost ${this.#lost}${this.#why()}` : ''}`;
  }

  #allLost(): string {
    const { graceMs, streams, whom } = this.#options;
    const count = streams();
    const waiting =
      count === 0
        ? ''
        : `; ${plural(count, 'app connection')} ${count === 1 ? 'waits' : 'wait'} up to ${formatDuration(graceMs)} for one`;
    return `lost all connections ${whom}${this.#why()}${waiting}`;
  }

  #back(): string {
    const { clock, streams, whom } = this.#options;
    const count = streams();
    const after = formatDuration(clock.now() - this.#downSince);
    return `again connected ${whom} after ${after}: ${this.#upNow()}${count === 0 ? '' : `, and ${plural(count, 'app connection')} ${count === 1 ? 'goes' : 'go'} on`}`;
  }

  #losses(): string {
    const { whom } = this.#options;
    const count = this.#lost === 1 ? 'a connection' : plural(this.#lost, 'connection');
    return `lost ${count} ${whom}${this.#why()}`;
  }

  #upNow(named = false): string {
    const { wanted, whom } = this.#options;
    const count =
      wanted === null ? plural(this.#up, 'connection') : `${this.#up} of ${plural(wanted(), 'connection')}`;
    return `${count}${named ? ` ${whom}` : ''} ${this.#up === 1 ? 'is' : 'are'} up`;
  }

  #why(): string {
    if (this.#reasons.size === 0) return '';
    const reasons = this.#reasons.size > MOST_REASONS ? this.#words : this.#reasons;
    const all = [...reasons].slice(0, MOST_REASONS);
    return ` (${all.map(([reason, times]) => (times === 1 ? reason : `${times} x ${reason}`)).join('; ')})`;
  }
}

/** Bounded by the connections that can be lost between two lines. */
function tally(reasons: Map<string, number>, reason: string): void {
  reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
}
