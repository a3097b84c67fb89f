/**
 * Transport: how stream sockets are had. Two backends, one face; what is above cannot tell them apart.
 *
 *     native     the addon: pooled reads, splice, TCP_INFO     (native.ts)
 *     portable   node:net: anywhere, slower, no TCP_INFO       (portable.ts)
 */

import type { SocketAddress } from '../../core/address.ts';
import type { PipeError } from '../../core/errors.ts';
import type { IoPipe } from '../../pipe/pipe.ts';
import type { KernelPipePool } from '../../sys/kernel_pipe.ts';

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

export interface Transport {
  readonly name: 'native' | 'portable';
  /** For bridges that may splice; null where they cannot. */
  readonly kernelPipes: KernelPipePool | null;
  /** A pipe that turns `ready`, or `broken`. Never throws for what the network does. */
  connect(address: SocketAddress): IoPipe<'bytes'>;
  /** Makes a socket fit for carrying a trunk: as little as possible may wait in its kernel queue. Best effort. */
  tuneCarrier(socket: IoPipe<'bytes'>): void;
  /** @throws PipeError `address-in-use`, `address-invalid`, `permission`, ... (as a rejection) */
  listen(address: SocketAddress, handlers: ListenHandlers): Promise<Listener>;
  /** Lets go of what its sockets share, when nobody needs it any more; sockets and listeners are not touched. */
  close(): void;
}

/** Connections that wait in the kernel to be accepted; Linux caps it at net.core.somaxconn (4096). */
export const BACKLOG = 4096;

/** Keepalive: a peer machine that vanished is noticed after about 60 + 6 x 10 seconds of silence. */
export const KEEPALIVE = { idleSec: 60, intervalSec: 10, count: 6 } as const;
