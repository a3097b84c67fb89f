/**
 * ServerTrunkHost: the trunks of a server, one for each client, as people see them and meddle with them.
 */

import { PipeError } from '../core/errors.ts';
import type { Trunk } from '../layer/trunk/trunk.ts';
import { conflict, DONE, type Outcome, type TrunkHost, type TrunkView, unknown } from './trunk_host.ts';
import { statusOf } from './trunk_status.ts';

const ASKED = 'somebody asked for it to be dialled again';

export interface NumberedTrunk {
  readonly number: number;
  /** Where the client's first carrier came from. */
  readonly peer: string;
  readonly trunk: Trunk;
}

export class ServerTrunkHost implements TrunkHost {
  readonly #entries: readonly NumberedTrunk[];

  constructor(entries: Iterable<NumberedTrunk>) {
    this.#entries = [...entries];
  }

  get size(): number {
    return this.#entries.length;
  }

  trunks(most: number): TrunkView[] {
    const first = this.#entries.toSorted((a, b) => a.number - b.number).slice(0, most);
    return first.map(({ number, peer, trunk }) => ({
      number,
      peer,
      streams: trunk.streams.size,
      report: trunk.report,
      carriers: statusOf(trunk, number),
    }));
  }

  /** Drops it: it is the client that dials, as soon as it notices. */
  redial(number: number, index: number): Outcome {
    const trunk = this.#entries.find((entry) => entry.number === number)?.trunk;
    const carrier = [...(trunk?.carriers.values() ?? [])].find(({ trace }) => trace.index === index);
    if (trunk === undefined || carrier === undefined)
      return unknown(`there is no carrier ${index} in trunk ${number}`);
    trunk.lose(carrier, new PipeError('cancelled', 'trunk', ASKED));
    return DONE;
  }

  drain(): Outcome {
    return conflict('the client (-c) decides which carriers there are: drain it there');
  }
}
