/**
 * LocalEnd: where on this machine a connection begins, for those with several uplinks.
 *
 *     192.0.2.7     bind(2): the connection has this source address; which interface it leaves through is for the
 *                   routes to say
 *     eth1          SO_BINDTODEVICE: it leaves through this interface, with an address of it, whatever the routes for
 *                   other interfaces say. Without the addon, the interface's address is bound instead
 */

import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { AddressError } from '../../core/address.ts';
import { PipeError } from '../../core/errors.ts';
import { escapeText } from '../../core/format.ts';

export type LocalEnd =
  | { readonly family: 4 | 6; readonly host: string; readonly device?: never }
  | { readonly device: string; readonly host?: never; readonly family?: never };

/** IFNAMSIZ (net/if.h) with its terminator; a name has neither slashes nor spaces (dev_valid_name in the kernel). */
const DEVICE_NAME = /^[^\s/:,]{1,15}$/;

/** One address or one interface. @throws AddressError */
export function parseLocalEnd(text: string): LocalEnd {
  const host = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  const family = isIP(host);
  if (family === 4 || family === 6) return { family, host };
  // Numbers and dots are meant as an address.
  if (host === text && DEVICE_NAME.test(text) && !/^[\d.]+$/.test(text) && text !== '..')
    return { device: text };
  throw new AddressError(
    `'${escapeText(text)}' is neither an IP address nor the name of a network interface of this machine`,
  );
}

export function formatLocalEnd(end: LocalEnd): string {
  return end.device ?? end.host;
}

/** Why a connection to an address of `family` cannot begin there, or null. */
export function familyProblem(end: LocalEnd, family: 4 | 6 | 'unix'): PipeError | null {
  if (family === 'unix')
    return new PipeError('address-invalid', 'tcp', 'a Unix socket has no way through a network interface');
  if (end.device !== undefined || end.family === family) return null;
  const words = `${end.host} is an IPv${end.family} address, and cannot reach an IPv${family} one`;
  return new PipeError('address-invalid', 'tcp', words);
}

/** An interface's address from which a destination can be reached, by what node:os tells; null if it has none now. */
export function addressOfDevice(device: string, to: { family: 4 | 6; host: string }): string | null {
  const linkLocal = /^fe[89ab]/i;
  const near = linkLocal.test(to.host);
  for (const { family, address } of networkInterfaces()[device] ?? []) {
    if (family !== `IPv${to.family}`) continue;
    if (to.family === 4) return address;
    if (linkLocal.test(address) === near) return near ? `${address}%${device}` : address;
  }
  return null;
}

/** There is no such interface, or no interface with that address. */
export function unknownLocalEnd(end: LocalEnd): PipeError {
  const what =
    end.device !== undefined
      ? `this machine has no network interface '${escapeText(end.device)}'`
      : `no network interface of this machine has the address ${end.host}`;
  return new PipeError('address-invalid', 'tcp', `${what}; it has ${here()}`);
}

/** `lo (127.0.0.1, ::1), eth0 (192.0.2.7)`. */
function here(): string {
  const all = Object.entries(networkInterfaces()).map(([name, addresses = []]) => {
    const usable = addresses.filter(({ address }) => !address.startsWith('fe80:'));
    return usable.length === 0 ? name : `${name} (${usable.map(({ address }) => address).join(', ')})`;
  });
  return all.length === 0 ? 'none that is up' : all.join(', ');
}
