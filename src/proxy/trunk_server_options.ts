/**
 * What a TrunkServer is told at its beginning.
 */

import type { SocketAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import type { Link, ServerJoin } from '../layer/trunk/join.ts';
import type { TrunkMemory } from '../layer/trunk/memory.ts';
import type { SchedulerName } from '../layer/trunk/options.ts';
import type { StripedPipe } from '../layer/trunk/stream.ts';
import type { IoPipe } from '../pipe/pipe.ts';
import type { LocalOf } from './carrier_about.ts';
import type { Limits } from './limits.ts';

export interface TrunkServerOptions {
  readonly key: Buffer | null;
  /** Codecs of compressed streams that this side takes, as bits; default none. */
  readonly codecs?: number;
  readonly clock: Clock;
  /** What all trunks together may hold. */
  readonly memory: TrunkMemory;
  readonly log: Logger;
  /** How long streams survive without any carrier, in milliseconds. */
  readonly graceMs: number;
  /** Null: only connections in the clear are taken. */
  readonly encryption: ServerJoin['encryption'];
  /** Builds a carrier's layers on a connection that has joined. */
  readonly carrier: (link: Link) => IoPipe<'messages'>;
  /** For whoever watches: the ends of connections, and the name of the service. */
  readonly local?: LocalOf;
  readonly name?: string;
  /** A peer opened a stream. `from` is where its trunk's first carrier came from. */
  readonly onStream: (stream: StripedPipe, from: SocketAddress | null) => void;
  /** Takes over a connection of the classic framing, of which `first` was read. Null: only striped ones are taken. */
  readonly onClassic: ((socket: IoPipe<'bytes'>, first: Buffer, from: SocketAddress | null) => void) | null;
  /** Whether striped ones are taken. */
  readonly striped: boolean;
  /** What the log calls a client without an address. */
  readonly nameless: string;
  /** Somebody is no stranger any more, or gone. */
  readonly onKnown: () => void;
  readonly limits?: Partial<Limits> | undefined;
  readonly scheduler?: SchedulerName | undefined;
}
