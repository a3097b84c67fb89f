/**
 * The portable transport: stream sockets through node:net, for systems where the addon is not to be had.
 */

import { connect, createServer, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { SocketAddress } from '../../core/address.ts';
import { asPipeError, PipeError } from '../../core/errors.ts';
import type { SlabPool } from '../../core/pool.ts';
import { FailedPipe } from '../../pipe/failed.ts';
import { DuplexPipe } from '../../pipe/from_duplex.ts';
import type { IoPipe } from '../../pipe/pipe.ts';
import { addressOfDevice, familyProblem, type LocalEnd, unknownLocalEnd } from './local_end.ts';
import {
  BACKLOG,
  type ConnectOptions,
  KEEPALIVE,
  type Listener,
  type ListenHandlers,
  type Transport,
} from './transport.ts';

/** What is underneath. */
const sockets = new WeakMap<IoPipe<'bytes'>, Socket>();

export class PortableTransport implements Transport {
  readonly name = 'portable';
  readonly kernelPipes = null;
  readonly #pool: SlabPool | undefined;

  constructor(pool?: SlabPool) {
    this.#pool = pool;
  }

  connect(address: SocketAddress, { from = null }: ConnectOptions = {}): IoPipe<'bytes'> {
    const local = from === null ? {} : localAddressFor(from, address);
    if (local instanceof PipeError) return new FailedPipe('bytes', local);
    const where =
      address.family === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
    const socket = connect({ ...where, ...local, allowHalfOpen: true, noDelay: true });
    return wrap(socket, this.#pool, 'connect');
  }

  /** node:net has no such options. */
  tuneCarrier(): void {}
  tuneJoined(): void {}
  tuneApp(): void {}

  localAddress(pipe: IoPipe<'bytes'>): SocketAddress | null {
    const socket = sockets.get(pipe);
    return socket === undefined ? null : addressOf(socket.localAddress, socket.localPort, socket.localFamily);
  }

  localEndProblem(end: LocalEnd): PipeError | null {
    const all = networkInterfaces();
    if (end.device !== undefined) return all[end.device] === undefined ? unknownLocalEnd(end) : null;
    const known = Object.values(all).flatMap((addresses = []) => addresses.map(({ address }) => address));
    // Linux has the whole of 127.0.0.0/8; nobody lists it.
    const host = end.host.split('%')[0] as string;
    return known.includes(host) || host.startsWith('127.') ? null : unknownLocalEnd(end);
  }

  congestionProblem(): PipeError | null {
    return new PipeError('system', 'tcp', 'the portable backend cannot choose a congestion control');
  }

  readInto(socket: IoPipe<'bytes'>, pool: SlabPool): void {
    if (socket instanceof DuplexPipe) socket.countIn(pool);
  }

  listen(address: SocketAddress, handlers: ListenHandlers): Promise<Listener> {
    return PortableListener.open(address, handlers, this.#pool);
  }

  close(): void {}
}

/** What node:net is to bind, or why it cannot. */
function localAddressFor(from: LocalEnd, to: SocketAddress): { localAddress: string } | PipeError {
  const problem = familyProblem(from, to.family);
  if (problem !== null || to.family === 'unix') return problem as PipeError;
  if (from.device === undefined) return { localAddress: from.host };
  const localAddress = addressOfDevice(from.device, to);
  if (localAddress !== null) return { localAddress };
  return new PipeError('address-invalid', 'tcp', `${from.device} is down, or has no IPv${to.family} address`);
}

/** node:net accepts by itself; what comes while paused waits here, unread. */
class PortableListener implements Listener {
  readonly address: SocketAddress;
  readonly #server: Server;
  readonly #handlers: ListenHandlers;
  readonly #pool: SlabPool | undefined;
  readonly #waiting: Socket[] = [];
  #paused = false;

  static open(
    address: SocketAddress,
    handlers: ListenHandlers,
    pool: SlabPool | undefined,
  ): Promise<Listener> {
    return new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
      server.once('error', (error) => reject(asPipeError(error, 'tcp')));
      const where =
        address.family === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
      server.listen(
        { ...where, backlog: BACKLOG, ipv6Only: address.family === 6 && address.host !== '::' },
        () => {
          resolve(new PortableListener(server, address, handlers, pool));
        },
      );
    });
  }

  private constructor(
    server: Server,
    asked: SocketAddress,
    handlers: ListenHandlers,
    pool: SlabPool | undefined,
  ) {
    this.#server = server;
    this.#handlers = handlers;
    this.#pool = pool;
    const bound = server.address();
    this.address =
      asked.family !== 'unix' && bound !== null && typeof bound === 'object'
        ? { ...asked, port: bound.port }
        : asked;
    server.on('connection', (socket) => this.#onSocket(socket));
    // libuv drops the connection when descriptors run out; the others live on.
    server.on('error', (error) => handlers.onTrouble(asPipeError(error, 'tcp')));
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    while (!this.#paused) {
      const socket = this.#waiting.shift();
      if (socket === undefined) return;
      this.#welcome(socket);
    }
  }

  close(): void {
    // Not an end of stream: nobody has answered them.
    for (const socket of this.#waiting.splice(0)) socket.resetAndDestroy();
    this.#server.close();
  }

  #onSocket(socket: Socket): void {
    if (this.#paused) this.#waiting.push(socket);
    else this.#welcome(socket);
  }

  #welcome(socket: Socket): void {
    this.#handlers.onConnection(wrap(socket, this.#pool), peerOf(socket));
  }
}

function wrap(socket: Socket, pool: SlabPool | undefined, readyEvent?: string): IoPipe<'bytes'> {
  socket.setKeepAlive(true, KEEPALIVE.idleSec * 1000);
  // Else it would be destroyed at its end, before the end is confirmed. The pipe destroys it when it is discarded.
  const { _readableState } = socket as SocketInside;
  if (_readableState !== undefined) _readableState.autoDestroy = false;
  const pipe = new DuplexPipe(socket, {
    layer: 'tcp',
    confirmEnd: (confirmed) => confirmFin(socket, confirmed),
    ...(pool === undefined ? {} : { pool }),
    ...(readyEvent === undefined ? {} : { readyEvent }),
  });
  sockets.set(pipe, socket);
  return pipe;
}

/** What node:net does not show and has had all along. Where it is gone one day, ends are believed unconfirmed. */
type SocketInside = Socket & {
  _readableState?: { autoDestroy: boolean };
  _handle?: { readStart?(): number } | null;
};

/**
 * A reset that arrives together with data is an end of stream to libuv (uv__stream_io, POLLHUP after a short read), and
 * its error stays in the socket. One more read tells: it happens in the poll phase between the two calls here, and
 * brings the end again, which nobody hears of, or the error, which breaks the pipe.
 */
function confirmFin(socket: SocketInside, confirmed: () => void): void {
  socket._handle?.readStart?.();
  setImmediate(() => setImmediate(confirmed));
}

function peerOf(socket: Socket): SocketAddress | null {
  return addressOf(socket.remoteAddress, socket.remotePort, socket.remoteFamily);
}

/** As node:net tells it; null for a Unix socket, or one that is not connected. */
function addressOf(
  host: string | undefined,
  port: number | undefined,
  family?: string,
): SocketAddress | null {
  if (host === undefined || port === undefined) return null;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1];
  if (mapped !== undefined) return { family: 4, host: mapped, port };
  return { family: family === 'IPv6' ? 6 : 4, host, port };
}
