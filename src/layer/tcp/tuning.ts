/**
 * Socket options that every stream socket of ours gets, and why.
 */

import type { SocketAddress } from '../../core/address.ts';
import type { NativeAddon } from '../../sys/addon.ts';
import { type CarrierOptions, KEEPALIVE } from './transport.ts';

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

/**
 * Bytes that the socket of an app may hold unsent. What the app's own kernel takes comes on top, so a reader that keeps up
 * is not slowed. One that stalls would otherwise have megabytes swallowed on its behalf (net.ipv4.tcp_wmem), which looks
 * like reading, and its stream's window would grow on it.
 */
const APP_UNSENT_BYTES = 256 * 1024;

/** For the socket of an app whose bytes travel in a trunk. */
export function tuneApp(addon: NativeAddon, fd: number): void {
  addon.setOption(fd, addon.options.notSentLowAt, APP_UNSENT_BYTES);
}

/**
 * A carrier whose data is not acknowledged for so long is dead, however often the kernel would still try: others take
 * over, or a new one on another source port. Well within the grace period of 30 s, so that streams survive the time that
 * it takes to find out; above the longest hand-overs from one network to another.
 */
const CARRIER_USER_TIMEOUT_MS = 10_000;
/**
 * The same for one that has nothing to send. The trunk's own pings come first (every 5 s); this is for the machine whose
 * proxy is stopped, and for the address translators on the way, which forget the silent.
 */
const CARRIER_KEEPALIVE = { idleSec: 10, intervalSec: 5, count: 3 } as const;

/**
 * For a socket between two proxies that carries a trunk: as soon as it connects, or behind tuneSocket() when it was accepted.
 * A congestion control that is not to be had was complained about before, and is left as it is.
 */
export function tuneCarrier(addon: NativeAddon, fd: number, { congestion }: CarrierOptions): void {
  const { options } = addon;
  addon.setOption(fd, options.notSentLowAt, CARRIER_UNSENT_BYTES);
  addon.setOption(fd, options.userTimeoutMs, CARRIER_USER_TIMEOUT_MS);
  addon.setOption(fd, options.keepIdleSec, CARRIER_KEEPALIVE.idleSec);
  addon.setOption(fd, options.keepIntervalSec, CARRIER_KEEPALIVE.intervalSec);
  addon.setOption(fd, options.keepCount, CARRIER_KEEPALIVE.count);
  if (congestion !== null) addon.setCongestion(fd, congestion);
}

/**
 * The kernel's pauses between two attempts to send double, up to two minutes, and as long may it take to see that a broken
 * path is back. Its least upper bound is a second, which is too little where an answer may take as long without anything
 * being broken (RFC 6298, section 2.4).
 */
const NEAR_RTO_MAX_MS = 1000;
const NEAR_RTT_US = 250_000;

/** For a carrier whose round trip is known. Linux before 6.15 does not have it. */
export function tuneJoined(addon: NativeAddon, fd: number, rttUs: number): void {
  if (rttUs < NEAR_RTT_US) addon.setOption(fd, addon.options.rtoMaxMs, NEAR_RTO_MAX_MS);
}
