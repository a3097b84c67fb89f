/**
 * LEB128: unsigned integers in groups of seven bits, least significant first, the top bit set on all bytes but the
 * last (DWARF 5, section 7.6). The length prefix of the datagram layer.
 */

/** Bytes that the largest supported value (2^32 - 1) takes. */
export const VARINT_MAX_BYTES = 5;

/** Bytes that `value` takes, 1 to 5. The value must be an integer from 0 to 2^32 - 1. */
export function varintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  if (value < 0x1000_0000) return 4;
  return 5;
}

/** Writes `value` at `offset` in its shortest form and returns the offset behind it. */
export function writeVarint(into: Uint8Array, offset: number, value: number): number {
  while (value >= 0x80) {
    into[offset++] = (value & 0x7f) | 0x80;
    value = Math.floor(value / 0x80);
  }
  into[offset++] = value;
  return offset;
}

/**
 * Reads one value a byte at a time, so that it may be split anywhere.
 *
 * push() answers the value when its last byte has come, -1 while more bytes are needed, and -2 when the encoding is
 * longer than five bytes or the value exceeds 2^32 - 1. After a value or a failure the reader starts afresh.
 */
export class VarintReader {
  #value = 0;
  #bytes = 0;

  /** True in the middle of a value. */
  get partial(): boolean {
    return this.#bytes > 0;
  }

  push(byte: number): number {
    // Arithmetic, not shifts: the fifth byte reaches bit 34, beyond what << keeps.
    this.#value += (byte & 0x7f) * 2 ** (7 * this.#bytes);
    this.#bytes++;
    if ((byte & 0x80) !== 0 && this.#bytes < VARINT_MAX_BYTES) return -1;
    const failed = (byte & 0x80) !== 0 || this.#value > 0xffff_ffff;
    const value = this.#value;
    this.#value = 0;
    this.#bytes = 0;
    return failed ? -2 : value;
  }
}
