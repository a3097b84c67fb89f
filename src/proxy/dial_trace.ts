/**
 * Tells whoever subscribed that a client begins to dial a carrier (core/trace.ts).
 */

import { formatEndpoint } from '../core/address.ts';
import { CARRIER_DIAL } from '../core/trace.ts';
import { formatLocalEnd } from '../layer/tcp/local_end.ts';
import type { Path } from './paths.ts';

/** @param index of the slot that it is for */
export function traceDial(index: number, { peer, from }: Path, service = ''): void {
  if (!CARRIER_DIAL.hasSubscribers) return;
  const local = from === null ? null : formatLocalEnd(from);
  CARRIER_DIAL.publish({ service, trunk: 1, index, carrier: null, local, remote: formatEndpoint(peer) });
}
