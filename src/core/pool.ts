/**
 * SlabPool: reused memory for chunks, in a few sizes, counted.
 *
 * Large reads make a cheap proxy (one system call moves 256 KiB), but most reads find a few bytes. So a read borrows a
 * large slab, and {@link SlabPool.seal} moves a small result into a small slab and gives the large one back: a byte
 * that waits pins half a KiB, not 256.
 *
 * Free slabs are kept up to a limit per size and one for all, last in first out (the warm one first); what is above them
 * goes to the garbage collector, so memory comes back after a burst.
 */

import { Chunk, Slab, type SlabOwner } from './chunk.ts';

/** Bytes that every pooled chunk has in front, enough for the headers of all layers together. */
export const HEADROOM = 64;

/** Usable bytes of each size class, ascending. */
const SIZES = [512, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072, 262_144] as const;

/** The largest pooled chunk, in bytes, and the largest read. */
export const LARGEST_CHUNK = SIZES[SIZES.length - 1] as number;

const SMALLEST_SLAB = HEADROOM + SIZES[0];

/** Below this a piece of a slab that others use, too, is copied when it has to wait. */
const WORTH_SHARING = 2048;

/** A result that fills less than 1/8 of its slab is moved to a smaller one: the copy then costs little. */
const SEAL_FRACTION = 8;
/** Where memory is short, that is done to all that fills less than half. */
const TIGHT_FRACTION = 2;

export interface SlabPoolOptions {
  /**
   * Bytes of free slabs kept per size class; of all classes together twice as much. Default 8 MiB: ten busy streams hold
   * up to that at times, and what is above it is made anew each time and waits for the collector, which costs more.
   */
  readonly keepBytes?: number;
}

export class SlabPool implements SlabOwner {
  readonly #free: Slab[][] = SIZES.map(() => []);
  readonly #keep: number[];
  readonly #keepBytes: number;
  #freeBytes = 0;
  #heldBytes = 0;
  #out = 0;

  constructor(options: SlabPoolOptions = {}) {
    const keepBytes = options.keepBytes ?? 8 * 1024 * 1024;
    this.#keep = SIZES.map((size) => Math.floor(keepBytes / size));
    this.#keepBytes = 2 * keepBytes;
  }

  /** Slabs that somebody holds. Zero when everything was released: every test ends by checking that. */
  get out(): number {
    return this.#out;
  }

  /** Bytes of the slabs that somebody holds, whatever little of them is in use: what they really cost. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Bytes of free slabs that the pool keeps for reuse. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** A chunk of `length` bytes, content undefined, with {@link HEADROOM} in front. */
  take(length: number): Chunk {
    return new Chunk(this.borrow(length), 0, HEADROOM, HEADROOM + length);
  }

  /** A chunk with a copy of these bytes. */
  copy(bytes: Uint8Array): Chunk {
    const chunk = this.take(bytes.length);
    chunk.memory.set(bytes, chunk.start);
    return chunk;
  }

  /** A chunk over memory that is not the pool's (no headroom, no copy). The pool only counts it. */
  wrap(bytes: Uint8Array): Chunk {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new Chunk(this.#hold(new Slab(buffer, this, -1)), 0, 0, buffer.length);
  }

  /**
   * A slab with room for `length` bytes behind the headroom: for a reader that does not know yet whether there will be
   * a chunk. It goes on to {@link seal} or back through {@link reclaim}.
   */
  borrow(length: number): Slab {
    for (let i = 0; i < SIZES.length; i++) {
      const size = SIZES[i] as number;
      if (length > size) continue;
      const free = (this.#free[i] as Slab[]).pop();
      if (free === undefined) return this.#hold(new Slab(Buffer.allocUnsafeSlow(HEADROOM + size), this, i));
      this.#freeBytes -= free.bytes.length;
      return this.#hold(free);
    }
    return this.#hold(new Slab(Buffer.allocUnsafeSlow(HEADROOM + length), this, -1));
  }

  /** Makes a chunk of the first `length` bytes behind the headroom, in a smaller slab if they fill little of this one. */
  seal(slab: Slab, length: number): Chunk {
    const room = slab.bytes.length - HEADROOM;
    if (length * SEAL_FRACTION <= room && slab.sizeClass !== 0) {
      const small = this.take(length);
      slab.bytes.copy(small.memory, small.start, HEADROOM, HEADROOM + length);
      this.reclaim(slab);
      return small;
    }
    return new Chunk(slab, 0, HEADROOM, HEADROOM + length);
  }

  /**
   * Makes chunks of `length` bytes that lie in the slab in pieces, with {@link HEADROOM} in front of each: the last first,
   * so that pop() takes them in order.
   */
  sealPieces(slab: Slab, length: number, piece: number): Chunk[] {
    const count = Math.ceil(length / piece);
    slab.references = count;
    const chunks: Chunk[] = [];
    for (let i = count - 1; i >= 0; i--) {
      const floor = i * (piece + HEADROOM);
      const start = floor + HEADROOM;
      chunks.push(new Chunk(slab, floor, start, start + Math.min(piece, length - i * piece)));
    }
    return chunks;
  }

  /**
   * For a chunk that will wait: copied into a slab of its size when it would pin far more memory than it has bytes.
   * Takes the chunk over and returns it or its copy.
   */
  compact(chunk: Chunk): Chunk {
    const right = chunk.length * SEAL_FRACTION > chunk.pinnedBytes || chunk.pinnedBytes <= SMALLEST_SLAB;
    return right && !(chunk.shared && chunk.length < WORTH_SHARING) ? chunk : this.#copyOf(chunk);
  }

  /** The same where memory is short: afterwards it pins a slab of its own that it fills to about half at least. */
  compactTight(chunk: Chunk): Chunk {
    const right = chunk.length * TIGHT_FRACTION > chunk.pinnedBytes || chunk.pinnedBytes <= SMALLEST_SLAB;
    return right && !chunk.shared ? chunk : this.#copyOf(chunk);
  }

  /** Takes a slab back. Called by the last {@link Chunk.release}, or by a borrower that found nothing to read. */
  reclaim(slab: Slab): void {
    const bytes = slab.bytes.length;
    this.#out--;
    this.#heldBytes -= bytes;
    if (slab.sizeClass < 0) return;
    slab.references = 1;
    const free = this.#free[slab.sizeClass] as Slab[];
    if (free.length >= (this.#keep[slab.sizeClass] as number)) return;
    if (this.#freeBytes + bytes > this.#keepBytes) return;
    this.#freeBytes += bytes;
    free.push(slab);
  }

  #hold(slab: Slab): Slab {
    this.#out++;
    this.#heldBytes += slab.bytes.length;
    return slab;
  }

  #copyOf(chunk: Chunk): Chunk {
    const copy = this.take(chunk.length);
    chunk.memory.copy(copy.memory, copy.start, chunk.start, chunk.end);
    chunk.release();
    return copy;
  }
}

/** The pool that pipes use unless they are given another. */
export const defaultPool = new SlabPool();
