/**
 * A simulated connection of messages: two ends, each direction with a rate, a delay and a send buffer of its own.
 *
 *     send --> [ buffer: `bufferBytes` ] --rate--> (in the air: delayMs) --> [ inbox ] --> recv
 *
 * A frozen link loses nothing and moves nothing. A cut one is broken at both ends: what was on the way is lost.
 */

import type { Chunk } from '../../src/core/chunk.ts';
import { SlabPool } from '../../src/core/pool.ts';
import { FIN_SENT, WRITABLE } from '../../src/pipe/pipe.ts';
import { reset, SimEnd } from './end.ts';
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
    for (const end of [this.near, this.far]) end.break(reset());
  }
}

export class LinkEnd extends SimEnd {
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
  #toldWritable = true;

  constructor(world: World, options: LinkOptions) {
    super();
    this.#world = world;
    this.options = options;
  }

  get writable(): boolean {
    return this.isAlive && !this.finWanted && this.#buffered < this.options.bufferBytes;
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
    this.finWanted = true;
    this.transmit();
  }

  /** Puts the next message on the wire when it is free. */
  transmit(): void {
    if (this.#busy || this.frozen || !this.isAlive) return;
    const chunk = this.#buffer.shift();
    if (chunk === undefined) {
      if (this.finWanted && !this.finSent) this.#transmitFin();
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
    if (this.peer.isAlive) this.peer.arrive(this.peer.pool.copy(chunk.view()));
    chunk.release();
  }

  #transmitFin(): void {
    this.finSent = true;
    this.raiseLater(FIN_SENT);
    this.endPeer();
  }

  protected endPeer(): void {
    this.#world.after(this.options.delayMs, () => this.peer.onPeerClosed());
  }

  protected resetPeer(): void {
    this.peer.break(reset());
  }

  protected drop(): void {
    for (const chunk of [...this.#buffer, ...this.#air]) chunk.release();
    this.#buffer = [];
    this.#air.clear();
    this.#buffered = 0;
  }
}
