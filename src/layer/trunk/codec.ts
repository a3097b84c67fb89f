/**
 * The frames of a trunk: pure encoding and decoding. docs/wire.md has them for other implementers.
 *
 * A datagram of a carrier holds one or more frames. Every frame begins with 16 bytes, all numbers big-endian:
 *
 *      0        1        2        3        4                                 8                      16
 *     +--------+--------+-----------------+---------------------------------+----------------------+
 *     | type   | flags  | length          | id                              | value                |
 *     +--------+--------+-----------------+---------------------------------+----------------------+
 *     | length bytes of text or label     |  STREAM only: data, to the end of the datagram
 *
 *     type            flags       length          id       value                  acknowledged
 *     STREAM          OPEN, FIN   of the label    stream   offset of the data     yes
 *     RESET_STREAM    code        of the reason   stream   final offset           yes
 *     STOP_SENDING    code        of the reason   stream   0                      yes
 *     MAX_STREAM_DATA 0           0               stream   limit, an offset       yes
 *     MAX_DATA        0           0               0        limit, a sum           yes
 *     ACK             0           0               carrier  datagrams received     no
 *     PING, PONG      0           0               0        token                  no
 *     GOAWAY          code        of the reason   0        0                      yes
 *     FIRST_WINDOW    0           0               number   limit of new streams   yes
 *
 * STREAM is the last frame of its datagram. An ACK counts the datagrams of a carrier that hold an acknowledged frame.
 */

import type { Chunk } from '../../core/chunk.ts';
import { PipeError } from '../../core/errors.ts';

export const STREAM = 1;
export const RESET_STREAM = 2;
export const STOP_SENDING = 3;
export const MAX_STREAM_DATA = 4;
export const MAX_DATA = 5;
export const ACK = 6;
export const PING = 7;
export const PONG = 8;
export const GOAWAY = 9;
export const FIRST_WINDOW = 10;

/** STREAM flags. OPEN: a label follows the header. FIN: the stream ends behind this data. */
export const OPEN = 1;
export const FIN = 2;

export const FRAME_BYTES = 16;
/** A label or a reason has at most so many bytes. */
export const TEXT_MAX_BYTES = 512;
/** Offsets are 64 bits on the wire; this implementation counts to 2^53 - 1 (9 PB), the exact range of a number. */
export const MAX_OFFSET = Number.MAX_SAFE_INTEGER;

const TWO_32 = 2 ** 32;

/** One frame's header, and its text. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly value: number;
  /** Label or reason; empty where there is none. Bytes that the peer chose: escape before printing. */
  readonly text: Buffer;
}

const NO_TEXT = Buffer.alloc(0);

/** Whether a frame of this type makes its datagram count for ACK. */
export function isAcknowledged(type: number): boolean {
  return type !== ACK && type !== PING && type !== PONG;
}

/** Bytes that a frame takes, without a STREAM's data. */
export function frameLength(text: Uint8Array | null): number {
  return FRAME_BYTES + (text === null ? 0 : text.length);
}

/** Writes a frame at `at` and returns the offset behind it. The caller made room: see {@link frameLength}. */
export function writeFrame(
  into: Buffer,
  at: number,
  type: number,
  flags: number,
  id: number,
  value: number,
  text: Uint8Array | null = null,
): number {
  const length = text === null ? 0 : text.length;
  into[at] = type;
  into[at + 1] = flags;
  into.writeUInt16BE(length, at + 2);
  into.writeUInt32BE(id, at + 4);
  into.writeUInt32BE(Math.floor(value / TWO_32), at + 8);
  into.writeUInt32BE(value % TWO_32, at + 12);
  if (text !== null) into.set(text, at + FRAME_BYTES);
  return at + FRAME_BYTES + length;
}

/**
 * Takes the next frame off the front of a datagram. After a STREAM what is left of the chunk is its data.
 *
 * @throws PipeError `malformed`: cut short, of an unknown type or flag, or with a field that is out of range
 */
export function readFrame(datagram: Chunk): Frame {
  const left = datagram.length;
  if (left < FRAME_BYTES) throw malformed(`a frame of ${left} bytes`);
  const memory = datagram.memory;
  const at = datagram.start;
  const type = memory[at] as number;
  const flags = memory[at + 1] as number;
  const length = memory.readUInt16BE(at + 2);
  const high = memory.readUInt32BE(at + 8);
  if (type < STREAM || type > FIRST_WINDOW) throw malformed(`unknown frame type ${type}`);
  if (high >= 0x20_0000) throw malformed('a value above 2^53 - 1');
  if (length > TEXT_MAX_BYTES) throw malformed(`a text of ${length} bytes`);
  if (length > left - FRAME_BYTES) throw malformed('a text that is cut short');
  if (length > 0 && !mayHaveText(type, flags)) throw malformed(`a text in a frame of type ${type}`);
  if (flags > mostFlags(type)) throw malformed(`unknown flags ${flags} in a frame of type ${type}`);
  const text =
    length === 0 ? NO_TEXT : Buffer.from(memory.subarray(at + FRAME_BYTES, at + FRAME_BYTES + length));
  const frame = {
    type,
    flags,
    id: memory.readUInt32BE(at + 4),
    value: high * TWO_32 + memory.readUInt32BE(at + 12),
    text,
  };
  datagram.consume(FRAME_BYTES + length);
  return frame;
}

function mayHaveText(type: number, flags: number): boolean {
  if (type === STREAM) return (flags & OPEN) !== 0;
  return type === RESET_STREAM || type === STOP_SENDING || type === GOAWAY;
}

function mostFlags(type: number): number {
  if (type === STREAM) return OPEN | FIN;
  return type === RESET_STREAM || type === STOP_SENDING || type === GOAWAY ? 0xff : 0;
}

function malformed(what: string): PipeError {
  return new PipeError('malformed', 'trunk', what);
}
