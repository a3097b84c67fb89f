/**
 * Limits: what those who reach a server may take of it, before and after they have proved who they are. Each is an option of
 * the command line; each default lets a busy server be, and survives the internet.
 */

import { HANDSHAKE_TIMEOUT_MS } from '../layer/trunk/handshake.ts';
import { MAX_STREAM_RATE, MAX_STREAMS } from '../layer/trunk/options.ts';

export interface Limits {
  /** Connections at a time that have not proved who they are. */
  readonly maxHandshakes: number;
  /** Those of one source: an IPv4 address, or a /64 of IPv6. Default half of them. */
  readonly maxHandshakesPerSource: number;
  /** From accepting on, whatever they say, in milliseconds. */
  readonly handshakeTimeoutMs: number;
  /** Clients that stripe, at a time. */
  readonly maxClients: number;
  /** Those of one source. Default without a key 64, where anybody can be any number of clients; with one no limit. */
  readonly maxClientsPerSource: number;
  /** Connections of apps that one client may have open. */
  readonly maxStreams: number;
  /** And how many it may open in a second; those of two seconds may come at once. */
  readonly maxStreamRate: number;
}

export const DEFAULT_LIMITS = {
  maxHandshakes: 256,
  handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
  maxClients: 1000,
  maxClientsPerSourceWithoutKey: 64,
  maxStreams: MAX_STREAMS,
  maxStreamRate: MAX_STREAM_RATE,
} as const;

/** All of them, with the defaults where nothing is given. @param keyed whether clients have to prove a key */
export function limitsOf(given: Partial<Limits>, keyed: boolean): Limits {
  const { maxClientsPerSourceWithoutKey, ...defaults } = DEFAULT_LIMITS;
  const { maxHandshakes = defaults.maxHandshakes } = given;
  return {
    ...defaults,
    maxHandshakesPerSource: Math.ceil(maxHandshakes / 2),
    maxClientsPerSource: keyed ? Number.POSITIVE_INFINITY : maxClientsPerSourceWithoutKey,
    ...given,
  };
}
