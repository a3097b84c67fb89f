/**
 * What the log calls somebody who connected to us.
 */

import { type Endpoint, formatAddress, type SocketAddress } from '../core/address.ts';

/** Who has no address: most clients of a Unix socket, and of TCP who was gone before it was accepted. */
export function namelessAt(listen: Endpoint): string {
  return listen.path === undefined ? 'a client already gone' : 'a unix client';
}

export function nameOf(from: SocketAddress | null, nameless: string): string {
  return from === null ? nameless : formatAddress(from);
}

/** Without the port, which tells the connections of one client apart. */
export function hostOf(from: SocketAddress | null, nameless: string): string {
  return from === null || from.family === 'unix' ? nameOf(from, nameless) : from.host;
}

/** One of several connections of a client, in a line that names its host already: `port 40000`. */
export function nameBeside(from: SocketAddress | null, host: string, nameless: string): string {
  const name = nameOf(from, nameless);
  if (name === host) return '';
  return from !== null && from.family !== 'unix' && from.host === host ? `port ${from.port}` : name;
}
