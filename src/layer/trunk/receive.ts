/**
 * ReceiveStream: one stream's bytes, put back into order.
 *
 *     offset 0 ----------- readOffset ---- contiguous ------- highest ----------- limit
 *             read by the app    | ready   |  gaps and early data |   credit left   |
 *
 * Data comes in any order and more than once (carriers re-send). What is new is kept, by reference; what is known is
 * dropped; a gap is never skipped. The peer may send up to `limit`, which grows as the app reads: memory is bounded by
 * what was granted. Small pieces are packed together, so that many tiny frames do not pin more than they say.
 *
 * Pure: no I/O, no clock.
 */

import type { Chunk } from '../../core/chunk.ts';
import { PipeError } from '../../core/errors.ts';
import type { SlabPool } from '../../core/pool.ts';

/** Data that came before what is in front of it. Sorted, disjoint. */
interface Early {
  offset: number;
  chunk: Chunk;
  /** It is behind a gap, or small: what an honest peer sends few of. */
  counts: boolean;
}

/**
 * More pieces than this wait behind gaps of their own, or are too small for their cost: the peer is not sending a stream,
 * or is after our memory. Large ones that touch each other are bulk behind one gap.
 */
const MOST_EARLY = 4096;

/** Pieces up to this size are packed together while they wait. */
const PACK_BYTES = 1024;

export class ReceiveStream {
  readonly #pool: SlabPool;
  /** In order, ready for the app. */
  readonly #ready: Chunk[] = [];
  readonly #early: Early[] = [];
  /** Pieces in the early list that count. */
  #counted = 0;
  #readOffset = 0;
  #readyEnd = 0;
  #highest = 0;
  #finalOffset: number | null = null;
  #limit: number;
  #bufferedBytes = 0;

  constructor(pool: SlabPool, limit: number) {
    this.#pool = pool;
    this.#limit = limit;
  }

  /** Bytes that the app has taken. */
  get readOffset(): number {
    return this.#readOffset;
  }
  /** The end of the highest data that came: what counts against the trunk's credit. */
  get highest(): number {
    return this.#highest;
  }
  /** The peer may send up to here. */
  get limit(): number {
    return this.#limit;
  }
  /** Bytes that wait, ready or early. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }
  /** Bytes that wait for what is in front of them. */
  get earlyBytes(): number {
    return this.#bufferedBytes - (this.#readyEnd - this.#readOffset);
  }
  /** The peer's FIN is next: everything before it was read. */
  get atEnd(): boolean {
    return this.#finalOffset !== null && this.#readOffset === this.#finalOffset;
  }
  /** Something to read: bytes, or the end. */
  get readable(): boolean {
    return this.#ready.length > 0 || this.atEnd;
  }
  /** Where the peer's data ends, once FIN or a reset has told. */
  get finalOffset(): number | null {
    return this.#finalOffset;
  }

