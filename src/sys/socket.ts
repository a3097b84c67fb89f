// Socket addresses as a type, and the calls that take or give one.

import type { SocketAddress } from '../core/address.ts';
import type { NativeAddon, NativeAddress, NativeFamily } from './addon.ts';
import { EINVAL } from './errno.ts';

const UNIX = 1;

/** A new stream socket for addresses of this kind: its descriptor or a negative errno. */
export function openSocket(addon: NativeAddon, address: SocketAddress): number {
  return addon.socket(nativeFamily(address));
}

/** 0 or a negative errno: -EINVAL if the host is not numeric, -EADDRINUSE, -EADDRNOTAVAIL, -EACCES ... */
export function bindSocket(addon: NativeAddon, fd: number, address: SocketAddress): number {
  if (!isPort(address)) return -EINVAL;
  return address.family === 'unix'
    ? addon.bind(fd, UNIX, address.path, 0)
    : addon.bind(fd, address.family, address.host, address.port);
}

/** 0 or a negative errno; -EINPROGRESS is normal. */
export function connectSocket(addon: NativeAddon, fd: number, address: SocketAddress): number {
  if (!isPort(address)) return -EINVAL;
  return address.family === 'unix'
    ? addon.connect(fd, UNIX, address.path, 0)
    : addon.connect(fd, address.family, address.host, address.port);
}

/** Our end, or a negative errno. */
export function localAddressOf(addon: NativeAddon, fd: number): SocketAddress | number {
  return typed(addon.localAddress(fd));
}

/** The other end, or a negative errno: -ENOTCONN before the connection is up and after it was reset. */
export function peerAddressOf(addon: NativeAddon, fd: number): SocketAddress | number {
  return typed(addon.peerAddress(fd));
}

function nativeFamily(address: SocketAddress): NativeFamily {
  return address.family === 'unix' ? UNIX : address.family;
}

/** A port comes from users and config files, so that a bad one is an answer here and not an exception. */
function isPort(address: SocketAddress): boolean {
  return (
    address.family === 'unix' ||
    (Number.isInteger(address.port) && address.port >= 0 && address.port <= 65535)
  );
}

function typed(address: NativeAddress | number): SocketAddress | number {
  if (typeof address === 'number') return address;
  return address.family === UNIX
    ? { family: 'unix', path: address.host }
    : { family: address.family, host: address.host, port: address.port };
}
