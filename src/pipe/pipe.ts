/**
 * IoPipe: a duplex, reliable, ordered channel with TCP's semantics. The contract that every layer keeps.
 *
 *      consumer  (a bridge, or the layer above)
 *        |  ^
 *   send |  | recv            flags: ready broken readable writable finReceived finSent
 *   sendFin | onActivity      events: the same, when they turn from false to true
 *        v  |
 *       pipe
 *        |  ^
 *        v  |
 *       lower pipe, or a socket
 *
 * UNIT. A pipe of 'bytes' delivers a stream: chunks may be cut and joined on the way. A pipe of 'messages' delivers
 * what was sent, chunk by chunk; an empty message is legal. The two are different types, so that a stack in the wrong
 * order does not compile.
 *
 * POLL STYLE. The state is visible; an event only says that a look at it is worth while. A pipe never reads from below
 * what its consumer has not asked for, so backpressure needs no mechanism of its own: who does not call recv() slows
 * the peer down, hop by hop.
 *
 * RECEIVING. recv() returns a chunk, which the caller then owns, or null. Null has one of three reasons, and the flags
 * say which: `finReceived` (the peer said all that it had to say), `broken`, or neither (nothing there now; an event
 * `readable` will come). FIN is never an empty chunk. `readable` means that recv() is worth calling: it may still
 * return null. After null it is off, until there is more.
 *
 * SENDING. send() may be called only while `writable`. It takes the chunk, whole: what the layer below cannot take at
 * once is kept as the tail of that one send, and `writable` is off until the tail is gone. So no layer sees a partial
 * write, and no pipe keeps more than one chunk on the way down.
 *
 * FIN. sendFin() ends this direction, behind all that was sent before; it may be called while not writable, once.
 * `finSent` turns true when it has really gone out. The other direction is untouched: half-closed pipes live on.
 *
 * RESET AND FAILURE. When the peer resets, or anything fails, `broken` holds the error and stays. Nothing can be sent
 * any more, and nothing new will arrive, but what had arrived before may still be read: recv() goes on returning chunks
 * until null. A failure never looks like a FIN: `finReceived` does not turn true on a broken pipe.
 *
 * DISCARDING. discard() frees all at once, cascading down; with an error the peer sees RST instead of FIN. (Without
 * one it sees FIN if the layers below can say FIN, so it is for pipes that are done, or whose peer cannot be misled.)
 * Afterwards no event comes, recv() returns null, and every flag but `broken`, `finReceived` and `finSent` is off.
 * Discarding twice is harmless.
 *
 * EVENTS. onActivity is called with one or more bits when flags turn from false to true, never on the way back. It is
 * called from the event loop only, never from inside a call that the consumer makes: what such a call finds out is
 * visible in the flags when it returns, and the event follows. The handler may do anything, discard() included;
 * therefore raising an event is the last thing a pipe does in a function, or it looks again whether it is still alive.
 *
 * MISUSE by the consumer (send() while not writable, sendFin() twice) throws an Error; what a peer or a network does
 * never throws.
 */

import type { Chunk } from '../core/chunk.ts';
import type { PipeError } from '../core/errors.ts';
import type { TcpInfo } from '../sys/tcp_info.ts';

export type PipeKind = 'bytes' | 'messages';

/** The bits of {@link ActivityHandler}: which flags have just turned true. */
export const READY = 1;
export const BROKEN = 2;
/** Also raised for FIN: recv() then returns null and `finReceived` is true. */
export const READABLE = 4;
export const WRITABLE = 8;
export const FIN_SENT = 16;

export type ActivityHandler = (events: number) => void;

export interface IoPipe<K extends PipeKind = PipeKind> {
  readonly kind: K;
  /** Bytes of the largest chunk that send() takes; Infinity where there is no limit. */
  readonly maxSend: number;

  /** Established: data can flow. Never turns false again but through discard(). */
  readonly ready: boolean;
  /** Why the pipe is dead, or null. */
  readonly broken: PipeError | null;
  /** recv() is worth calling. */
  readonly readable: boolean;
  /** send() may be called. */
  readonly writable: boolean;
  /** The peer's FIN was read: recv() will return nothing more. */
  readonly finReceived: boolean;
  /** Our FIN has gone out. */
  readonly finSent: boolean;

  /** What the kernel knows of the socket underneath, sampled at each access; null where there is no such thing. */
  readonly congestion: TcpInfo | null;

  /** The consumer's ear. At most one; setting it does not replay events: look at the flags first. */
  onActivity: ActivityHandler | null;

  /**
   * One chunk, owned by the caller from now on, or null.
   *
   * @param max the most bytes wanted, at least 1; only a bytes pipe heeds it
   */
  recv(max?: number): Chunk | null;

  /**
   * A hint to a bytes pipe: with fewer bytes than this the consumer can do nothing, so nobody has to be woken for them. They
   * can be read all the same, and the end, or a failure, is told as ever. 1 takes it back.
   */
  wakeAt?(bytes: number): void;

  /**
   * Takes the chunk over, in whole.
   *
   * @throws Error while not writable, or above maxSend; the chunk then stays the caller's
   */
  send(chunk: Chunk): void;

  /** Ends this direction behind all that was sent. @throws Error when called twice or before `ready` */
  sendFin(): void;

  /** Frees everything now. With an error the peer is reset. */
  discard(error?: PipeError): void;
}