  /** Grants more; never takes back. */
  grant(limit: number): void {
    if (limit > this.#limit) this.#limit = limit;
  }

  /**
   * Takes over data that came at an offset.
   *
   * @returns by how many bytes `highest` has grown
   * @throws PipeError `malformed` when the peer exceeds its credit, changes the final offset or bytes that it has sent
   *   before, or sends more than it can mean; the chunk is taken over all the same
   */
  push(offset: number, chunk: Chunk, fin: boolean): number {
    const end = offset + chunk.length;
    try {
      this.#check(end, fin);
    } catch (error) {
      chunk.release();
      throw error;
    }
    if (fin) this.#finalOffset = end;
    const grown = Math.max(0, end - this.#highest);
    this.#highest += grown;
    this.#insert(offset, chunk);
    if (this.#counted > MOST_EARLY) throw malformed(`more than ${MOST_EARLY} pieces with gaps between them`);
    return grown;
  }

  /**
   * The peer gave the stream up at this final offset. What is in order stays readable; what is not never will be.
   *
   * @returns by how many bytes `highest` has grown
   * @throws PipeError `malformed` as in push()
   */
  reset(finalOffset: number): number {
    this.#check(finalOffset, true);
    this.#finalOffset = finalOffset;
    this.#dropEarly();
    const grown = finalOffset - this.#highest;
    this.#highest = finalOffset;
    return grown;
  }

  /** Up to `max` bytes in order, or null. */
  read(max: number): Chunk | null {
    const head = this.#ready[0];
    if (head === undefined) return null;
    const chunk = head.length > max ? head.split(max) : (this.#ready.shift() as Chunk);
    this.#readOffset += chunk.length;
    this.#bufferedBytes -= chunk.length;
    return chunk;
  }

  /**
   * Memory is short: moves all that waits into slabs of its size.
   *
   * @returns bytes of the slabs that it then holds
   */
  compact(): number {
    let held = 0;
    for (const [i, chunk] of this.#ready.entries()) {
      const own = this.#pool.compactTight(chunk);
      this.#ready[i] = own;
      held += own.pinnedBytes;
    }
    for (const early of this.#early) {
      early.chunk = this.#pool.compactTight(early.chunk);
      held += early.chunk.pinnedBytes;
    }
    return held;
  }

  /** Nobody will read any more. */
  clear(): void {
    this.#dropEarly();
    for (const chunk of this.#ready) chunk.release();
    this.#ready.length = 0;
    this.#bufferedBytes = 0;
    this.#readOffset = this.#readyEnd;
  }

  #dropEarly(): void {
    for (const { chunk } of this.#early) {
      this.#bufferedBytes -= chunk.length;
      chunk.release();
    }
    this.#early.length = 0;
    this.#counted = 0;
  }

  #check(end: number, fin: boolean): void {
    if (end > this.#limit) throw malformed(`data up to ${end}, credit up to ${this.#limit}`);
    const final = this.#finalOffset;
    if (final !== null && (end > final || (fin && end !== final)))
      throw malformed(`the end moved from ${final} to ${end}`);
    if (fin && end < this.#highest) throw malformed(`the end at ${end}, behind data up to ${this.#highest}`);
  }

  /** Keeps of a chunk what is new: nothing below the ready end, nothing that an early piece has. */
  #insert(offset: number, chunk: Chunk): void {
    if (offset < this.#readyEnd) {
      const known = Math.min(chunk.length, this.#readyEnd - offset);
      chunk.consume(known);
      offset += known;
    }
    let at = this.#firstEndingBehind(offset);
    while (chunk.length > 0) {
      const next = this.#early[at];
      if (next === undefined || offset + chunk.length <= next.offset) {
        this.#keep(at, offset, chunk);
        this.#advance();
        return;
      }
      if (offset < next.offset) {
        const gap = chunk.split(next.offset - offset);
        if (this.#keep(at, offset, gap)) at++;
        offset = next.offset;
      }
      const overlap = Math.min(chunk.length, next.offset + next.chunk.length - offset);
      this.#compare(chunk, overlap, next, offset - next.offset);
      chunk.consume(overlap);
      offset += overlap;
      at++;
    }
    chunk.release();
    this.#advance();
  }

  /** @returns whether it went into the early list */
  #keep(at: number, offset: number, chunk: Chunk): boolean {
    this.#bufferedBytes += chunk.length;
    // The common case, in order: straight to the app, without a detour through the sorted list.
    if (offset === this.#readyEnd) {
      this.#readyEnd += chunk.length;
      const last = this.#ready[this.#ready.length - 1];
      if (last === undefined || !this.#pack(last, chunk)) this.#ready.push(this.#pool.compact(chunk));
      return false;
    }
    const before = this.#early[at - 1];
    if (
      before !== undefined &&
      before.offset + before.chunk.length === offset &&
      this.#pack(before.chunk, chunk)
    ) {
      this.#recount(at - 1);
      this.#recount(at);
      return false;
    }
    this.#early.splice(at, 0, { offset, chunk: this.#pool.compact(chunk), counts: false });
    this.#recount(at);
    this.#recount(at + 1);
    return true;
  }

  /** This piece, or the one in front of it, has changed. */
  #recount(at: number): void {
    const piece = this.#early[at];
    if (piece === undefined) return;
    const before = this.#early[at - 1];
    const touches = before !== undefined && before.offset + before.chunk.length === piece.offset;
    const counts = !touches || piece.chunk.length <= PACK_BYTES;
    if (counts !== piece.counts) this.#counted += counts ? 1 : -1;
    piece.counts = counts;
  }

  #pack(last: Chunk, chunk: Chunk): boolean {
    return chunk.length <= PACK_BYTES && last.absorb(chunk);
  }

  /** Moves what has become contiguous. */
  #advance(): void {
    let moved = 0;
    for (const early of this.#early) {
      if (early.offset !== this.#readyEnd) break;
      this.#ready.push(early.chunk);
      this.#readyEnd += early.chunk.length;
      if (early.counts) this.#counted--;
      moved++;
    }
    if (moved > 0) this.#early.splice(0, moved);
  }

  /** Index of the first early piece that ends behind `offset`. */
  #firstEndingBehind(offset: number): number {
    let low = 0;
    let high = this.#early.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const piece = this.#early[middle] as Early;
      if (piece.offset + piece.chunk.length > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #compare(chunk: Chunk, length: number, early: Early, skip: number): void {
    const { memory, start } = early.chunk;
    const from = start + skip;
    if (chunk.memory.compare(memory, from, from + length, chunk.start, chunk.start + length) !== 0) {
      chunk.release();
      throw malformed('other bytes at an offset that it has sent before');
    }
  }
}

function malformed(what: string): PipeError {
  return new PipeError('malformed', 'trunk', `stream: ${what}`);
}
