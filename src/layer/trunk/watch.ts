/**
 * CarrierWatch: what time does to a trunk. One timer, set for whatever comes due first:
 *
 *     an ACK that has waited long enough     a carrier whose head of line is overdue    a carrier that wants a ping
 *     a carrier that is dead                 a better carrier waited for in vain        no carrier at all for too long
 */

import type { Cancel, Clock } from '../../core/clock.ts';
import type { Carrier } from './carrier.ts';

/** An ACK waits this long for company, unless this much has come. */
const ACK_DELAY_MS = 5;
const ACK_EVERY_BYTES = 256 * 1024;
/** A carrier that was silent so long is asked, and one that does not answer so long is given up. */
const PING_IDLE_MS = 5000;
const DEAD_MS = 15_000;
/** A carrier that has been stalled for so long is stuck, and somebody may want to know. */
export const STUCK_MS = 2000;

/** What becomes due. */
export interface WatchHandlers {
  onOverdue(carrier: Carrier, now: number): void;
  onPing(carrier: Carrier, now: number): void;
  onDead(carrier: Carrier): void;
  onCarrierless(): void;
  /** Called last, whatever came due. */
  onTick(): void;
}

/** For whoever tells people. */
export interface StallHandlers {
  /** It has been stalled for {@link STUCK_MS}. */
  onStuck(carrier: Carrier): void;
  /** It was stuck, and moves. */
  onMoving(carrier: Carrier): void;
}

interface Stall {
  readonly since: number;
  /** It is long enough, and that was said. */
  told: boolean;
}

export class CarrierWatch {
  readonly #clock: Clock;
  readonly #carriers: ReadonlyMap<number, Carrier>;
  readonly #graceMs: number;
  readonly #handlers: WatchHandlers;
  #cancel: Cancel | null = null;
  #timerAt = Number.POSITIVE_INFINITY;
  #carrierlessSince: number;
  #unreportedSince = Number.POSITIVE_INFINITY;
  #unreportedBytes = 0;
  readonly #stalls = new Map<Carrier, Stall>();
  stallHandlers: StallHandlers | null = null;

  constructor(
    clock: Clock,
    carriers: ReadonlyMap<number, Carrier>,
    graceMs: number,
    handlers: WatchHandlers,
  ) {
    this.#clock = clock;
    this.#carriers = carriers;
    this.#graceMs = graceMs;
    this.#handlers = handlers;
    this.#carrierlessSince = clock.now();
  }

  /** Carriers came or went. */
  onCarriers(): void {
    if (this.#carriers.size > 0) this.#carrierlessSince = Number.POSITIVE_INFINITY;
    else if (this.#carrierlessSince === Number.POSITIVE_INFINITY) this.#carrierlessSince = this.#clock.now();
  }

  /** A datagram came that is to be acknowledged. */
  onUnreported(bytes: number, now: number): void {
    this.#unreportedBytes += bytes;
    this.#unreportedSince = Math.min(this.#unreportedSince, now);
  }

  /** Whether it is time to acknowledge; the caller does it then. */
  takeAcksDue(now: number): boolean {
    const due = now - this.#unreportedSince >= ACK_DELAY_MS || this.#unreportedBytes >= ACK_EVERY_BYTES;
    if (!due) return false;
    this.#unreportedBytes = 0;
    this.#unreportedSince = Number.POSITIVE_INFINITY;
    return true;
  }

  /** Sets the timer. `waitUntil` is the caller's own deadline, or Infinity. */
  schedule(now: number, waitUntil: number): void {
    let due = Math.min(waitUntil, this.#unreportedSince + ACK_DELAY_MS, this.#lookAtStalls(now));
    for (const carrier of this.#carriers.values()) {
      due = Math.min(due, carrier.overdueAt, carrier.pingAt(PING_IDLE_MS), carrier.deadAt(DEAD_MS));
    }
    if (this.#carriers.size === 0) due = Math.min(due, this.#carrierlessSince + this.#graceMs);
    // Most of what is due moves on with every datagram. A timer that fires too early costs less than one set anew each time.
    if (due >= this.#timerAt) return;
    this.stop();
    this.#timerAt = due;
    // Rounded up: a timer that fires a hair too early finds nothing to do, and asks for another one.
    this.#cancel = this.#clock.after(Math.max(1, Math.ceil(due - now)), () => {
      this.#cancel = null;
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#onTime();
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  /** @returns when to look again */
  #lookAtStalls(now: number): number {
    let due = Number.POSITIVE_INFINITY;
    for (const [carrier, stall] of this.#stalls) {
      const isHere = this.#carriers.get(carrier.id) === carrier;
      if (!isHere || !carrier.stalled) {
        this.#stalls.delete(carrier);
        if (isHere && stall.told) this.stallHandlers?.onMoving(carrier);
      } else if (!stall.told && now - stall.since >= STUCK_MS) {
        stall.told = true;
        this.stallHandlers?.onStuck(carrier);
      } else if (!stall.told) due = Math.min(due, stall.since + STUCK_MS);
    }
    return due;
  }

  #onTime(): void {
    const now = this.#clock.now();
    if (this.#carriers.size === 0 && now - this.#carrierlessSince >= this.#graceMs)
      this.#handlers.onCarrierless();
    for (const carrier of [...this.#carriers.values()]) {
      if (now >= carrier.deadAt(DEAD_MS)) this.#handlers.onDead(carrier);
      else {
        if (now >= carrier.pingAt(PING_IDLE_MS)) this.#handlers.onPing(carrier, now);
        if (now >= carrier.overdueAt) this.#handlers.onOverdue(carrier, now);
        if (carrier.stalled && !this.#stalls.has(carrier))
          this.#stalls.set(carrier, { since: now, told: false });
      }
    }
    this.#handlers.onTick();
  }
}
