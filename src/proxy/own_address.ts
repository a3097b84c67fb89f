/**
 * Whether an address leads back to this program: a proxy that dials itself goes round until all its descriptors are used.
 */

import { BlockList } from 'node:net';
import { networkInterfaces } from 'node:os';
import { resolve } from 'node:path';
import type { SocketAddress } from '../core/address.ts';

const FAMILIES = { 4: 'ipv4', 6: 'ipv6' } as const;

/** Whether somebody who listens at `listening` is reached at `address`. */
export function leadsTo(address: SocketAddress, listening: SocketAddress): boolean {
  if (address.family === 'unix') return listening.family === 'unix' && samePath(address.path, listening.path);
  if (listening.family === 'unix' || address.port !== listening.port) return false;
  // Also knows that [::ffff:192.0.2.1] is 192.0.2.1, and that IPv6 addresses have several spellings.
  const reached = new BlockList();
  const host = withoutScope(listening.host);
  if (host === '::' || host === '0.0.0.0') addThisMachine(reached, host === '::');
  else {
    reached.addAddress(host, FAMILIES[listening.family]);
    // To connect to "any address" is to connect to the loopback one.
    if (reached.check('127.0.0.1')) reached.addAddress('0.0.0.0');
    if (reached.check('::1', 'ipv6')) reached.addAddress('::', 'ipv6');
  }
  return reached.check(withoutScope(address.host), FAMILIES[address.family]);
}

function addThisMachine(addresses: BlockList, withIPv6: boolean): void {
  addresses.addAddress('0.0.0.0');
  addresses.addSubnet('127.0.0.0', 8);
  if (withIPv6) for (const host of ['::', '::1']) addresses.addAddress(host, 'ipv6');
  for (const own of Object.values(networkInterfaces()).flat()) {
    if (own === undefined) continue;
    if (own.family === 'IPv4') addresses.addAddress(own.address);
    else if (withIPv6) addresses.addAddress(own.address, 'ipv6');
  }
}

function withoutScope(host: string): string {
  return host.replace(/%.*$/, '');
}

function samePath(a: string, b: string): boolean {
  // Abstract ones (a NUL in front) are names, not files.
  return a.startsWith('\0') || b.startsWith('\0') ? a === b : resolve(a) === resolve(b);
}
