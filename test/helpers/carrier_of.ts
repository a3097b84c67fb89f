/** A carrier as it is at time 0, in a trunk without a name. */

import { Carrier } from '../../src/layer/trunk/carrier.ts';
import { NAMELESS } from '../../src/layer/trunk/options.ts';
import type { IoPipe } from '../../src/pipe/pipe.ts';

export function carrierOf(id: number, pipe: IoPipe<'messages'>): Carrier {
  return new Carrier(id, pipe, 0, { ...NAMELESS, index: id, carrier: id, local: null, remote: null });
}
