/**
 * Direction: one half of a bridge. Moves what a source receives to a destination, then its FIN.
 *
 *     Running --(source's FIN)--> ShuttingDown --(our FIN has gone out)--> Done
 *
 * It reads only while the destination is writable, so nothing piles up here: in the splice mode at most one kernel
 * pipe's worth waits for the destination, otherwise nothing (the destination keeps its own tail).
 *
 * Two ways to move bytes. Buffers: recv() a chunk, send() it on; cheapest for small amounts. Splice: through a kernel
 * pipe, never seen by this process; cheapest for bulk. A direction starts with buffers, turns to splicing when a read
 * comes back large, and returns when the flow is down to a trickle: interactive connections never own a kernel pipe.
 */

import { sharedTurns, type Turn } from '../core/turns.ts';
import type { KernelPipe, KernelPipePool } from '../sys/kernel_pipe.ts';
import type { IoPipe } from './pipe.ts';
import { isSpliceable, type Spliceable } from './splice.ts';

/** Bytes that one direction moves before the others have their turn. */
const TURN_BYTES = 1024 * 1024;
/** Chunks likewise: small ones cost by the piece. */
const TURN_CHUNKS = 64;
/** A read of so many bytes begins splicing... */
const SPLICE_FROM_BYTES = 64 * 1024;
/** ...and a wake-up that moved fewer ends it. */
const SPLICE_DOWN_TO_BYTES = 16 * 1024;

const RUNNING = 0;
const SHUTTING_DOWN = 1;
const DONE = 2;

/** Who runs a direction when its next turn has come. */
export interface DirectionHost {
  resume(direction: Direction): void;
}

export class Direction implements Turn {
  readonly #source: IoPipe;
  readonly #destination: IoPipe;
  readonly #kernelPipes: KernelPipePool | null;
  readonly #host: DirectionHost;

  #state = RUNNING;
  #splicing = false;
  #kernelPipe: KernelPipe | null = null;
  /** Bytes spliced since this wake-up began. */
  #spliced = 0;
  #turnAsked = false;
  #bytes = 0;
  #congestions = 0;

  constructor(source: IoPipe, destination: IoPipe, kernelPipes: KernelPipePool | null, host: DirectionHost) {
    this.#source = source;
    this.#destination = destination;
    this.#kernelPipes = kernelPipes;
    this.#host = host;
  }

  /** Bytes handed to the destination. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How often the destination could take no more. */
  get congestions(): number {
    return this.#congestions;
  }

  get done(): boolean {
    return this.#state === DONE;
  }

  /** Moves what can be moved in one turn. Never calls back: the caller looks at `done` and at the pipes. */
  run(): void {
    if (this.#state === RUNNING && !this.#turnAsked) this.#move(TURN_BYTES, TURN_CHUNKS);
    if (this.#state === SHUTTING_DOWN && this.#destination.finSent) this.#state = DONE;
  }

  /** For a broken source: hands on what had arrived before, as far as the destination takes it now. */
  flush(): void {
    if (this.#state === RUNNING) this.#move(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  }

  /** Lets go of what this direction holds itself; the pipes are the bridge's. */
  stop(): void {
    this.#state = DONE;
    this.#releaseKernelPipe();
  }

  takeTurn(): void {
    this.#turnAsked = false;
    if (this.#state === RUNNING) this.#host.resume(this);
  }

  #move(byteBudget: number, chunkBudget: number): void {
    let bytes = byteBudget;
    let chunks = chunkBudget;
    this.#spliced = 0;
    while (this.#destination.writable) {
      if (bytes <= 0 || chunks <= 0) {
        this.#turnAsked = true;
        sharedTurns.add(this);
        break;
      }
      chunks--;
      const moved = this.#splicing || this.#held() > 0 ? this.#spliceOnce() : this.#copyOnce();
      if (moved < 0) {
        this.#finishIfSourceEnded();
        break;
      }
      bytes -= moved;
    }
    if (this.#held() === 0) this.#releaseKernelPipe();
  }

  /** One chunk through our memory; the bytes moved, or -1 when the source has none now. */
  #copyOnce(): number {
    const chunk = this.#source.recv(this.#destination.maxSend);
    if (chunk === null) return -1;
    const length = chunk.length;
    // An empty message says nothing to a stream.
    if (length === 0 && this.#destination.kind === 'bytes') {
      chunk.release();
      return 0;
    }
    try {
      this.#destination.send(chunk);
    } catch (error) {
      // Misuse, or a bug in the layer: the chunk has stayed ours.
      if (!chunk.released) chunk.release();
      throw error;
    }
    this.#count(length);
    if (length >= SPLICE_FROM_BYTES && this.#kernelPipes !== null && isSpliceable(this.#source)) {
      this.#splicing = isSpliceable(this.#destination);
    }
    return length;
  }

  /** Empties the kernel pipe, or fills and empties it; the bytes moved, or -1 when the source has none now. */
  #spliceOnce(): number {
    const source = this.#source as Spliceable;
    this.#kernelPipe ??= this.#kernelPipes?.acquire() ?? null;
    const kernelPipe = this.#kernelPipe;
    if (kernelPipe === null) {
      this.#splicing = false;
      return 0;
    }
    if (kernelPipe.held === 0 && source.spliceRecv(kernelPipe) === 0) {
      // Still readable, but not by splicing: recv() finds out what it is.
      if (source.readable || this.#spliced < SPLICE_DOWN_TO_BYTES) this.#splicing = false;
      return source.readable ? 0 : -1;
    }
    const moved = (this.#destination as Spliceable).spliceSend(kernelPipe);
    this.#spliced += moved;
    this.#count(moved);
    return moved;
  }

  /** Bytes in the kernel pipe. */
  #held(): number {
    return this.#kernelPipe === null ? 0 : this.#kernelPipe.held;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (!this.#destination.writable && this.#destination.broken === null) this.#congestions++;
  }

  #finishIfSourceEnded(): void {
    if (!this.#source.finReceived) return;
    this.#state = SHUTTING_DOWN;
    this.#destination.sendFin();
  }

  #releaseKernelPipe(): void {
    if (this.#kernelPipe === null) return;
    this.#kernelPipes?.release(this.#kernelPipe);
    this.#kernelPipe = null;
  }
}
