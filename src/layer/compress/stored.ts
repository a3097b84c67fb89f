/**
 * Stored frames: bytes that are not worth compressing, as a zstd frame of one raw block (RFC 8878, 3.1.1).
 *
 *     magic (4)   descriptor (1)   content size (4)   block header (3)   the bytes
 *     28b52ffd    a0               little-endian      size << 3 | 1      ...
 *
 * Twelve bytes in front, and nothing is copied on either side: who receives such a frame recognises its header, and hands
 * on what is behind it. To anybody else it is a frame like any other.
 */

/** In front of the bytes. */
export const STORED_HEADER_BYTES = 12;
/** Bytes in one frame: the most that a block may have (RFC 8878, 3.1.1.2.4). */
export const MOST_STORED_BYTES = 128 * 1024;

const MAGIC = 0xfd2fb528;
/** A single segment, with its size in four bytes, without a checksum or a dictionary. */
const DESCRIPTOR = 0xa0;
const DESCRIPTOR_AT = 4;
const SIZE_AT = 5;
const BLOCK_AT = 9;
/** The last block, raw. */
const LAST_RAW = 1;

export function writeStoredHeader(to: Buffer, at: number, length: number): void {
  to.writeUInt32LE(MAGIC, at);
  to[at + DESCRIPTOR_AT] = DESCRIPTOR;
  to.writeUInt32LE(length, at + SIZE_AT);
  to.writeUIntLE((length << 3) | LAST_RAW, at + BLOCK_AT, 3);
}

/**
 * @param first the beginning of a frame
 * @returns how many bytes are stored in it; null if it is another frame; 'more' if more bytes have to come to tell
 */
export function readStoredHeader(first: Buffer): number | 'more' | null {
  if (first.length >= 4 && first.readUInt32LE(0) !== MAGIC) return null;
  if (first.length > DESCRIPTOR_AT && first[DESCRIPTOR_AT] !== DESCRIPTOR) return null;
  if (first.length < STORED_HEADER_BYTES) return 'more';
  const length = first.readUInt32LE(SIZE_AT);
  const block = first.readUIntLE(BLOCK_AT, 3);
  return length > 0 && length <= MOST_STORED_BYTES && block === ((length << 3) | LAST_RAW) ? length : null;
}
