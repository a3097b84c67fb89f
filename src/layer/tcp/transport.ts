/**
 * Transport: how stream sockets are had. Two backends, one face; what is above cannot tell them apart.
 *
 *     native     the addon: pooled reads, splice, TCP_INFO     (native.ts)
 *     portable   node:net: anywhere, slower, no TCP_INFO       (portable.ts)
 */

import type { SocketAddress } from '../../core/address.ts';
import type { PipeError } from '../../core/errors.ts';
import type { SlabPool } from '../../core/pool.ts';
import type { IoPipe } from '../../pipe/pipe.ts';
import type { KernelPipePool } from '../../sys/kernel_pipe.ts';
import type { LocalEnd } from './local_end.ts';

export interface ListenHandlers {
  /** A new connection; the receiver owns the pipe. `peer` is null for a Unix socket's nameless client. */
  onConnection(pipe: IoPipe<'bytes'>, peer: SocketAddress | null): void;
  /**
   * Accepting fails for want of descriptors or memory: it is tried again by itself, without spinning. Called once, and
   * once more with null when it works again.
   */
  onTrouble(error: PipeError | null): void;
}

export interface Listener {
  /** Where it listens; the port is the real one, also when 0 was asked for. */
  readonly address: SocketAddress;
  /** Leaves new connections in the kernel's queue until resume(). */
  pause(): void;
  resume(): void;
  /** Accepts no more, at once. Connections that were accepted are not touched. */
  close(): void;
}

/** What a connection that carries a trunk asks of the kernel. */
export interface CarrierOptions {
  /** The name of a congestion control, or null for the system's own. */
  readonly congestion: string | null;
}

export interface ConnectOptions {
  /** Default: as the kernel's routes say. */
  readonly from?: LocalEnd | null;
  /** Given for a connection that will carry a trunk. */
  readonly carrier?: CarrierOptions;
}

export interface Transport {
  readonly name: 'native' | 'portable';
  /** For bridges that may splice; null where they cannot. */
  readonly kernelPipes: KernelPipePool | null;
  /** A pipe that turns `ready`, or `broken`. Never throws for what the network does. */
  connect(address: SocketAddress, options?: ConnectOptions): IoPipe<'bytes'>;
  /** Makes an accepted socket fit for carrying a trunk, as far as it can be; connect() does it by itself. */
  tuneCarrier(socket: IoPipe<'bytes'>, options: CarrierOptions): void;
  /** Its handshake is done, and tells how far away the peer is: the kernel is asked to see soon when a broken path is back. */
  tuneJoined(socket: IoPipe<'bytes'>): void;
  /** Where our end of the socket is; null where that is not known (any more). */
  localAddress(socket: IoPipe<'bytes'>): SocketAddress | null;
  /** Makes the socket of an app, whose bytes will travel in a trunk, hold little that the app does not read. */
  tuneApp(socket: IoPipe<'bytes'>): void;
  /** Why no connection can begin there, or null. What is only down for now is no reason. */
  localEndProblem(end: LocalEnd): PipeError | null;
  /** Why connections cannot have this congestion control, or null. */
  congestionProblem(name: string): PipeError | null;
  /** What is read from the socket from now on is held in this pool's memory, and counted there. */
  readInto(socket: IoPipe<'bytes'>, pool: SlabPool): void;
  /** @throws PipeError `address-in-use`, `address-invalid`, `permission`, ... (as a rejection) */
  listen(address: SocketAddress, handlers: ListenHandlers): Promise<Listener>;
  /** Lets go of what its sockets share, when nobody needs it any more; sockets and listeners are not touched. */
  close(): void;
}

/** Connections that wait in the kernel to be accepted; Linux caps it at net.core.somaxconn (4096). */
export const BACKLOG = 4096;

/** Keepalive: a peer machine that vanished is noticed after about 60 + 6 x 10 seconds of silence. */
export const KEEPALIVE = { idleSec: 60, intervalSec: 10, count: 6 } as const;
