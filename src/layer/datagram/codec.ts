/**
 * The datagram framing: each message is its length in LEB128, then its bytes.
 *
 *     +-------------------+-----------------+-------------------+---
 *     | length (LEB128)   | length bytes    | length (LEB128)   | ...
 *     | 1 to 5 bytes      |                 |                   |
 *     +-------------------+-----------------+-------------------+---
 *
 * Pure: chunks in, chunks out, no I/O.
 */

import type { Chunk } from '../../core/chunk.ts';
import { PipeError } from '../../core/errors.ts';
import type { SlabPool } from '../../core/pool.ts';
import { VARINT_MAX_BYTES, VarintReader, varintLength, writeVarint } from '../../core/varint.ts';

/** Puts the length in front of a message: into its headroom, or, where that is too small, into a copy. */
export function encodeMessage(message: Chunk, pool: SlabPool): Chunk {
  const length = message.length;
  const header = varintLength(length);
  const framed = message.headroom >= header ? message : copyOf(message, pool);
  framed.prepend(header);
  writeVarint(framed.memory, framed.start, length);
  return framed;
}

function copyOf(message: Chunk, pool: SlabPool): Chunk {
  const copy = pool.take(message.length);
  message.memory.copy(copy.memory, copy.start, message.start, message.end);
  message.release();
  return copy;
}

/** Headroom that {@link encodeMessage} can need, in bytes. */
export const HEADER_MAX_BYTES = VARINT_MAX_BYTES;

/**
 * Cuts a stream into its messages, wherever the stream itself was cut.
 *
 * A message that lies within one pushed chunk is a view on it; one that spans chunks is put together in a slab of its
 * own. Holds at most the rest of one pushed chunk and one unfinished message.
 */
export class DatagramDecoder {
  readonly #pool: SlabPool;
  readonly #maxMessage: number;
  readonly #lengthReader = new VarintReader();
  /** What was pushed and not yet looked at. */
  #rest: Chunk | null = null;
  /** A message that spans chunks, and how much of it is there. */
  #assembly: Chunk | null = null;
  #assembled = 0;
  /** Bytes of the last message and its length field together; 0 before there was one. */
  #lastFrame = 0;

  constructor(pool: SlabPool, maxMessage: number) {
    this.#pool = pool;
    this.#maxMessage = maxMessage;
  }

  /** Bytes are waiting that next() has not looked at. push() is for when there are none. */
  get hasRest(): boolean {
    return this.#rest !== null;
  }

  /** The stream may not end here. */
  get inMessage(): boolean {
    return this.#lengthReader.partial || this.#assembly !== null;
  }

  /**
   * How much to read next, at most `most` bytes: so much that the read ends where a message does, if the messages to come
   * are as large as the last one was. In bulk they are, and then none has to be put together from two reads.
   */
  readHint(most: number): number {
    const missing = this.#assembly === null ? 0 : this.#assembly.length - this.#assembled;
    if (this.#lastFrame === 0 || missing + this.#lastFrame > most) return most;
    return missing + Math.floor((most - missing) / this.#lastFrame) * this.#lastFrame;
  }

  /** Takes over a chunk of the stream. */
  push(chunk: Chunk): void {
    if (this.#rest !== null) throw new Error('push() while there is a rest');
    if (chunk.length > 0) this.#rest = chunk;
    else chunk.release();
  }

  /**
   * The next whole message, or null when more of the stream is needed.
   *
   * @throws PipeError `too-large` when a length exceeds the maximum, before anything is allocated for it, and
   *   `malformed` when a length is not a LEB128 number below 2^32; the decoder is of no further use then
   */
  next(): Chunk | null {
    while (this.#rest !== null) {
      if (this.#assembly !== null) {
        const message = this.#fill(this.#assembly, this.#rest);
        if (message !== null) return message;
      } else {
        const length = this.#readLength(this.#rest);
        if (length >= 0) {
          const message = this.#begin(length);
          if (message !== null) return message;
        }
      }
    }
    return null;
  }

  clear(): void {
    this.#rest?.release();
    this.#assembly?.release();
    this.#rest = this.#assembly = null;
  }

  /** The length, or -1 when the rest is used up before it is whole. */
  #readLength(rest: Chunk): number {
    while (rest.length > 0) {
      const length = this.#lengthReader.push(rest.memory[rest.start] as number);
      rest.consume(1);
      if (length === -2)
        throw new PipeError('malformed', 'datagram', 'the length of a message is not a LEB128 number');
      if (length > this.#maxMessage) {
        throw new PipeError(
          'too-large',
          'datagram',
          `a message of ${length} bytes, more than the ${this.#maxMessage} that are accepted here (--max-message)`,
        );
      }
      if (length >= 0) return length;
    }
    this.#dropRest();
    return -1;
  }

  /** Starts a message: all of it when the rest has all of it, else null and an assembly. */
  #begin(length: number): Chunk | null {
    const rest = this.#rest as Chunk;
    this.#lastFrame = varintLength(length) + length;
    if (rest.length > length) return rest.split(length);
    if (rest.length === length) {
      this.#rest = null;
      return rest;
    }
    this.#assembly = this.#pool.take(length);
    this.#assembled = 0;
    if (rest.length === 0) this.#dropRest();
    return null;
  }

  #fill(assembly: Chunk, rest: Chunk): Chunk | null {
    const take = Math.min(rest.length, assembly.length - this.#assembled);
    rest.memory.copy(assembly.memory, assembly.start + this.#assembled, rest.start, rest.start + take);
    this.#assembled += take;
    rest.consume(take);
    if (rest.length === 0) this.#dropRest();
    if (this.#assembled < assembly.length) return null;
    this.#assembly = null;
    return assembly;
  }

  #dropRest(): void {
    this.#rest?.release();
    this.#rest = null;
  }
}
