/**
 * The native transport: stream sockets through the addon.
 */

import type { SocketAddress } from '../../core/address.ts';
import { type PipeError, systemError } from '../../core/errors.ts';
import type { SlabPool } from '../../core/pool.ts';
import { FailedPipe } from '../../pipe/failed.ts';
import type { IoPipe } from '../../pipe/pipe.ts';
import type { NativeAddon } from '../../sys/addon.ts';
import { EADDRNOTAVAIL, EAGAIN, EINPROGRESS, ENODEV, EPERM, errnoName } from '../../sys/errno.ts';
import { KernelPipePool } from '../../sys/kernel_pipe.ts';
import { poller } from '../../sys/poller.ts';
import { bindSocket, connectSocket, localAddressOf, openSocket } from '../../sys/socket.ts';
import { congestionError } from './congestion.ts';
import { TcpListener } from './listener.ts';
import { familyProblem, type LocalEnd, unknownLocalEnd } from './local_end.ts';
import { TcpPipe } from './pipe.ts';
import { type TcpRuntime, tcpRuntime } from './runtime.ts';
import type { CarrierOptions, ConnectOptions, Listener, ListenHandlers, Transport } from './transport.ts';
import { tuneApp, tuneCarrier, tuneJoined, tuneSocket } from './tuning.ts';

export class NativeTransport implements Transport {
  readonly name = 'native';
  readonly kernelPipes: KernelPipePool;
  readonly #runtime: TcpRuntime;

  constructor(addon: NativeAddon, pool?: SlabPool) {
    this.#runtime = tcpRuntime(addon, poller(), pool);
    this.kernelPipes = new KernelPipePool(addon, { size: KERNEL_PIPE_BYTES, maxOpen: kernelPipesFor(addon) });
  }

  connect(address: SocketAddress, { from = null, carrier }: ConnectOptions = {}): IoPipe<'bytes'> {
    const { addon } = this.#runtime;
    const fd = openSocket(addon, address);
    if (fd < 0) return new FailedPipe('bytes', systemError(errnoName(fd), 'tcp'));
    tuneSocket(addon, fd, address.family);
    const problem = from === null ? null : (familyProblem(from, address.family) ?? bindTo(addon, fd, from));
    if (problem !== null) {
      addon.close(fd);
      return new FailedPipe('bytes', problem);
    }
    const result = connectSocket(addon, fd, address);
    // Behind it: connecting puts the congestion control of the route, if it has one, in the place of the socket's own.
    if (carrier !== undefined && address.family !== 'unix') tuneCarrier(addon, fd, carrier);
    if (result >= 0 || result === -EINPROGRESS) return new TcpPipe(this.#runtime, fd, true, address.family);
    addon.close(fd);
    // A Unix socket whose backlog is full answers EAGAIN: there is somebody, but not now.
    const name = result === -EAGAIN ? 'ECONNREFUSED' : errnoName(result);
    return new FailedPipe('bytes', systemError(name, 'tcp'));
  }

  tuneCarrier(socket: IoPipe<'bytes'>, options: CarrierOptions): void {
    if (socket instanceof TcpPipe) socket.tune((addon, fd) => tuneCarrier(addon, fd, options));
  }

  tuneJoined(socket: IoPipe<'bytes'>): void {
    const rttUs = socket.congestion?.srttUs;
    if (socket instanceof TcpPipe && rttUs !== undefined)
      socket.tune((addon, fd) => tuneJoined(addon, fd, rttUs));
  }

  localAddress(socket: IoPipe<'bytes'>): SocketAddress | null {
    let address: SocketAddress | number = -1;
    if (socket instanceof TcpPipe) socket.tune((addon, fd) => (address = localAddressOf(addon, fd)));
    return typeof address === 'number' ? null : address;
  }

  tuneApp(socket: IoPipe<'bytes'>): void {
    if (socket instanceof TcpPipe) socket.tune(tuneApp);
  }

  localEndProblem(end: LocalEnd): PipeError | null {
    return this.#try(end.family ?? 4, (addon, fd) => bindTo(addon, fd, end));
  }

  congestionProblem(name: string): PipeError | null {
    return this.#try(4, (addon, fd) => {
      const result = addon.setCongestion(fd, name);
      return result === 0 ? null : congestionError(name, result === -EPERM ? 'forbidden' : 'unknown');
    });
  }

  /** On a socket that is thrown away. Without one, what there is to know will be known later. */
  #try(family: 4 | 6, ask: (addon: NativeAddon, fd: number) => PipeError | null): PipeError | null {
    const { addon } = this.#runtime;
    const fd = addon.socket(family);
    if (fd < 0) return null;
    const problem = ask(addon, fd);
    addon.close(fd);
    return problem;
  }

  readInto(socket: IoPipe<'bytes'>, pool: SlabPool): void {
    if (socket instanceof TcpPipe) socket.readInto(pool);
  }

  async listen(address: SocketAddress, handlers: ListenHandlers): Promise<Listener> {
    return new TcpListener(this.#runtime, address, handlers);
  }

  close(): void {
    this.kernelPipes.close();
  }
}

/** Binds a socket that is not connected yet. */
function bindTo(addon: NativeAddon, fd: number, from: LocalEnd): PipeError | null {
  if (from.device !== undefined) {
    const result = addon.bindToDevice(fd, from.device);
    if (result === -ENODEV) return unknownLocalEnd(from);
    return result < 0 ? systemError(errnoName(result), 'tcp', `cannot bind to ${from.device}`) : null;
  }
  // The port is chosen when it connects, so that two connections to different addresses may have the same one (ip(7)).
  addon.setOption(fd, addon.options.bindAddressNoPort, 1);
  const result = bindSocket(addon, fd, { family: from.family, host: from.host, port: 0 });
  if (result === -EADDRNOTAVAIL || result === -ENODEV) return unknownLocalEnd(from);
  return result < 0 ? systemError(errnoName(result), 'tcp', `cannot bind to ${from.host}`) : null;
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
