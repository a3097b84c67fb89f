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
import { PipeError, type PipeErrorCode } from '../../core/errors.ts';
import { quoteBytes } from '../../core/format.ts';
import type { SlabPool } from '../../core/pool.ts';
import { OPENING_BYTES } from '../../core/protocols.ts';
import { VARINT_MAX_BYTES, VarintReader, varintLength, writeVarint } from '../../core/varint.ts';

/** Says what a stream that begins with these bytes is, or null where it may be messages. */
export type Recognise = (opening: Buffer) => string | null;

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

const NOTHING = Buffer.alloc(0);

/** Memory for an unfinished message, as a multiple of what has come of it: who only promises a large one gets little. */
const ROOM_AHEAD = 8;
/** So much costs nothing: it is the smallest slab there is. */
const LEAST_ROOM = 2048;

/**
 * Cuts a stream into its messages, wherever the stream itself was cut.
 *
 * A message that lies within one pushed chunk is a view on it; one that spans chunks is put together in a slab of its
 * own, which grows as it comes. Holds at most the rest of one pushed chunk and one unfinished message.
 */
export class DatagramDecoder {
  readonly #pool: SlabPool;
  readonly #maxMessage: number;
  readonly #recognise: Recognise | null;
  readonly #lengthReader = new VarintReader();
  /** What was pushed and not yet looked at. */
  #rest: Chunk | null = null;
  /** Bytes of a message that spans chunks, or -1 between messages; and what is there of it. */
  #length = -1;
  #assembly: Chunk | null = null;
  #assembled = 0;
  /** Bytes of the last message and its length field together; 0 before there was one. */
  #lastFrame = 0;

  /** How the stream began, until it is {@link OPENING_BYTES} long. */
  #opening = NOTHING;
  /** There was a whole message. */
  #began = false;

  /** @param recognise names streams that are something else altogether, so that nothing of them is taken for a message */
  constructor(pool: SlabPool, maxMessage: number, recognise: Recognise | null = null) {
    this.#pool = pool;
    this.#maxMessage = maxMessage;
    this.#recognise = recognise;
  }

  /** Bytes are waiting that next() has not looked at. push() is for when there are none. */
  get hasRest(): boolean {
    return this.#rest !== null;
  }

  /** The stream may not end here. */
  get inMessage(): boolean {
    return this.#lengthReader.partial || this.#length >= 0;
  }

  /** Bytes of the message that has begun that are still to come; 1 between messages. */
  get missing(): number {
    return this.#length < 0 ? 1 : this.#length - this.#assembled;
  }

  /**
   * How much to read next, at most `most` bytes: so much that the read ends where a message does, if the messages to come
   * are as large as the last one was. In bulk they are, and then none has to be put together from two reads.
   */
  readHint(most: number): number {
    const missing = this.#length < 0 ? 0 : this.#length - this.#assembled;
    if (this.#lastFrame === 0 || missing + this.#lastFrame > most) return most;
    return missing + Math.floor((most - missing) / this.#lastFrame) * this.#lastFrame;
  }

  /**
   * Takes over a chunk of the stream.
   *
   * @throws PipeError `malformed` when the stream is recognised as something else
   */
  push(chunk: Chunk): void {
    if (this.#rest !== null) throw new Error('push() while there is a rest');
    if (chunk.length === 0) {
      chunk.release();
      return;
    }
    this.#rest = chunk;
    if (this.#opening.length < OPENING_BYTES) this.#onOpening(chunk);
  }

  /** An error of this stream, with its beginning quoted: that tells most about who is at the other end. */
  error(code: PipeErrorCode, detail: string): PipeError {
    const began = `the connection began with ${quoteBytes(this.#opening, '"')}`;
    // Not one message yet: a wrong port is more likely than a broken peer.
    const doubt = this.#began ? '' : ': is the other side a tcp-proxy, with the same -n?';
    return new PipeError(code, 'datagram', `${detail}; ${began}${doubt}`);
  }

  /**
   * The next whole message, or null when more of the stream is needed.
   *
   * @throws PipeError `too-large` when a length exceeds the maximum, before anything is allocated for it, and
   *   `malformed` when a length is not a LEB128 number below 2^32; the decoder is of no further use then
   */
  next(): Chunk | null {
    while (this.#rest !== null) {
      const message = this.#length < 0 ? this.#begin(this.#rest) : this.#fill(this.#rest);
      if (message === null) continue;
      this.#began = true;
      return message;
    }
    return null;
  }

  clear(): void {
    this.#rest?.release();
    this.#assembly?.release();
    this.#rest = this.#assembly = null;
  }

  #onOpening(chunk: Chunk): void {
    const room = OPENING_BYTES - this.#opening.length;
    const more = chunk.memory.subarray(chunk.start, Math.min(chunk.end, chunk.start + room));
    this.#opening = Buffer.concat([this.#opening, more]);
    const name = this.#began ? null : (this.#recognise?.(this.#opening) ?? null);
    if (name === null) return;
    const words = `the other side speaks ${name}, not tcp-proxy's framing: it began with ${quoteBytes(this.#opening, '"')}`;
    throw new PipeError('malformed', 'datagram', words);
  }

  /** The length, or -1 when the rest is used up before it is whole. */
  #readLength(rest: Chunk): number {
    while (rest.length > 0) {
      const length = this.#lengthReader.push(rest.memory[rest.start] as number);
      rest.consume(1);
      if (length === -2) throw this.error('malformed', 'the length of a message is not a LEB128 number');
      if (length > this.#maxMessage) {
        const most = `more than the ${this.#maxMessage} that are accepted here (--max-message)`;
        throw this.error('too-large', `a message of ${length} bytes, ${most}`);
      }
      if (length >= 0) return length;
    }
    this.#dropRest();
    return -1;
  }

  /** Starts a message: all of it when the rest has all of it, else null. */
  #begin(rest: Chunk): Chunk | null {
    const length = this.#readLength(rest);
    if (length < 0) return null;
    this.#lastFrame = varintLength(length) + length;
    if (rest.length > length) return rest.split(length);
    if (rest.length === length) {
      this.#rest = null;
      return rest;
    }
    this.#length = length;
    this.#assembled = 0;
    if (rest.length === 0) this.#dropRest();
    return null;
  }

  #fill(rest: Chunk): Chunk | null {
    const take = Math.min(rest.length, this.#length - this.#assembled);
    const assembly = this.#withRoomFor(this.#assembled + take);
    rest.memory.copy(assembly.memory, assembly.start + this.#assembled, rest.start, rest.start + take);
    this.#assembled += take;
    rest.consume(take);
    if (rest.length === 0) this.#dropRest();
    if (this.#assembled < this.#length) return null;
    assembly.end = assembly.start + this.#length;
    this.#assembly = null;
    this.#length = -1;
    return assembly;
  }

  /** The assembly, in a larger slab if this one has no room for so many bytes. */
  #withRoomFor(bytes: number): Chunk {
    const old = this.#assembly;
    if (old !== null && old.memory.length - old.start >= bytes) return old;
    const room = Math.min(this.#length, Math.max(LEAST_ROOM, ROOM_AHEAD * bytes));
    const larger = this.#pool.take(room);
    if (old !== null) {
      old.memory.copy(larger.memory, larger.start, old.start, old.start + this.#assembled);
      old.release();
    }
    this.#assembly = larger;
    return larger;
  }

  #dropRest(): void {
    this.#rest?.release();
    this.#rest = null;
  }
}
