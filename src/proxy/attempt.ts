/**
 * Attempt: one try of a slot to get a carrier, from dialling on.
 */

import type { SocketAddress } from '../core/address.ts';
import { PipeError } from '../core/errors.ts';
import { Refusal } from '../layer/trunk/handshake.ts';
import type { Link } from '../layer/trunk/join.ts';
import type { Path } from './paths.ts';
import type { CarrierSlot } from './slot.ts';

export interface Attempt {
  readonly slot: CarrierSlot;
  /** The slot's own way, and the one that is taken. */
  readonly own: Path;
  readonly path: Path;
  /** Others had carriers when it began: only a way that fails is left then. */
  readonly beside: boolean;
}

/** There is a connection, whatever is at its other end. */
export interface Reached extends Attempt {
  readonly link: Link;
  readonly address: SocketAddress;
  /** Which way it goes, in words. */
  readonly way: string;
}

/** What becomes of dialling: exactly one of the two is called, unless it is cancelled. */
export interface CarrierHandlers {
  onReady(link: Link, address: SocketAddress): void;
  onFailed(error: PipeError): void;
}

/** An error of the handshake, with who is at the other end, and who refuses whom. */
export function ofPeer(way: string, error: PipeError): PipeError {
  const refuses = error instanceof Refusal && error.byPeer;
  const words = `${way}${refuses ? ' refuses' : ''}: ${error.message}`;
  return new PipeError(error.code, error.layer, words, error);
}
