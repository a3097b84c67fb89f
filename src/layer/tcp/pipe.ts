/**
 * TcpPipe: a stream socket as an IoPipe, over the native addon.
 *
 *     consumer  --send-->  [ tail of one send ]  --send(2)-->  socket
 *     consumer  <--recv--                        <--recv(2)--  socket
 *
 * Adds: nothing to the bytes. The bottom of every stack; also serves Unix sockets.
 * Unit: bytes, up to 256 KiB a chunk. In bulk one read fills several chunks of the size that is asked for.
 * Backpressure: down, `writable` is off while a tail waits; up, an unread socket fills and the kernel closes its window.
 * FIN is shutdown(SHUT_WR), RST is close() with linger 0. A Unix socket has no RST: its peer sees the end of the stream.
 * Memory: none while idle; at most one tail, and what one read of 256 KiB has brought beside the chunk that was asked for.
 *
 * The poller is edge-triggered: it tells each change once, and this class remembers it in its flags. So a socket costs
 * no system call to pause or resume, and one that nobody reads cannot spin the loop, whatever state it is in. But each
 * packet that arrives at an unread socket is a change too: once one told nothing new, the socket is not listened to
 * until the flags ask for it again (adr/0006).
 */

import type { SocketAddress } from '../../core/address.ts';
import type { Chunk } from '../../core/chunk.ts';
import { type PipeError, systemError } from '../../core/errors.ts';
import { HEADROOM, LARGEST_CHUNK, type SlabPool } from '../../core/pool.ts';
import { PipeBase } from '../../pipe/base.ts';
import { BROKEN, FIN_SENT, READABLE, READY, WRITABLE } from '../../pipe/pipe.ts';
import type { Spliceable } from '../../pipe/splice.ts';
import type { NativeAddon } from '../../sys/addon.ts';
import { EAGAIN, EINVAL, ENOTCONN, errnoName } from '../../sys/errno.ts';
import type { KernelPipe } from '../../sys/kernel_pipe.ts';
import {
  POLL_ERR,
  POLL_HUP,
  POLL_IN,
  POLL_OUT,
  POLL_PRI,
  POLL_RDHUP,
  type PollTarget,
} from '../../sys/poller.ts';
import { TcpInfo } from '../../sys/tcp_info.ts';
import { type TcpRuntime, tcpRuntime } from './runtime.ts';

// Flags in one integer: ten thousand pipes are held at once.
const IS_READY = 1;
const IS_READABLE = 2;
const IS_WRITABLE = 4;
const FIN_RECEIVED = 8;
const FIN_WANTED = 16;
const FIN_GONE = 32;
/** FIN, RST, an error or urgent data have come: there may be something behind a short read. */
const READ_TO_END = 64;
const NO_SPLICE = 128;
/**
 * The poller does not tell of bytes that come, since it is known that there are some; nor of urgent ones, of which it
 * tells when it is asked to listen again...
 */
const DEAF_TO_BYTES = 256;
/** ...nor of room to send. */
const DEAF_TO_ROOM = 512;
/** The last read filled its chunk: more of them are likely to wait. */
const IN_BULK = 1024;

/** One read fills so many chunks at most, unless they are smaller than bulk is carried in. */
const MOST_PIECES = 4;
const LEAST_PIECE = 16 * 1024;
/** Nor when so much is held already: what nobody takes further holds more than it says. */
const MOST_HELD_BYTES = 8 * 1024 * 1024;

/** Waiting for so many bytes saves more than the system call costs that says so; more of them may not fit into the socket. */
const LEAST_WAKE = 4 * 1024;
const MOST_WAKE = 64 * 1024;

/** What one splice moves at most, and so what a stalled reader can hold back in a kernel pipe: less than 1 MB. */
const SPLICE_BYTES = 960 * 1024;

export class TcpPipe extends PipeBase<'bytes'> implements PollTarget, Spliceable {
  readonly kind = 'bytes';
  readonly maxSend = Number.POSITIVE_INFINITY;

  #runtime: TcpRuntime;
  #fd: number;
  #slot = -1;
  #flags: number;
  #broken: PipeError | null = null;
  #tail: Chunk | null = null;
  /** Read and not yet asked for; the next one is the last. Never empty. */
  #ahead: Chunk[] | null = null;
  #info: TcpInfo | null = null;
  /** SO_RCVLOWAT. */
  #wakeAt = 1;

