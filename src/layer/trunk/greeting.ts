/**
 * Takes the messages of a handshake off a byte stream, and says what a stranger is who sends something else.
 *
 *     +-----------------+----------------------+------
 *     | length (LEB128) | 54 53 54 52 (TSTR) ..|        the datagram framing, at most 512 bytes a message
 *     +-----------------+----------------------+------
 *
 * It never wants a byte more than what is due, so that the stream can be handed on where the handshake ends, and whoever
 * promises much or sends much costs nothing.
 *
 * A client that encrypts begins with a record of TLS, which the reader names and leaves to others.
 */

import { PipeError } from '../../core/errors.ts';
import { quoteBytes } from '../../core/format.ts';
import { protocolOf } from '../../core/protocols.ts';
import { varintLength, writeVarint } from '../../core/varint.ts';
import { ECHO, HANDSHAKE_MAX_BYTES, HEAD_BYTES, MAGIC, plainAnswer } from './handshake.ts';

/** Length and magic of a short message: no message is shorter than this. */
const FIRST_READ_BYTES = 6;
const QUOTED_BYTES = 40;

/** Of a record with a ClientHello: type, version, length (two bytes), type of the message (RFC 8446, sections 5.1 and 4). */
const TLS_HELLO: readonly (readonly number[] | null)[] = [[0x16], [0x03], [0x01, 0x03], null, null, [0x01]];
/** Types of records: 20 to 23. */
const TLS_FIRST_TYPE = 0x14;
const TLS_LAST_TYPE = 0x17;
const TLS_MAJOR = 0x03;

function beginsLikeTls(bytes: Buffer): boolean {
  return TLS_HELLO.every(
    (right, i) => right === null || i >= bytes.length || right.includes(bytes[i] as number),
  );
}

/** With its length in front, as it goes on the wire. */
export function framed(message: Buffer): Buffer {
  const frame = Buffer.alloc(varintLength(message.length) + message.length);
  message.copy(frame, writeVarint(frame, 0, message.length));
  return frame;
}

export class GreetingReader {
  #bytes = Buffer.alloc(0);
  #begun = false;

  /** So many bytes may be read next, at least 1. */
  get wants(): number {
    const length = this.#canBeOurs() ? this.#length() : null;
    if (length === null || this.#bytes.length < FIRST_READ_BYTES)
      return FIRST_READ_BYTES - this.#bytes.length;
    return varintLength(length) + length - this.#bytes.length;
  }

  /** The beginning of a message has come that no other protocol would begin with. */
  get begun(): boolean {
    return this.#begun;
  }

  /** What has come of a message that is not whole, or is none. */
  get seen(): Buffer {
    return this.#bytes;
  }

  /**
   * Takes at most {@link wants} bytes.
   *
   * @returns the message when it is whole, null when more has to come, 'stranger' when it cannot be one, and 'tls' when a
   * connection begins as an encrypted one does
   */
  push(bytes: Buffer): Buffer | 'stranger' | 'tls' | null {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    if (!this.#canBeOurs()) {
      if (!this.#canBeTls()) return 'stranger';
      return this.#bytes.length < TLS_HELLO.length ? null : 'tls';
    }
    const length = this.#length();
    this.#begun ||= length !== null && this.#bytes.length >= varintLength(length) + MAGIC.length;
    if (length === null || this.#bytes.length < varintLength(length) + length) return null;
    const message = this.#bytes.subarray(varintLength(length));
    this.#bytes = Buffer.alloc(0);
    return message;
  }

  #length(): number | null {
    const [first, second] = this.#bytes;
    if (first === undefined) return null;
    if (first < 0x80) return first;
    return second === undefined ? null : (first & 0x7f) + 0x80 * second;
  }

  #canBeTls(): boolean {
    return beginsLikeTls(this.#bytes);
  }

  #canBeOurs(): boolean {
    const length = this.#length();
    if (length === null) return true;
    if (length < HEAD_BYTES || length > HANDSHAKE_MAX_BYTES) return false;
    const begin = this.#bytes.subarray(varintLength(length)).subarray(0, MAGIC.length);
    return begin.equals(MAGIC.subarray(0, begin.length));
  }
}

/** What somebody who begins like this is, for a person who has to find out what is wrong. */
export function describeStranger(first: Buffer): string {
  const protocol = protocolOf(first);
  if (protocol !== null) return `it speaks ${protocol}: ${quoted(first)}`;
  // A length, and then what the other side's own target says first.
  const inner = protocolOf(first.subarray(1)) ?? protocolOf(first.subarray(2));
  if (inner !== null) return `it speaks the classic framing (-n 0), and ${inner} inside`;
  if (first[0] === 0) return 'it speaks the classic framing (-n 0)';
  return `it begins with ${quoted(first)}`;
}

/** Its first line. */
function quoted(first: Buffer): string {
  const ends = [0x0d, 0x0a].map((byte) => first.indexOf(byte)).filter((at) => at >= 0);
  return quoteBytes(first.subarray(0, Math.min(QUOTED_BYTES, ...ends)));
}

/** What an answer says that is no TLS, where TLS is due; null if it may be TLS. */
export function answerInTheClear(first: Buffer): PipeError | 'more' | null {
  const [type = 0, major = TLS_MAJOR] = first;
  if (type >= TLS_FIRST_TYPE && type <= TLS_LAST_TYPE && major === TLS_MAJOR) {
    // No answer is shorter: an alert has two bytes behind its header.
    if (first.length < TLS_HELLO.length) return 'more';
    return beginsLikeTls(first) ? new PipeError('malformed', 'trunk', ECHO) : null;
  }
  const reader = new GreetingReader();
  for (let at = 0; at < first.length; ) {
    const next = first.subarray(at, at + reader.wants);
    const message = reader.push(next);
    if (message === 'stranger' || message === 'tls') return new NotAPeer(first);
    if (message !== null) return plainAnswer(message);
    at += next.length;
  }
  return 'more';
}

/** The end of a handshake with a peer that is something else. */
export class NotAPeer extends PipeError {
  constructor(first: Buffer) {
    super('malformed', 'trunk', `this is no tcp-proxy that stripes: ${describeStranger(first)}`);
  }
}
