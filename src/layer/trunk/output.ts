/**
 * From segments to datagrams: puts the frame header in front of a segment's bytes.
 */

import type { Chunk } from '../../core/chunk.ts';
import type { SlabPool } from '../../core/pool.ts';
import { frameLength, STREAM, writeFrame } from './codec.ts';
import type { Segment } from './send.ts';

/** Headroom that stays for the layers below: the datagram's length, a TLS record. */
const LOWER_HEADROOM = 16;

/**
 * A STREAM datagram. `fresh` is the segment's own chunk on its first way out, with headroom; it is null when the bytes
 * are sent again: then they are copied, because what is in front of them may still be on its way out elsewhere.
 */
export function encodeSegment(segment: Segment, fresh: Chunk | null, pool: SlabPool): Chunk {
  const { stream } = segment;
  const label = stream.label;
  const header = frameLength(label);
  let datagram: Chunk;
  if (fresh !== null && fresh.headroom >= header + LOWER_HEADROOM) {
    datagram = fresh;
    datagram.prepend(header);
  } else {
    datagram = pool.take(header + segment.length);
    const bytes = fresh ?? segment.bytes;
    bytes?.memory.copy(datagram.memory, datagram.start + header, bytes.start, bytes.end);
    fresh?.release();
  }
  const flags = stream.flagsOf(segment);
  writeFrame(datagram.memory, datagram.start, STREAM, flags, stream.id, segment.offset, label);
  return datagram;
}
