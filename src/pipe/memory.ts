/**
 * MemoryPipe: a pair of pipes joined in memory, for tests, simulations and in-process use.
 *
 *     a.send --> [ inbox of b, `capacity` bytes ] --> b.recv
 *     a.recv <-- [ inbox of a, `capacity` bytes ] <-- b.send
 *
 * Backpressure: a sender is writable while the other's inbox is below its capacity, and below 1,024 chunks, however small;
 * one chunk may overshoot it, as the tail of a socket's send does. FIN waits like a tail does: it is sent once the inbox is below capacity. RST arrives
 * behind what is in the inbox already. As with TCP, discarding a pipe with unread data resets the peer.
 */

import type { Chunk } from '../core/chunk.ts';
import { PipeError } from '../core/errors.ts';
import { PipeBase } from './base.ts';
import { BROKEN, FIN_SENT, type IoPipe, type PipeKind, READABLE, READY, WRITABLE } from './pipe.ts';

export interface MemoryPipeOptions {
  /** Bytes (messages count at least 1 each) that one direction holds before its sender is stopped, as it is by 1,024 chunks. Default 256 KiB. */
  readonly capacity?: number;
  /** The largest message, in bytes. Default no limit. A bytes pipe has none. */
  readonly maxSend?: number;
  /** For tests: how many of `available` bytes one recv() of a bytes pipe returns, 1 to `available`. */
  readonly cut?: (available: number) => number;
  /** When true the pair starts unconnected, until {@link MemoryPipe.connect} is called on one end. */
  readonly connecting?: boolean;
}

/** Two pipes, each the other's peer. */
export function memoryPair<K extends PipeKind>(
  kind: K,
  options: MemoryPipeOptions = {},
): [MemoryPipe<K>, MemoryPipe<K>] {
  const a = new MemoryPipe(kind, options);
  const b = new MemoryPipe(kind, options);
  a.attach(b);
  b.attach(a);
  return [a, b];
}

/** A chunk of one byte pins a slab of 2 KiB: so many of them, and the sender is stopped as well. */
const MOST_CHUNKS = 1024;

export class MemoryPipe<K extends PipeKind> extends PipeBase<K> implements IoPipe<K> {
  readonly kind: K;
  readonly maxSend: number;
  readonly congestion = null;

  readonly #capacity: number;
  readonly #cut: (available: number) => number;
  #peer: MemoryPipe<K> | null = null;
  #inbox: Chunk[] = [];
  #inboxLoad = 0;
  #finInInbox = false;
  #finWanted = false;
  #discarded = false;

  #ready: boolean;
  #broken: PipeError | null = null;
  #readable = false;
  #writable: boolean;
  #finReceived = false;
  #finSent = false;

