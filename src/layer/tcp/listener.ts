/**
 * TcpListener: accepts connections on the native backend.
 *
 * Edge-triggered like all sockets: it accepts until the queue is empty, in turns so that a flood of connections leaves
 * room for the ones that are there. Out of descriptors it waits and tries again, and does not spin.
 */

import type { SocketAddress } from '../../core/address.ts';
import { asPipeError, PipeError, systemError } from '../../core/errors.ts';
import { sharedTurns, type Turn } from '../../core/turns.ts';
import { EAGAIN, errnoName } from '../../sys/errno.ts';
import type { PollTarget } from '../../sys/poller.ts';
import { bindSocket, localAddressOf, openSocket, peerAddressOf } from '../../sys/socket.ts';
import { TcpPipe } from './pipe.ts';
import type { TcpRuntime } from './runtime.ts';
import { BACKLOG, type Listener, type ListenHandlers } from './transport.ts';
import { tuneSocket } from './tuning.ts';

/** Errors that accept(2) passes on from the connection which it was about to return. */
const OF_ONE_CONNECTION: ReadonlySet<string> = new Set([
  'ECONNABORTED',
  'EPROTO',
  'ENOPROTOOPT',
  'EOPNOTSUPP',
  'ENETDOWN',
  'ENETUNREACH',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENONET',
  'EPERM',
]);

const ACCEPTS_PER_TURN = 32;
const RETRY_FIRST_MS = 50;
const RETRY_MOST_MS = 1000;

export class TcpListener implements Listener, PollTarget, Turn {
  readonly address: SocketAddress;
  readonly #runtime: TcpRuntime;
  readonly #handlers: ListenHandlers;
  #fd: number;
  #slot: number;
  #paused = false;
  #turnAsked = false;
  #retry: NodeJS.Timeout | null = null;
  #retryMs = 0;

  /** @throws PipeError when the address cannot be listened on */
  constructor(runtime: TcpRuntime, address: SocketAddress, handlers: ListenHandlers) {
    this.#runtime = runtime;
    this.#handlers = handlers;
    this.#fd = openListening(runtime, address);
    const bound = localAddressOf(runtime.addon, this.#fd);
    this.address = typeof bound === 'number' ? address : bound;
    this.#slot = runtime.poller.watch(this.#fd, this);
    if (this.#slot < 0) {
      runtime.addon.close(this.#fd);
      throw systemError(errnoName(this.#slot), 'tcp');
    }
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#askTurn();
  }

  close(): void {
    if (this.#fd < 0) return;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    this.#runtime.poller.unwatch(this.#slot, this.#fd);
    this.#runtime.addon.close(this.#fd);
    this.#fd = -1;
  }

  onPoll(): void {
    this.takeTurn();
  }

  takeTurn(): void {
    this.#turnAsked = false;
    for (let i = 0; i < ACCEPTS_PER_TURN; i++) {
      // The handler may have paused or closed us.
      if (this.#fd < 0 || this.#paused || this.#retry !== null) return;
      const fd = this.#runtime.addon.accept(this.#fd);
      if (fd === -EAGAIN) return;
      if (fd >= 0) this.#welcome(fd);
      // The error of one connection that died in the queue: on to the next.
      else if (!OF_ONE_CONNECTION.has(errnoName(fd))) this.#retryLater(systemError(errnoName(fd), 'tcp'));
    }
    this.#askTurn();
  }

  #welcome(fd: number): void {
    if (this.#retryMs > 0) {
      this.#retryMs = 0;
      this.#handlers.onTrouble(null);
    }
    const { addon } = this.#runtime;
    // Unix sockets inherit nothing.
    if (this.address.family === 'unix') tuneSocket(addon, fd, 'unix');
    const peer = peerAddressOf(addon, fd);
    const known = typeof peer === 'number' || (peer.family === 'unix' && peer.path === '') ? null : peer;
    const pipe = new TcpPipe(this.#runtime, fd, false, this.address.family);
    try {
      this.#handlers.onConnection(pipe, known);
    } catch (error) {
      // A bug; it surfaces, but the connection does not leak, and those behind it in the queue are not forgotten.
      pipe.discard(asPipeError(error, 'tcp'));
      this.#askTurn();
      throw error;
    }
  }

  #retryLater(error: PipeError): void {
    const first = this.#retryMs === 0;
    this.#retryMs = first ? RETRY_FIRST_MS : Math.min(this.#retryMs * 2, RETRY_MOST_MS);
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.takeTurn();
    }, this.#retryMs);
    if (first) this.#handlers.onTrouble(error);
  }

  #askTurn(): void {
    if (this.#turnAsked) return;
    this.#turnAsked = true;
    sharedTurns.add(this);
  }
}

function openListening({ addon }: TcpRuntime, address: SocketAddress): number {
  const fd = openSocket(addon, address);
  if (fd < 0) throw systemError(errnoName(fd), 'tcp');
  if (address.family !== 'unix') addon.setOption(fd, addon.options.reuseAddress, 1);
  // An IPv6 wildcard takes IPv4 as well, whatever net.ipv6.bindv6only says.
  if (address.family === 6 && address.host === '::') addon.setOption(fd, addon.options.v6Only, 0);
  // Connections inherit these from the socket that accepts them (TCP copies it): six system calls less for each.
  tuneSocket(addon, fd, address.family);
  let result = bindSocket(addon, fd, address);
  if (result >= 0) result = addon.listen(fd, BACKLOG);
  if (result >= 0) return fd;
  addon.close(fd);
  const name = errnoName(result);
  if (name === 'ENOENT')
    throw new PipeError('address-invalid', 'tcp', `there is no such directory (${name})`);
  throw systemError(name, 'tcp');
}
