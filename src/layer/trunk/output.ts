/**
 * From segments to datagrams: puts the frame header in front of a segment's bytes, and waiting ACKs in front of that.
 */

import type { Chunk } from '../../core/chunk.ts';
import type { SlabPool } from '../../core/pool.ts';
import { frameLength, STREAM, writeFrame } from './codec.ts';
import type { ControlQueue } from './control.ts';
import type { Segment } from './send.ts';

/** Headroom that stays for the layers below: the datagram's length, a TLS record. */
const LOWER_HEADROOM = 16;

/**
 * A STREAM datagram. `fresh` is the segment's own chunk on its first way out, with headroom; it is null when the bytes
 * are sent again: then they are copied, because what is in front of them may still be on its way out elsewhere.
 */
export function encodeSegment(
  segment: Segment,
  fresh: Chunk | null,
  control: ControlQueue,
  pool: SlabPool,
): Chunk {
  const { stream } = segment;
  const label = stream.label;
  const header = frameLength(label);
  const acks = control.ackBytes;
  let datagram: Chunk;
  let room = header;
  if (fresh !== null && fresh.headroom >= header + LOWER_HEADROOM) {
    datagram = fresh;
    if (fresh.headroom >= header + acks + LOWER_HEADROOM) room += acks;
    datagram.prepend(room);
  } else {
    room += acks;
    datagram = pool.take(room + segment.length);
    const bytes = fresh ?? segment.bytes;
    bytes?.memory.copy(datagram.memory, datagram.start + room, bytes.start, bytes.end);
    fresh?.release();
  }
  let at = datagram.start;
  if (room > header) at = control.writeAcks(datagram.memory, at);
  writeFrame(datagram.memory, at, STREAM, stream.flagsOf(segment), stream.id, segment.offset, label);
  return datagram;
}