  constructor(kind: K, options: MemoryPipeOptions) {
    super();
    this.kind = kind;
    this.maxSend =
      kind === 'messages' ? (options.maxSend ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
    this.#capacity = options.capacity ?? 256 * 1024;
    this.#cut = options.cut ?? ((available) => available);
    this.#ready = options.connecting !== true;
    this.#writable = this.#ready;
  }

  /** Joins this end to its peer; {@link memoryPair} does it. */
  attach(peer: MemoryPipe<K>): void {
    this.#peer = peer;
  }

  /** Ends the connecting state of both ends; of one that was discarded or broken meanwhile nothing comes any more. */
  connect(): void {
    for (const end of [this, this.#peer]) {
      if (end === null || end.#ready || end.#discarded || end.#broken !== null) continue;
      end.#ready = true;
      end.#writable = true;
      end.raiseLater(READY | WRITABLE);
    }
  }

  get ready(): boolean {
    return this.#ready;
  }
  get broken(): PipeError | null {
    return this.#broken;
  }
  get readable(): boolean {
    return this.#readable;
  }
  get writable(): boolean {
    return this.#writable;
  }
  get finReceived(): boolean {
    return this.#finReceived;
  }
  get finSent(): boolean {
    return this.#finSent;
  }

  recv(max = Number.POSITIVE_INFINITY): Chunk | null {
    if (!this.#readable) return null;
    const head = this.#inbox[0];
    if (head === undefined) {
      this.#readable = false;
      if (this.#finInInbox && this.#broken === null) this.#finReceived = true;
      return null;
    }
    const chunk = this.#takeFrom(head, max);
    this.#inboxLoad -= load(chunk);
    // It may hand us its FIN now, and then there is still something to read.
    this.#peer?.onDrained();
    if (this.#inbox.length === 0 && !this.#finInInbox && this.#broken === null) this.#readable = false;
    return chunk;
  }

  send(chunk: Chunk): void {
    if (!this.#writable) throw new Error('send() while not writable');
    if (chunk.length > this.maxSend)
      throw new Error(`send() of ${chunk.length} bytes, maxSend is ${this.maxSend}`);
    const peer = this.#peer;
    if (peer === null || peer.#discarded) {
      chunk.release();
      this.#break(new PipeError('reset', 'memory'));
      return;
    }
    if (chunk.length === 0 && this.kind === 'bytes') {
      chunk.release();
      return;
    }
    peer.#inbox.push(chunk);
    peer.#inboxLoad += load(chunk);
    if (peer.#full) this.#writable = false;
    peer.#becomeReadable();
  }

  sendFin(): void {
    if (this.#finWanted) throw new Error('sendFin() twice');
    if (!this.#ready && !this.#discarded && this.#broken === null) throw new Error('sendFin() before ready');
    this.#finWanted = true;
    if (this.#discarded) return;
    this.#writable = false;
    this.#flushFin();
  }

  discard(error?: PipeError): void {
    if (this.#discarded) return;
    this.#discarded = true;
    this.silence();
    const unread = this.#inbox.length > 0;
    for (const chunk of this.#inbox) chunk.release();
    this.#inbox = [];
    this.#inboxLoad = 0;
    this.#ready = this.#readable = this.#writable = false;
    const peer = this.#peer;
    this.#peer = null;
    if (peer === null || peer.#discarded) return;
    // Before it is ready a pipe cannot say FIN, and its peer could not hear it.
    if (error !== undefined || unread || !peer.#ready) peer.#break(new PipeError('reset', 'memory'));
    else if (!this.#finSent) {
      peer.#finInInbox = true;
      peer.#becomeReadable();
    }
  }

  /** The peer has read: there may be room again. */
  protected onDrained(): void {
    const peer = this.#peer;
    if (peer === null || this.#broken !== null || peer.#full) return;
    if (this.#finWanted) this.#flushFin();
    else if (this.#ready && !this.#writable) {
      this.#writable = true;
      this.raiseLater(WRITABLE);
    }
  }

  get #full(): boolean {
    return this.#inboxLoad >= this.#capacity || this.#inbox.length >= MOST_CHUNKS;
  }

  #takeFrom(head: Chunk, max: number): Chunk {
    if (this.kind === 'bytes') {
      const wanted = Math.min(max, this.#cut(head.length));
      if (wanted < head.length) return head.split(wanted);
    }
    this.#inbox.shift();
    return head;
  }

  #flushFin(): void {
    const peer = this.#peer;
    if (this.#finSent || this.#broken !== null) return;
    if (peer !== null && !peer.#discarded) {
      if (peer.#full) return;
      peer.#finInInbox = true;
      peer.#becomeReadable();
    }
    this.#finSent = true;
    this.raiseLater(FIN_SENT);
  }

  #becomeReadable(): void {
    if (this.#readable || this.#finReceived) return;
    this.#readable = true;
    this.raiseLater(READABLE);
  }

  #break(error: PipeError): void {
    if (this.#broken !== null) return;
    this.#broken = error;
    this.#writable = false;
    this.raiseLater(BROKEN);
  }
}

/** An empty message takes room too, or a sender of nothing but empty ones would never be stopped. */
function load(chunk: Chunk): number {
  return Math.max(1, chunk.length);
}
