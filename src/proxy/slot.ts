/**
 * CarrierSlot: the place of one carrier, and when it is dialled again.
 *
 *     dial -> handshake -> carrier -> (lost) -> pause -> dial ...
 *       |          |
 *       +----------+----> (failed) -----------> pause
 *
 * Pauses double from one to the next, and are jittered so that slots that failed together do not come back together. A
 * carrier that was lost as soon as it was there, before it carried anything, does not shorten them. Each attempt has a
 * source port of its own, which may be another way through the network.
 *
 * A slot whose carrier had to go to another address of the peer may dial its own, and has both for a moment (way_home.ts).
 */

import type { Cancel, Clock } from '../core/clock.ts';
import type { PipeError } from '../core/errors.ts';
import type { Carrier } from '../layer/trunk/carrier.ts';

/** Between two attempts. */
const REDIAL_FIRST_MS = 100;
const REDIAL_MOST_MS = 5000;
/** When it fails again until somebody changes something; before the jitter. */
const REDIAL_HOPELESS_MS = 10_000;
/** While an app waits. */
const REDIAL_WANTED_MS = 1000;
/** Attempts to go its own way, before it goes to another address of the peer. */
const OWN_WAY_TRIES = 3;
/** A carrier that lived so long, or carried so much, was one: where something resets them now and then, others soon follow. */
const LIVED_MS = 1000;
const CARRIED_BYTES = 32 * 1024;

export class CarrierSlot {
  readonly number: number;
  carrier: Carrier | null = null;
  /** Which way its connection goes, in words. */
  way = '';
  /** Its carrier goes to another address of the peer than its own. */
  away = false;
  /** Attempts that failed since there was a carrier. */
  failures = 0;
  /** There was a carrier once. */
  hasJoined = false;
  /** It was added later, by somebody who says so. */
  readonly isExtra: boolean;
  /** What it does while it has no carrier. */
  stage: 'dialling' | 'joining' | 'waiting' | 'drained' = 'waiting';
  readonly #clock: Clock;
  readonly #dial: (slot: CarrierSlot) => Cancel;
  /** Stops whatever it is doing: dialling, joining, waiting. */
  #cancel: Cancel | null = null;
  #step = 0;
  #pausing = false;
  #pauseMs = REDIAL_FIRST_MS;
  #pausedAt = 0;
  #joinedAt = 0;
  /** Attempts that failed while others had carriers, since there was one that went its own way. */
  #failuresBeside = 0;

  /** @param dial starts an attempt; whoever is told of its end says so here */
  constructor(number: number, clock: Clock, isExtra: boolean, dial: (slot: CarrierSlot) => Cancel) {
    this.number = number;
    this.isExtra = isExtra;
    this.#clock = clock;
    this.#dial = dial;
  }

  /**
   * How far from its own way the next attempt goes, as {@link Paths.of} counts it. Without others at work any way will do.
   * With them, its own, until that has failed for a while or is known to be no use.
   */
  detour(beside: boolean, hopeless: boolean): number {
    // Its own is what it tries when it has one already.
    if (this.carrier !== null) return 0;
    if (!beside) return this.failures;
    return Math.max(0, this.#failuresBeside + 1 - (hopeless ? 0 : OWN_WAY_TRIES));
  }

  /** Whether a failure is worth a line. What is lost may fail once before it is there again. */
  isNews({ code }: PipeError): boolean {
    return !this.hasJoined || this.failures > 1 || code === 'address-invalid';
  }

  dial(): void {
    this.stage = 'dialling';
    this.#during(() => this.#dial(this));
  }

  /** The connection is there. @param begin starts the handshake, or waits for its turn */
  handshake(begin: () => Cancel): void {
    this.stage = 'joining';
    this.#during(begin);
  }

  /** @param away whether it goes to another address of the peer than its own */
  onJoined(carrier: Carrier, away: boolean): void {
    this.#step++;
    this.#cancel = null;
    this.#joinedAt = this.#clock.now();
    this.carrier = carrier;
    this.away = away;
    this.failures = 0;
    if (!away) this.#failuresBeside = 0;
    this.hasJoined = true;
  }

  /** It has a carrier that is away, and is not on its way home. */
  get mayGoHome(): boolean {
    return this.away && this.#cancel === null;
  }

  /** Its own way fails still; it keeps the carrier that it has. */
  staysAway(): void {
    this.#step++;
    this.#cancel = null;
  }

  /**
   * @param hopeless whether it fails again until somebody changes something
   * @param wanted whether somebody waits for it
   * @param beside whether others had carriers
   */
  onFailed(hopeless: boolean, wanted: boolean, beside: boolean): void {
    this.failures++;
    if (beside) this.#failuresBeside++;
    this.#dialLater(hopeless ? REDIAL_HOPELESS_MS : 0, wanted ? REDIAL_WANTED_MS : REDIAL_MOST_MS);
  }

  /** No slot has a carrier any more: what was known of single ways counts no more. */
  onAllLost(): void {
    this.#failuresBeside = 0;
  }

  onLost(): void {
    this.stop();
    const { deliveredBytes = 0, receivedBytes = 0 } = this.carrier ?? {};
    this.carrier = null;
    this.away = false;
    const lived = this.#clock.now() - this.#joinedAt >= LIVED_MS;
    if (lived || deliveredBytes + receivedBytes >= CARRIED_BYTES) this.#pauseMs = REDIAL_FIRST_MS;
    this.#dialLater(0, REDIAL_MOST_MS);
  }

  /** Its carrier is taken out of use, and nobody dials another one until somebody says {@link redial}. */
  drain(): void {
    this.stop();
    this.carrier = null;
    this.away = false;
    this.stage = 'drained';
  }

  /** Dials at once, whatever it was doing. It has no carrier. */
  redial(): void {
    this.stop();
    this.dial();
  }

  /** Somebody waits: a long pause ends, a short one does not. */
  hurry(): void {
    if (!this.#pausing || this.#clock.now() - this.#pausedAt < REDIAL_WANTED_MS) return;
    this.stop();
    this.dial();
  }

  stop(): void {
    this.#step++;
    this.#cancel?.();
    this.#cancel = null;
    this.#pausing = false;
  }

  #dialLater(leastMs: number, mostMs: number): void {
    this.stage = 'waiting';
    const pauseMs = Math.max(leastMs, Math.min(mostMs, this.#pauseMs)) * (0.5 + Math.random() / 2);
    this.#pauseMs = Math.min(2 * this.#pauseMs, REDIAL_MOST_MS);
    this.#pausedAt = this.#clock.now();
    this.#during(() => this.#clock.after(pauseMs, () => this.dial()));
    this.#pausing = true;
  }

  /** What is started may be over, and have led to the next step, before it returns. */
  #during(start: () => Cancel): void {
    this.#pausing = false;
    const step = ++this.#step;
    const cancel = start();
    if (this.#step === step) this.#cancel = cancel;
  }
}
