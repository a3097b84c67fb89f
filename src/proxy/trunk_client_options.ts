/**
 * What a TrunkClient is told at its beginning.
 */

import type { Endpoint } from '../core/address.ts';
import type { Cancel } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import type { Link } from '../layer/trunk/join.ts';
import type { IoPipe } from '../pipe/pipe.ts';
import type { CarrierHandlers } from './attempt.ts';
import type { LocalOf } from './carrier_about.ts';
import type { ClientTrunkOptions } from './client_trunk.ts';
import type { Path, Paths } from './paths.ts';

export interface TrunkClientOptions extends ClientTrunkOptions {
  /** The addresses of the one process at the other end. */
  readonly peers: readonly Endpoint[];
  readonly paths: Paths;
  /** Carriers to keep: so many, or as many as are of use. */
  readonly carriers: number | 'auto';
  readonly key: Buffer | null;
  /** Codecs of compressed streams that this side understands, as bits; default none. */
  readonly codecs?: number;
  /** Reaches the peer once. */
  readonly dialCarrier: (path: Path, avoid: ReadonlySet<string>, handlers: CarrierHandlers) => Cancel;
  /** Builds a carrier's layers on a connection that has joined. */
  readonly carrier: (link: Link) => IoPipe<'messages'>;
  /** For whoever watches. Default not known. */
  readonly local?: LocalOf;
  readonly log: Logger;
  readonly connectTimeoutMs: number;
}
