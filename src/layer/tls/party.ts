/**
 * TlsParty: one end of one TLS connection, as credentials make it: how its handshake begins, and who the other end has to be.
 */

import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { PipeError } from '../../core/errors.ts';

export type TlsRole = 'client' | 'server';

/** None of this may throw: node:tls would not catch it. */
export interface TlsParty {
  /** Begins the handshake over this stream. */
  open(stream: Duplex): TLSSocket;
  /** Why the other end is not who it has to be, when the handshake is complete; or null. */
  problem(socket: TLSSocket): PipeError | null;
  /** What an error of node:tls in the handshake means, where that is known. */
  explain(error: NodeJS.ErrnoException): PipeError | null;
  /** Why the handshake fails, however it does, where that can be told from what the other end has said in it. */
  mismatch?(): PipeError | null;
  /** Who the other end is, where it has said so and `problem` has found none: the same for all connections of its. */
  readonly identity?: string | null;
}

export interface TlsCredentials {
  party(role: TlsRole): TlsParty;
}

/** What somebody is who begins like this: null if it may be TLS; or more has to come to tell. */
export type RecogniseAnswer = (first: Buffer) => PipeError | 'more' | null;
