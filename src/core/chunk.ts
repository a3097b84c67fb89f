/**
 * Chunk: a view on a slab of pooled memory, with headroom in front.
 *
 *        floor        start                 end
 *      ----+------------+-------------------+----
 *  slab    |  headroom  |       bytes       |
 *      ----+------------+-------------------+----
 *
 * A layer that adds a header writes it into the headroom, so that a frame leaves in one send(2): no copy, no gather
 * list. Ownership is linear: recv() gives a chunk, send() takes it, and the last owner calls release(). Whoever must
 * keep bytes that it also sends takes a second reference, explicitly, with share().
 *
 * The region from `floor` to `end` belongs to this chunk alone, also when several chunks share a slab: that is what
 * makes writing into the headroom safe.
 */

/** Where released slabs go. */
export interface SlabOwner {
  reclaim(slab: Slab): void;
}

/** A block of memory with a reference count. Only {@link Chunk} and its pool touch it. */
export class Slab {
  readonly bytes: Buffer;
  readonly owner: SlabOwner;
  /** The pool's size class, or -1 for memory that is not pooled. */
  readonly sizeClass: number;
  references = 1;

  constructor(bytes: Buffer, owner: SlabOwner, sizeClass: number) {
    this.bytes = bytes;
    this.owner = owner;
    this.sizeClass = sizeClass;
  }
}

export class Chunk {
  #slab: Slab | null;
  #floor: number;
  /** Offset of the first byte in {@link memory}. */
  start: number;
  /** Offset behind the last byte in {@link memory}. */
  end: number;

  /** Takes over one reference to the slab. */
  constructor(slab: Slab, floor: number, start: number, end: number) {
    this.#slab = slab;
    this.#floor = floor;
    this.start = start;
    this.end = end;
  }

  get length(): number {
    return this.end - this.start;
  }

  /** The memory that `start` and `end` index. Valid until release(). */
  get memory(): Buffer {
    return this.#live().bytes;
  }

  /** Free bytes in front of `start`. */
  get headroom(): number {
    return this.start - this.#floor;
  }

  get released(): boolean {
    return this.#slab === null;
  }

  /** A Node Buffer over the bytes, without a copy. For edges and tests: the hot path uses memory, start and end. */
  view(): Buffer {
    return this.#live().bytes.subarray(this.start, this.end);
  }

  /**
   * Moves `start` back by `length` bytes, into the headroom; the caller then writes them.
   *
   * @throws RangeError when there is less headroom than that
   */
  prepend(length: number): void {
    if (length > this.headroom)
      throw new RangeError(`headroom is ${this.headroom} bytes, ${length} asked for`);
    this.start -= length;
  }

  /** Drops `length` bytes from the front; they become headroom. */
  consume(length: number): void {
    if (length > this.length) throw new RangeError(`chunk has ${this.length} bytes, ${length} asked for`);
    this.start += length;
  }

  /** Cuts off the first `length` bytes as a chunk of their own (same slab); this one keeps the rest, without headroom. */
  split(length: number): Chunk {
    if (length > this.length) throw new RangeError(`chunk has ${this.length} bytes, ${length} asked for`);
    const slab = this.#live();
    slab.references++;
    const front = new Chunk(slab, this.#floor, this.start, this.start + length);
    this.start += length;
    this.#floor = this.start;
    return front;
  }

  /** A second reference to the same bytes. The headroom stays with this chunk. */
  share(): Chunk {
    const slab = this.#live();
    slab.references++;
    return new Chunk(slab, this.start, this.start, this.end);
  }

  /** Bytes of memory that this chunk keeps from being reused, together with those that share it. */
  get pinnedBytes(): number {
    return this.#live().bytes.length;
  }

  /** Whether other chunks have views on the same memory. */
  get shared(): boolean {
    return this.#live().references > 1;
  }

  /**
   * Appends another chunk's bytes, by copy, when there is room behind `end` that nobody else uses. Takes the other over
   * only if it succeeds.
   */
  absorb(other: Chunk): boolean {
    const slab = this.#live();
    if (slab.references > 1 || slab.bytes.length - this.end < other.length) return false;
    other.memory.copy(slab.bytes, this.end, other.start, other.end);
    this.end += other.length;
    other.release();
    return true;
  }

  /**
   * Gives up this reference; the slab goes home with the last one.
   *
   * @throws Error when it was released before: somebody else may own the slab by now
   */
  release(): void {
    const slab = this.#live();
    this.#slab = null;
    if (--slab.references === 0) slab.owner.reclaim(slab);
  }

  #live(): Slab {
    if (this.#slab === null) throw new Error('chunk used after release()');
    return this.#slab;
  }
}
