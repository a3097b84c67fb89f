/**
 * A simulated connection of messages: two ends, each direction with a rate, a delay and a send buffer of its own.
 *
 *     send --> [ buffer: `bufferBytes` ] --rate--> (in the air: delayMs) --> [ inbox ] --> recv
 *
 * A frozen link loses nothing and moves nothing. A cut one is broken at both ends: what was on the way is lost.
 */

import type { Chunk } from '../../src/core/chunk.ts';
import { PipeError } from '../../src/core/errors.ts';
import { SlabPool } from '../../src/core/pool.ts';
import { PipeBase } from '../../src/pipe/base.ts';
import { BROKEN, FIN_SENT, READABLE, WRITABLE } from '../../src/pipe/pipe.ts';
import type { World } from './world.ts';

export interface LinkOptions {
  /** Bytes per millisecond. */
  rate: number;
  delayMs: number;
  bufferBytes: number;
}

/** Memory of the simulated machines. */
const kernel = new SlabPool();

export class SimLink {
  readonly near: LinkEnd;
  readonly far: LinkEnd;

  constructor(world: World, options: LinkOptions) {
    this.near = new LinkEnd(world, { ...options });
    this.far = new LinkEnd(world, { ...options });
    this.near.peer = this.far;
    this.far.peer = this.near;
  }

  freeze(): void {
    for (const end of [this.near, this.far]) end.frozen = true;
  }

  thaw(): void {
    for (const end of [this.near, this.far]) {
      end.frozen = false;
      end.transmit();
    }
  }

  cut(): void {
    for (const end of [this.near, this.far]) end.break(new PipeError('reset', 'link'));
  }
}

export class LinkEnd extends PipeBase<'messages'> {
  readonly kind = 'messages';
  readonly maxSend = Number.POSITIVE_INFINITY;
  readonly congestion = null;
  peer!: LinkEnd;
  /** What arrives is read into this pool. */
  pool: SlabPool = kernel;
  frozen = false;
  readonly options: LinkOptions;
  readonly #world: World;
  #buffer: Chunk[] = [];
  #buffered = 0;
  #busy = false;
  readonly #air = new Set<Chunk>();
  #inbox: Chunk[] = [];
  #broken: PipeError | null = null;
  #discarded = false;
  #finWanted = false;
  #finSent = false;
  #peerFin = false;
  #finReceived = false;
  #toldWritable = true;

  constructor(world: World, options: LinkOptions) {
    super();
    this.#world = world;
    this.options = options;
  }

  get ready(): boolean {
    return !this.#discarded;
  }
  get broken(): PipeError | null {
    return this.#broken;
  }
  get readable(): boolean {
    return !this.#discarded && !this.#finReceived && (this.#inbox.length > 0 || this.#peerFin);
  }
  get writable(): boolean {
    const open = !this.#discarded && this.#broken === null && !this.#finWanted;
    return open && this.#buffered < this.options.bufferBytes;
  }
  get finReceived(): boolean {
    return this.#finReceived;
  }
  get finSent(): boolean {
    return this.#finSent;
  }

  recv(): Chunk | null {
    const chunk = this.readable ? this.#inbox.shift() : undefined;
    if (chunk !== undefined) return chunk;
    if (this.#peerFin && this.#broken === null && !this.#discarded) this.#finReceived = true;
    return null;
  }

  send(chunk: Chunk): void {
    if (!this.writable) throw new Error('send() while not writable');
    // As a socket does: what is on the way is the kernel's, and counts no more for its sender.
    this.#buffer.push(kernel.copy(chunk.view()));
    this.#buffered += chunk.length;
    chunk.release();
    if (!this.writable) this.#toldWritable = false;
    this.transmit();
  }

  sendFin(): void {
    this.#finWanted = true;
    this.transmit();
  }

  discard(error?: PipeError): void {
    if (this.#discarded) return;
    this.#discarded = true;
    this.silence();
    this.#drop();
    if (error === undefined && this.#broken === null)
      this.#world.after(this.options.delayMs, () => this.peer.#onPeerClosed());
    else this.peer.break(new PipeError('reset', 'link'));
  }

  break(error: PipeError): void {
    if (this.#broken !== null || this.#discarded) return;
    this.#broken = error;
    this.#drop();
    this.raiseLater(BROKEN);
  }

  /** Puts the next message on the wire when it is free. */
  transmit(): void {
    if (this.#busy || this.frozen || this.#broken !== null || this.#discarded) return;
    const chunk = this.#buffer.shift();
    if (chunk === undefined) {
      if (this.#finWanted && !this.#finSent) this.#transmitFin();
      return;
    }
    this.#busy = true;
    this.#air.add(chunk);
    this.#world.after(chunk.length / this.options.rate, () => {
      this.#busy = false;
      this.#buffered -= chunk.length;
      if (!this.#toldWritable && this.writable) {
        this.#toldWritable = true;
        this.raise(WRITABLE);
      }
      this.transmit();
    });
    this.#world.after(chunk.length / this.options.rate + this.options.delayMs, () => this.#deliver(chunk));
  }

  #deliver(chunk: Chunk): void {
    if (!this.#air.delete(chunk)) return;
    if (this.frozen) {
      // Held back on the way: it goes on when the link does.
      this.#air.add(chunk);
      this.#world.after(1, () => this.#deliver(chunk));
      return;
    }
    this.peer.#arrive(chunk);
  }

  #arrive(chunk: Chunk): void {
    if (this.#discarded || this.#broken !== null) {
      chunk.release();
      return;
    }
    const before = this.readable;
    this.#inbox.push(this.pool.copy(chunk.view()));
    chunk.release();
    if (!before) this.raise(READABLE);
  }

  #transmitFin(): void {
    this.#finSent = true;
    this.raiseLater(FIN_SENT);
    this.#world.after(this.options.delayMs, () => this.peer.#onPeerClosed());
  }

  #onPeerClosed(): void {
    if (this.#peerFin || this.#discarded || this.#broken !== null) return;
    this.#peerFin = true;
    this.raise(READABLE);
  }

  #drop(): void {
    for (const chunk of [...this.#buffer, ...this.#air, ...this.#inbox]) chunk.release();
    this.#buffer = [];
    this.#inbox = [];
    this.#air.clear();
    this.#buffered = 0;
  }
}
