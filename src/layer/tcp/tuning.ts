/**
 * Socket options that every stream socket of ours gets, and why.
 */

import type { SocketAddress } from '../../core/address.ts';
import type { NativeAddon } from '../../sys/addon.ts';
import { KEEPALIVE } from './transport.ts';

/** A refused option is no reason to refuse the connection: results are not looked at. */
export function tuneSocket(addon: NativeAddon, fd: number, family: SocketAddress['family']): void {
  const { options } = addon;
  // Urgent data is part of the stream; left out of line, its byte would be lost on the way through.
  addon.setOption(fd, options.oobInline, 1);
  if (family === 'unix') return;
  // A relay forwards writes as they come; whether to gather them was the application's decision.
  addon.setOption(fd, options.noDelay, 1);
  // When this process is killed, the kernel closes its sockets. That must not look like the end of a stream to anybody:
  // a close is a reset, until TcpPipe says that it is meant in peace.
  addon.setLinger(fd, 0);
  // A peer that vanished without a word would otherwise hold its connection for ever.
  addon.setOption(fd, options.keepAlive, 1);
  addon.setOption(fd, options.keepIdleSec, KEEPALIVE.idleSec);
  addon.setOption(fd, options.keepIntervalSec, KEEPALIVE.intervalSec);
  addon.setOption(fd, options.keepCount, KEEPALIVE.count);
}

/** Bytes that a carrier's socket may hold unsent before poll says that it is full; the trunk then decides anew. */
const CARRIER_UNSENT_BYTES = 128 * 1024;

/** For a socket between two proxies that carries a trunk. */
export function tuneCarrier(addon: NativeAddon, fd: number): void {
  addon.setOption(fd, addon.options.notSentLowAt, CARRIER_UNSENT_BYTES);
}
