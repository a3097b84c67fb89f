/**
 * What carriers are called, for whoever watches.
 */

import { formatAddress, type SocketAddress } from '../core/address.ts';
import type { CarrierAbout } from '../layer/trunk/carrier.ts';
import type { Link } from '../layer/trunk/join.ts';
import type { Reached } from './attempt.ts';

/** Our end of a connection. */
export type LocalOf = (link: Link) => SocketAddress | null;

export function aboutCarrier({ slot, link, address }: Reached, localOf?: LocalOf): CarrierAbout {
  return { index: slot.number, local: addressName(localOf?.(link)), remote: formatAddress(address) };
}

export function addressName(address: SocketAddress | null | undefined): string | null {
  return address === null || address === undefined ? null : formatAddress(address);
}
