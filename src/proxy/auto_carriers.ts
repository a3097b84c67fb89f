/**
 * AutoCarriers: `-n auto`. Looks at what the trunk carries while it has streams, and has slots added and taken away as
 * CarrierCount says.
 *
 *     info  striping to 192.0.2.1:22222 over 3 connections now: 57.1 Mbit/s, 38.2 with 2
 *     debug 5 connections to 192.0.2.1:22222 carry 49.0 Mbit/s, 3 carry 48.7: it stays at 3, for 20.0s at least
 */

import type { Cancel, Clock } from '../core/clock.ts';
import { formatDuration } from '../core/format.ts';
import type { Logger } from '../core/log.ts';
import type { Carrier } from '../layer/trunk/carrier.ts';
import type { StripedPipe } from '../layer/trunk/stream.ts';
import type { Trunk } from '../layer/trunk/trunk.ts';
import { CarrierCount, type Verdict } from './carrier_count.ts';

/** Between two looks, and when nothing moves. */
const LOOK_MS = 100;
const LOOK_IDLE_MS = 500;
/** Bytes a millisecond: from a peer that sends less, more connections would not bring more. */
const LEAST_RECEIVED = 32;
/** A peer that has more to send than its carriers take keeps most of them busy: each with at least a tenth of its part. */
const BUSY_CARRIERS = 0.75;
const BUSY_PART = 0.1;
/** Of what a carrier has brought, so much is remembered at the next look. */
const MEMORY = 0.9;

export interface AutoCarriersOptions {
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'debug'>;
  readonly peer: string;
  /** Carriers to begin with, and to keep. */
  readonly least: number;
  /** Slots that have a carrier. */
  readonly up: () => number;
  /** So many slots from now on. */
  readonly resize: (wanted: number) => void;
}

export class AutoCarriers {
  readonly #options: AutoCarriersOptions;
  readonly #count: CarrierCount;
  #cancel: Cancel | null = null;
  #bytes = 0;
  #lookedAt = 0;
  /** How far each stream had come at the last look. */
  readonly #seen = new WeakMap<StripedPipe, number>();
  /** What each carrier had brought by then, and what of it was lately. */
  readonly #brought = new WeakMap<Carrier, { bytes: number; lately: number }>();

  constructor(options: AutoCarriersOptions) {
    this.#options = options;
    this.#count = new CarrierCount(options.clock, options.least);
  }

  /** The trunk has streams. */
  wake(trunk: Trunk): void {
    if (this.#cancel === null) this.#lookLater(trunk, LOOK_MS);
  }

  /** The trunk is over. */
  over(): void {
    this.stop();
    this.#count.forget();
    this.#options.resize(this.#count.wanted);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #lookLater(trunk: Trunk, ms: number): void {
    this.#lookedAt = this.#options.clock.now();
    this.#bytes = trunk.carriedBytes;
    this.#cancel = this.#options.clock.after(ms, () => this.#look(trunk));
  }

  #look(trunk: Trunk): void {
    this.#cancel = null;
    const before = this.#count.wanted;
    if (trunk.streams.size === 0) this.#count.rest();
    else {
      const bytes = trunk.carriedBytes;
      const receiving = this.#isReceiving(trunk);
      const busy = this.#areBusy(trunk);
      const limited = trunk.backlogged || (receiving && busy);
      const sample = { bytes, limited, up: this.#options.up(), rttMs: trunk.rttMs };
      const verdict = this.#count.sample(sample);
      if (verdict !== null) this.#say(verdict);
      this.#lookLater(trunk, bytes === this.#bytes ? LOOK_IDLE_MS : LOOK_MS);
    }
    if (this.#count.wanted !== before) this.#options.resize(this.#count.wanted);
  }

  /**
   * The peer sends, and at least half of it is not held up by apps that do not read. Whether it would have more to say is
   * not known here, only guessed at by the carriers that it uses; where it has not, more of them bring no more, and do not stay.
   */
  #isReceiving(trunk: Trunk): boolean {
    let received = 0;
    let taken = 0;
    for (const stream of trunk.streams.values()) {
      const { highest } = stream.receiving;
      const fresh = highest - (this.#seen.get(stream) ?? 0);
      if (fresh === 0) continue;
      this.#seen.set(stream, highest);
      received += fresh;
      if (!stream.readable) taken += fresh;
    }
    const least = LEAST_RECEIVED * (this.#options.clock.now() - this.#lookedAt);
    return received >= least && taken >= received / 2;
  }

  /** Whether the peer uses most of the carriers: it takes the one that is free first, and others only when that is full. */
  #areBusy(trunk: Trunk): boolean {
    const lately = [...trunk.carriers.values()].map((carrier) => {
      const before = this.#brought.get(carrier);
      const bytes = carrier.receivedBytes;
      const now = MEMORY * (before?.lately ?? 0) + bytes - (before?.bytes ?? bytes);
      this.#brought.set(carrier, { bytes, lately: now });
      return now;
    });
    const part = lately.reduce((sum, bytes) => sum + bytes, 0) / lately.length;
    const busy = lately.filter((bytes) => bytes > BUSY_PART * part).length;
    return busy >= BUSY_CARRIERS * lately.length;
  }

  #say({ from, to, stays, before, after, againMs }: Verdict): void {
    const { log, peer } = this.#options;
    if (stays && after !== null) {
      const less = to < from ? `, and ${from} were no faster` : `, ${mbit(before)} with ${from}`;
      log.info(`striping to ${peer} over ${to} connections now: ${mbit(after)} Mbit/s${less}`);
      return;
    }
    const why =
      after === null
        ? `not all of ${to} connections to ${peer} came`
        : `${to} connections to ${peer} carry ${mbit(after)} Mbit/s, ${from} carry ${mbit(before)}`;
    log.debug(`${why}: it stays at ${from}, for ${formatDuration(againMs)} at least`);
  }
}

/** Of bytes per millisecond. */
function mbit(rate: number): string {
  return ((rate * 8) / 1000).toFixed(1);
}