  /**
   * Takes the descriptor over: non-blocking, and connected or (`connecting`) with a connect under way.
   *
   * On a Unix socket a short read never means that there is no more: reads stop behind a message with descriptors.
   *
   * Failing to watch it does not throw: the pipe is then broken, and the event follows.
   */
  constructor(runtime: TcpRuntime, fd: number, connecting: boolean, family: SocketAddress['family'] = 4) {
    super();
    this.#runtime = runtime;
    this.#fd = fd;
    this.#flags = (connecting ? 0 : IS_READY | IS_WRITABLE) | (family === 'unix' ? READ_TO_END : 0);
    const slot = runtime.poller.watch(fd, this);
    if (slot >= 0) this.#slot = slot;
    else this.#break(slot, 'poll');
  }

  get ready(): boolean {
    return (this.#flags & IS_READY) !== 0;
  }
  get broken(): PipeError | null {
    return this.#broken;
  }
  get readable(): boolean {
    return (this.#flags & IS_READABLE) !== 0 || this.#ahead !== null;
  }
  get writable(): boolean {
    return (this.#flags & IS_WRITABLE) !== 0;
  }
  get finReceived(): boolean {
    return (this.#flags & FIN_RECEIVED) !== 0;
  }
  get finSent(): boolean {
    return (this.#flags & FIN_GONE) !== 0;
  }
  get canSplice(): boolean {
    return this.#fd >= 0 && (this.#flags & NO_SPLICE) === 0 && this.#ahead === null;
  }

  get congestion(): TcpInfo | null {
    if (this.#fd < 0) return null;
    this.#info ??= new TcpInfo(this.#runtime.addon);
    return this.#info.sample(this.#fd) ? this.#info : null;
  }

  /** Reads into this pool from now on. */
  readInto(pool: SlabPool): void {
    const { addon, poller } = this.#runtime;
    this.#runtime = tcpRuntime(addon, poller, pool);
  }

  /** Sets socket options. */
  tune(set: (addon: NativeAddon, fd: number) => void): void {
    if (this.#fd >= 0) set(this.#runtime.addon, this.#fd);
  }

  recv(max = LARGEST_CHUNK): Chunk | null {
    if (this.#ahead !== null) return this.#takeAhead(this.#ahead, max);
    if (!this.readable) return null;
    const { addon, pool } = this.#runtime;
    const want = Math.min(max, LARGEST_CHUNK);
    const pieces = this.#piecesOf(want);
    const most = pieces * want;
    const slab = pool.borrow(pieces === 1 ? want : LARGEST_CHUNK);
    const got =
      pieces === 1
        ? addon.recv(this.#fd, slab.bytes, HEADROOM, want)
        : addon.recvPieces(this.#fd, slab.bytes, HEADROOM, want, HEADROOM, pieces);
    if (got <= 0) {
      pool.reclaim(slab);
      this.#nothingRead(got);
      return null;
    }
    // A short read has emptied the socket, and the next byte brings a new edge (epoll(7)).
    if (got < most && (this.#flags & READ_TO_END) === 0) this.#setUnreadable();
    this.#flags = got >= want ? this.#flags | IN_BULK : this.#flags & ~IN_BULK;
    if (got <= want) {
      const chunk = pool.seal(slab, got);
      // The slab is larger than what was asked for.
      return pieces === 1 ? chunk : pool.compactTight(chunk);
    }
    this.#ahead = pool.sealPieces(slab, got, want);
    return this.#takeAhead(this.#ahead, max);
  }

  wakeAt(bytes: number): void {
    const least = bytes < LEAST_WAKE ? 1 : Math.min(bytes, MOST_WAKE);
    if (least === this.#wakeAt || this.#fd < 0) return;
    const { addon } = this.#runtime;
    this.#wakeAt = least;
    addon.setOption(this.#fd, addon.options.rcvLowAt, least);
  }

  send(chunk: Chunk): void {
    if (!this.writable) throw new Error('send() while not writable');
    const length = chunk.length;
    const sent = length === 0 ? 0 : this.#runtime.addon.send(this.#fd, chunk.memory, chunk.start, length);
    if (sent === length) {
      chunk.release();
      return;
    }
    if (sent < 0 && sent !== -EAGAIN) {
      chunk.release();
      this.#break(sent, 'send');
      return;
    }
    if (sent > 0) chunk.consume(sent);
    this.#tail = chunk;
    this.#setUnwritable();
  }

  sendFin(): void {
    if (!this.ready && this.#broken === null && this.#fd >= 0) throw new Error('sendFin() before ready');
    if ((this.#flags & FIN_WANTED) !== 0) throw new Error('sendFin() twice');
    this.#flags = (this.#flags | FIN_WANTED) & ~IS_WRITABLE;
    if (this.#tail === null) this.raiseLater(this.#shutdown());
  }

  discard(error?: PipeError): void {
    if (this.#fd < 0) return;
    const { addon, poller } = this.#runtime;
    const fd = this.#fd;
    this.#fd = -1;
    this.#flags &= FIN_RECEIVED | FIN_WANTED | FIN_GONE;
    this.silence();
    this.#dropTail();
    for (const chunk of this.#ahead ?? []) chunk.release();
    this.#ahead = null;
    this.#info = null;
    if (this.#slot >= 0) poller.unwatch(this.#slot, fd);
    this.#slot = -1;
    if (error === undefined) {
      addon.setLinger(fd, -1);
      addon.close(fd);
    } else addon.reset(fd);
  }

  spliceRecv(into: KernelPipe): number {
    if (!this.readable) return 0;
    const got = this.#runtime.addon.splice(this.#fd, into.writeFd, Math.min(into.capacity, SPLICE_BYTES));
    if (got > 0) {
      into.held += got;
      return got;
    }
    // Zero is the end of the stream, EINVAL a socket that cannot splice, and EAGAIN is also what splice(2) answers at
    // TCP's urgent mark, with bytes behind it. Only recv() can tell, so the consumer is sent back to it.
    const atMark = got === -EAGAIN && (this.#flags & READ_TO_END) !== 0;
    if (got === 0 || got === -EINVAL || atMark) this.#flags |= NO_SPLICE;
    else this.#nothingRead(got);
    return 0;
  }

  spliceSend(from: KernelPipe): number {
    let moved = 0;
    while (from.held > 0) {
      const sent = this.#runtime.addon.splice(from.readFd, this.#fd, from.held);
      if (sent > 0) {
        from.held -= sent;
        moved += sent;
      } else if (sent === -EAGAIN) {
        this.#setUnwritable();
        break;
      } else {
        this.#break(sent, 'splice');
        break;
      }
    }
    return moved;
  }

  /** What the kernel has to say about the socket; called by the poller. */
  onPoll(mask: number): void {
    if (!this.ready) {
      this.raise(this.#finishConnect(mask));
      return;
    }
    let events = 0;
    let known = true;
    if ((mask & (POLL_ERR | POLL_HUP | POLL_RDHUP | POLL_PRI)) !== 0) this.#flags |= READ_TO_END;
    if ((mask & POLL_ERR) !== 0 && this.#broken === null) {
      const error = this.#runtime.addon.socketError(this.#fd);
      if (error < 0) events |= this.#setBroken(error, 'socket');
    }
    if ((mask & ~POLL_OUT) !== 0 && (this.#flags & (IS_READABLE | FIN_RECEIVED)) === 0) {
      this.#flags |= IS_READABLE;
      // Behind what was read ahead it is news that nobody has to be told yet.
      known = false;
      if (this.#ahead === null) events |= READABLE;
    }
    if ((mask & POLL_OUT) !== 0 && this.#broken === null) events |= this.#onWritable();
    if (events !== 0) this.raise(events);
    else if (known) this.#turnDeaf(mask);
  }

  /** How many chunks of this size one read should fill. */
  #piecesOf(size: number): number {
    if ((this.#flags & IN_BULK) === 0 || size < LEAST_PIECE) return 1;
    if (this.#runtime.pool.heldBytes > MOST_HELD_BYTES) return 1;
    return Math.min(MOST_PIECES, Math.floor((LARGEST_CHUNK + HEADROOM) / (size + HEADROOM)));
  }

  #takeAhead(ahead: Chunk[], max: number): Chunk {
    const next = ahead[ahead.length - 1] as Chunk;
    if (next.length > max) return next.split(max);
    ahead.pop();
    if (ahead.length === 0) this.#ahead = null;
    return next;
  }

  /** An event has told nothing new: asks not to be told again of what is known. */
  #turnDeaf(mask: number): void {
    const flags = this.#flags;
    let deaf = 0;
    if ((mask & POLL_IN) !== 0 && (flags & (IS_READABLE | FIN_RECEIVED)) === IS_READABLE)
      deaf |= DEAF_TO_BYTES;
    if ((mask & POLL_OUT) !== 0 && (flags & (IS_WRITABLE | FIN_GONE)) !== 0) deaf |= DEAF_TO_ROOM;
    if ((flags & deaf) === deaf) return;
    this.#flags |= deaf;
    this.#listen();
  }

  #setUnreadable(): void {
    this.#flags &= ~IS_READABLE;
    if ((this.#flags & DEAF_TO_BYTES) === 0) return;
    this.#flags &= ~DEAF_TO_BYTES;
    this.#listen();
  }

  #setUnwritable(): void {
    this.#flags &= ~IS_WRITABLE;
    if ((this.#flags & DEAF_TO_ROOM) === 0) return;
    this.#flags &= ~DEAF_TO_ROOM;
    this.#listen();
  }

  #listen(): void {
    const bytes = (this.#flags & DEAF_TO_BYTES) === 0 ? POLL_IN : 0;
    const room = (this.#flags & DEAF_TO_ROOM) === 0 ? POLL_OUT : 0;
    if (this.#slot >= 0) this.#runtime.poller.setInterest(this.#slot, this.#fd, bytes | room);
  }

  #finishConnect(mask: number): number {
    const { addon } = this.#runtime;
    if ((mask & (POLL_OUT | POLL_ERR | POLL_HUP)) === 0) return 0;
    // Writable and nothing else is what a connection looks like when it is there; the rest has to be asked after.
    if ((mask & (POLL_ERR | POLL_HUP)) !== 0) {
      const error = addon.socketError(this.#fd);
      if (error < 0) return this.#setBroken(error, 'connect');
      const peer = addon.peerAddress(this.#fd);
      if (typeof peer === 'number') return peer === -ENOTCONN ? 0 : this.#setBroken(peer, 'connect');
    }
    this.#flags |= IS_READY | IS_WRITABLE;
    let events = READY | WRITABLE;
    if ((mask & (POLL_RDHUP | POLL_HUP | POLL_PRI)) !== 0) this.#flags |= READ_TO_END;
    if ((mask & (POLL_IN | POLL_RDHUP | POLL_HUP)) !== 0) {
      this.#flags |= IS_READABLE;
      events |= READABLE;
    }
    return events;
  }

  #onWritable(): number {
    const tail = this.#tail;
    if (tail !== null) {
      const sent = this.#runtime.addon.send(this.#fd, tail.memory, tail.start, tail.length);
      if (sent < 0) return sent === -EAGAIN ? 0 : this.#setBroken(sent, 'send');
      tail.consume(sent);
      if (tail.length > 0) return 0;
      this.#dropTail();
      if ((this.#flags & FIN_WANTED) !== 0) return this.#shutdown();
    }
    if ((this.#flags & (IS_WRITABLE | FIN_WANTED)) !== 0) return 0;
    this.#flags |= IS_WRITABLE;
    return WRITABLE;
  }

  #shutdown(): number {
    if (this.#fd < 0 || this.#broken !== null) return 0;
    const result = this.#runtime.addon.shutdownWrite(this.#fd);
    if (result < 0) return this.#setBroken(result, 'shutdown');
    this.#flags |= FIN_GONE;
    return FIN_SENT;
  }

  /** A read brought no bytes: `result` is 0 for the end of the stream, or a negative errno. */
  #nothingRead(result: number): void {
    this.#setUnreadable();
    if (result === -EAGAIN) return;
    if (result < 0) this.#break(result, 'recv');
    // Asking for the socket's error clears it, and reads then end as if in peace: on a broken pipe 0 is no FIN.
    else if (this.#broken === null) this.#flags |= FIN_RECEIVED;
  }

  #break(errno: number, operation: string): void {
    this.raiseLater(this.#setBroken(errno, operation));
  }

  #setBroken(errno: number, operation: string): number {
    if (this.#broken !== null) return 0;
    const name = errnoName(errno);
    this.#broken = systemError(name, 'tcp', undefined, { operation, errno: name });
    this.#flags &= ~IS_WRITABLE;
    this.#dropTail();
    return BROKEN;
  }

  #dropTail(): void {
    this.#tail?.release();
    this.#tail = null;
  }
}
