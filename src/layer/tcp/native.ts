/**
 * The native transport: stream sockets through the addon.
 */

import type { SocketAddress } from '../../core/address.ts';
import { systemError } from '../../core/errors.ts';
import type { SlabPool } from '../../core/pool.ts';
import { FailedPipe } from '../../pipe/failed.ts';
import type { IoPipe } from '../../pipe/pipe.ts';
import type { NativeAddon } from '../../sys/addon.ts';
import { EAGAIN, EINPROGRESS, errnoName } from '../../sys/errno.ts';
import { KernelPipePool } from '../../sys/kernel_pipe.ts';
import { poller } from '../../sys/poller.ts';
import { connectSocket, openSocket } from '../../sys/socket.ts';
import { TcpListener } from './listener.ts';
import { TcpPipe, type TcpRuntime, tcpRuntime } from './pipe.ts';
import type { Listener, ListenHandlers, Transport } from './transport.ts';
import { tuneCarrier, tuneSocket } from './tuning.ts';

export class NativeTransport implements Transport {
  readonly name = 'native';
  readonly kernelPipes: KernelPipePool;
  readonly #runtime: TcpRuntime;

  constructor(addon: NativeAddon, pool?: SlabPool) {
    this.#runtime = tcpRuntime(addon, poller(), pool);
    this.kernelPipes = new KernelPipePool(addon, { size: KERNEL_PIPE_BYTES, maxOpen: kernelPipesFor(addon) });
  }

  connect(address: SocketAddress): IoPipe<'bytes'> {
    const { addon } = this.#runtime;
    const fd = openSocket(addon, address);
    if (fd < 0) return new FailedPipe('bytes', systemError(errnoName(fd), 'tcp'));
    tuneSocket(addon, fd, address.family);
    const result = connectSocket(addon, fd, address);
    if (result >= 0 || result === -EINPROGRESS) return new TcpPipe(this.#runtime, fd, true, address.family);
    addon.close(fd);
    // A Unix socket whose backlog is full answers EAGAIN: there is somebody, but not now.
    const name = result === -EAGAIN ? 'ECONNREFUSED' : errnoName(result);
    return new FailedPipe('bytes', systemError(name, 'tcp'));
  }

  tuneCarrier(socket: IoPipe<'bytes'>): void {
    if (socket instanceof TcpPipe) socket.tune(tuneCarrier);
  }

  async listen(address: SocketAddress, handlers: ListenHandlers): Promise<Listener> {
    return new TcpListener(this.#runtime, address, handlers);
  }

  close(): void {
    this.kernelPipes.close();
  }
}

/** The most that an unprivileged user may ask for (pipe(7)); what it is good for is in docs/adr/0006. */
const KERNEL_PIPE_BYTES = 1024 * 1024;
/** And so is this: they share 64 MiB (pipe(7), pipe-user-pages-soft). */
const MOST_KERNEL_PIPES = 64;

/** Descriptors are for connections first: at most an eighth of them for kernel pipes, which take two each. */
export function kernelPipesFor(addon: NativeAddon): number {
  const limit = addon.fdLimit();
  const descriptors = typeof limit === 'number' ? Number.POSITIVE_INFINITY : limit.soft;
  return Math.min(MOST_KERNEL_PIPES, Math.floor(descriptors / 16));
}
