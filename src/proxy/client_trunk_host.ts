/**
 * ClientTrunkHost: the one trunk of a client, as people see it and meddle with it.
 */

import { PipeError } from '../core/errors.ts';
import type { Carrier } from '../layer/trunk/carrier.ts';
import type { Trunk } from '../layer/trunk/trunk.ts';
import type { CarrierSlot } from './slot.ts';
import { conflict, DONE, type Outcome, type TrunkHost, type TrunkView, unknown } from './trunk_host.ts';
import { statusOfClient } from './trunk_status.ts';

const ASKED = 'somebody asked for it to be dialled again';

export class ClientTrunkHost implements TrunkHost {
  readonly size = 1;
  readonly #peer: string;
  readonly #trunk: Trunk | null;
  readonly #slots: Iterable<CarrierSlot>;
  readonly #onClosed: (carrier: Carrier) => void;

  /** @param onClosed is told of a carrier that is taken out of use */
  constructor(
    peer: string,
    trunk: Trunk | null,
    slots: Iterable<CarrierSlot>,
    onClosed: (carrier: Carrier) => void,
  ) {
    this.#onClosed = onClosed;
    this.#peer = peer;
    this.#trunk = trunk;
    this.#slots = slots;
  }

  trunks(most: number): TrunkView[] {
    if (most < 1) return [];
    const trunk = this.#trunk;
    const carriers = statusOfClient(this.#slots, trunk);
    const report = trunk?.report ?? null;
    return [{ number: 1, peer: this.#peer, streams: trunk?.streams.size ?? 0, report, carriers }];
  }

  redial(trunk: number, index: number): Outcome {
    const slot = this.#find(trunk, index);
    if (slot === null) return unknown(`there is no carrier ${index} in trunk ${trunk}`);
    // Losing it makes the slot wait for a moment before it dials.
    if (slot.carrier !== null) this.#trunk?.lose(slot.carrier, new PipeError('cancelled', 'trunk', ASKED));
    // One that is being dialled may be about to make the trunk.
    if (slot.stage === 'waiting' || slot.stage === 'drained') slot.redial();
    return DONE;
  }

  drain(trunk: number, index: number): Outcome {
    const slot = this.#find(trunk, index);
    if (slot === null) return unknown(`there is no carrier ${index} in trunk ${trunk}`);
    const { carrier, stage } = slot;
    if (carrier === null && stage === 'drained') return DONE;
    const others = [...this.#slots].some((other) => other !== slot && other.carrier !== null);
    if (!others)
      return conflict(`carrier ${index} is the only one that is up: nothing would be left to carry data`);
    slot.drain();
    if (carrier === null) return DONE;
    this.#onClosed(carrier);
    this.#trunk?.retire(carrier);
    return DONE;
  }

  #find(trunk: number, index: number): CarrierSlot | null {
    return trunk === 1 ? ([...this.#slots].find(({ number }) => number === index) ?? null) : null;
  }
}
