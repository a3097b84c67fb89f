/**
 * Slots: the places of a trunk's carriers, as many as are wanted; the last ones come and go.
 */

import type { Cancel, Clock } from '../core/clock.ts';
import type { Carrier } from '../layer/trunk/carrier.ts';
import { CarrierSlot } from './slot.ts';

export class Slots implements Iterable<CarrierSlot> {
  readonly #clock: Clock;
  readonly #dial: (slot: CarrierSlot) => Cancel;
  readonly #slots: CarrierSlot[] = [];

  /** @param dial starts an attempt for a slot, as it is told to */
  constructor(wanted: number, clock: Clock, dial: (slot: CarrierSlot) => Cancel) {
    this.#clock = clock;
    this.#dial = dial;
    this.#grow(wanted, false);
  }

  [Symbol.iterator](): Iterator<CarrierSlot> {
    return this.#slots.values();
  }

  get wanted(): number {
    return this.#slots.length;
  }
  /** Those that have a carrier. */
  get up(): number {
    return this.#slots.filter(({ carrier }) => carrier !== null).length;
  }
  /** Whether all have one. */
  get whole(): boolean {
    return this.#slots.every(({ carrier }) => carrier !== null);
  }
  /** A carrier goes to another address of the peer than its slot should. */
  get away(): boolean {
    return this.#slots.some(({ away }) => away);
  }

  of(carrier: Carrier): CarrierSlot | undefined {
    return this.#slots.find((slot) => slot.carrier === carrier);
  }

  dial(): void {
    for (const slot of this.#slots) slot.dial();
  }

  /** Somebody waits. */
  hurry(): void {
    for (const slot of this.#slots) slot.hurry();
  }

  onAllLost(): void {
    for (const slot of this.#slots) slot.onAllLost();
  }

  stop(): void {
    for (const slot of this.#slots) slot.stop();
  }

  /** So many from now on. @returns the carriers that have no place any more */
  resize(wanted: number): Carrier[] {
    const gone = this.#slots.splice(wanted);
    for (const slot of gone) slot.stop();
    for (const slot of this.#grow(wanted, true)) slot.dial();
    return gone.map(({ carrier }) => carrier).filter((carrier) => carrier !== null);
  }

  #grow(wanted: number, isExtra: boolean): CarrierSlot[] {
    const before = this.#slots.length;
    while (this.#slots.length < wanted)
      this.#slots.push(new CarrierSlot(this.#slots.length, this.#clock, isExtra, this.#dial));
    return this.#slots.slice(before);
  }
}
