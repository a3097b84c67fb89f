/**
 * IncomingRecords: what was read below and is not opened yet, so that the front always is a whole record, or all that has come
 * of one.
 *
 *     front   [record][record][rec        behind   ord][record] ...
 *
 * Records lie in what the reads have brought, and are opened from there. Of one that is cut between two reads, the parts are
 * copied together.
 */

import type { Chunk } from '../../core/chunk.ts';
import type { SlabPool } from '../../core/pool.ts';
import { APPLICATION_DATA, HEADER_BYTES, MOST_RECORD, recordBytes } from './codec.ts';

export class IncomingRecords {
  /** What the parts of a cut record are copied into. */
  pool: SlabPool;
  #front: Chunk | null = null;
  /** Only while the front has something. */
  #behind: Chunk | null = null;
  /** The front is part of one record, in a slab of its own with room for the rest. */
  #isOwn = false;

  constructor(pool: SlabPool) {
    this.pool = pool;
  }

  get bytes(): number {
    return (this.#front?.length ?? 0) + (this.#behind?.length ?? 0);
  }

  /** The front begins with a whole record, or with what cannot be one. */
  get hasWhole(): boolean {
    return (
      this.#front !== null && this.#front.length >= HEADER_BYTES && this.firstBytes <= this.#front.length
    );
  }

  /** Of the first record; of what cannot be one, the little that it takes to see that. Only when there is something. */
  get firstBytes(): number {
    const { memory, start, end } = this.front;
    const bytes = recordBytes(memory, start, end) ?? HEADER_BYTES;
    return memory[start] !== APPLICATION_DATA || bytes > MOST_RECORD ? HEADER_BYTES : bytes;
  }

  /** So many bytes are missing of the first record, or of its header, while that is not whole. */
  get missing(): number {
    return this.#front === null ? HEADER_BYTES : missingOf(this.#front);
  }

  /** To be opened from, and consumed; then {@link settle}. Only when there is something. */
  get front(): Chunk {
    return this.#front as Chunk;
  }

  /** There are two reads: no third may be pushed. */
  get isFull(): boolean {
    return this.#behind !== null;
  }

  /** Takes over what was read next. */
  push(chunk: Chunk): void {
    if (this.#front === null) this.#setFront(chunk);
    else this.#behind = chunk;
    this.settle();
  }

  /** Goes on to the next record, when what was in front is used up. */
  settle(): void {
    while (this.#front !== null && !this.hasWhole) {
      if (this.#front.length === 0) {
        this.#front.release();
        this.#setFront(this.#behind);
        this.#behind = null;
        continue;
      }
      if (!this.#isOwn) this.#moveToOwn(this.#front);
      if (this.#behind === null) return;
      this.#complete(this.#front, this.#behind);
    }
  }

  clear(): void {
    this.#front?.release();
    this.#behind?.release();
    this.#setFront(null);
    this.#behind = null;
  }

  #setFront(chunk: Chunk | null): void {
    this.#front = chunk;
    this.#isOwn = false;
  }

  /** Lets go of a large slab, too, of which little is left. */
  #moveToOwn(part: Chunk): void {
    const own = this.pool.take(MOST_RECORD);
    part.memory.copy(own.memory, own.start, part.start, part.end);
    own.end = own.start + part.length;
    part.release();
    this.#front = own;
    this.#isOwn = true;
  }

  /** Completes the record that is cut, or its header. */
  #complete(own: Chunk, behind: Chunk): void {
    const missing = Math.min(missingOf(own), behind.length);
    behind.memory.copy(own.memory, own.end, behind.start, behind.start + missing);
    own.end += missing;
    behind.consume(missing);
    if (behind.length > 0) return;
    behind.release();
    this.#behind = null;
  }
}

function missingOf({ memory, start, end, length }: Chunk): number {
  return (recordBytes(memory, start, end) ?? HEADER_BYTES) - length;
}
