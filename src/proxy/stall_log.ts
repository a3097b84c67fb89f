/**
 * StallLog: connections of a striped connection that are there and carry nothing, as when a path loses all packets: until
 * they are given up, nothing else tells.
 *
 *     warn  connection 2 of 4 to 192.0.2.1:22222 has carried nothing for 2.0s; its traffic goes over the others
 *     info  connection 2 of 4 to 192.0.2.1:22222 carries again
 */

import type { Clock } from '../core/clock.ts';
import { formatDuration } from '../core/format.ts';
import type { Logger } from '../core/log.ts';
import type { Carrier } from '../layer/trunk/carrier.ts';
import { STUCK_MS } from '../layer/trunk/watch.ts';
import { Gather } from './gather.ts';

/** That one line names. */
const MOST_WAYS = 3;

export interface StallLogOptions {
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly clock: Clock;
  /** `to 192.0.2.1:22222`, `from 192.0.2.7`. */
  readonly whom: string;
  /** Connections that there are. */
  readonly up: () => number;
}

/** How a line names one connection. */
export interface CarrierName {
  /** `connection 2 of 4 to 192.0.2.1:22222`. */
  readonly whole: string;
  /** Which way it goes, beside what `whom` says: `via eth1`. May be empty. */
  readonly way: string;
}

export class StallLog {
  readonly #options: StallLogOptions;
  readonly #gather: Gather;
  readonly #stuck = new Map<Carrier, CarrierName>();
  /** Those of which it was said. */
  readonly #said = new Map<Carrier, CarrierName>();

  constructor(options: StallLogOptions) {
    this.#options = options;
    this.#gather = new Gather(options.clock, () => this.#say());
  }

  /** It has been stalled for {@link STUCK_MS}. */
  stuck(carrier: Carrier, name: CarrierName): void {
    this.#stuck.set(carrier, name);
    this.#gather.soon();
  }

  moving(carrier: Carrier): void {
    if (this.#stuck.delete(carrier)) this.#gather.soon();
  }

  /** It is lost, which is said elsewhere. */
  lost(carrier: Carrier): void {
    this.#stuck.delete(carrier);
    this.#said.delete(carrier);
  }

  over(): void {
    this.#gather.stop();
  }

  #say(): void {
    const { log } = this.#options;
    const stuck = [...this.#stuck].filter(([carrier]) => !this.#said.has(carrier));
    const moving = [...this.#said].filter(([carrier]) => !this.#stuck.has(carrier));
    for (const [carrier, name] of stuck) this.#said.set(carrier, name);
    for (const [carrier] of moving) this.#said.delete(carrier);
    if (stuck.length > 0) log.warn(this.#stuckWords(stuck.map(([, name]) => name)));
    if (moving.length > 0) log.info(this.#movingWords(moving.map(([, name]) => name)));
  }

  #stuckWords(names: readonly CarrierName[]): string {
    const { up, whom } = this.#options;
    const time = formatDuration(STUCK_MS);
    const all = this.#stuck.size >= up();
    const which =
      all && up() > 1
        ? `none of the ${up()} connections ${whom} has carried anything for ${time}`
        : `${this.#subject(names)} ${names.length === 1 ? 'has' : 'have'} carried nothing for ${time}`;
    if (all) return `${which}; what they should carry waits`;
    return `${which}; ${names.length === 1 ? 'its' : 'their'} traffic goes over the others`;
  }

  #movingWords(names: readonly CarrierName[]): string {
    return `${this.#subject(names)} ${names.length === 1 ? 'carries' : 'carry'} again`;
  }

  #subject(names: readonly CarrierName[]): string {
    const { up, whom } = this.#options;
    const [first] = names;
    if (names.length === 1 && first !== undefined) return first.whole;
    const ways = [...new Set(names.map(({ way }) => way))].filter((way) => way !== '');
    const named = `${ways.slice(0, MOST_WAYS).join(', ')}${ways.length > MOST_WAYS ? ', ...' : ''}`;
    return `${names.length} of ${up()} connections ${whom}${named === '' ? '' : ` (${named})`}`;
  }
}
