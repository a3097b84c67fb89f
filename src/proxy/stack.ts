/**
 * The one place that puts layers together.
 *
 *     relay              app --- bytes ------------------------------- bytes --- target
 *     client, classic    app --- bytes -------------- datagram over bytes ------ peer
 *     client, striped    app --- bytes -- stream of a trunk over carriers ------ peer
 *     server, classic    peer -- datagram over bytes ----------------- bytes --- target
 *     server, striped    peer -- stream of a trunk over carriers ----- bytes --- target
 *
 * A carrier is datagram over bytes, too; what is inside differs.
 */

import { checkedSizes, DatagramPipe } from '../layer/datagram/pipe.ts';
import { SEGMENT_BYTES } from '../layer/trunk/transmit.ts';
import type { IoPipe } from '../pipe/pipe.ts';

export type ProxyMode = 'client' | 'server' | 'relay';

export interface StackOptions {
  /** The largest message accepted from the peer, in bytes; it sends up to 64 KiB. Default 256 KiB. */
  readonly maxMessageBytes?: number;
}

/** How far ahead of our apps the peer may send on a stream at first, and on all streams of a trunk together, in bytes. */
export const WINDOWS = { stream: 256 * 1024, trunk: 64 * 1024 * 1024 } as const;

/** Room in a carrier's message for frame headers and acknowledgements beside a segment. */
const FRAMES_BYTES = 2048;

/** What a mode builds on the socket that it accepted, and on the one that it dialled. */
export interface Stack {
  accepted(socket: IoPipe<'bytes'>): IoPipe;
  dialled(socket: IoPipe<'bytes'>): IoPipe;
  /** What one connection of a trunk is built of. */
  carrier(socket: IoPipe<'bytes'>): IoPipe<'messages'>;
}

/**
 * @param striped whether the pair speaks of streams over carriers, and not the classic framing
 * @throws RangeError when an option is not possible: here, and not when a connection comes
 */
export function stackFor(mode: ProxyMode, striped: boolean, options: StackOptions = {}): Stack {
  const sizes = checkedSizes(options);
  const carrierBytes = SEGMENT_BYTES + FRAMES_BYTES;
  const carrierSizes = {
    maxMessageBytes: Math.max(sizes.maxMessageBytes, carrierBytes),
    maxSendBytes: carrierBytes,
  };
  const plain = (socket: IoPipe<'bytes'>) => socket;
  const framed = (socket: IoPipe<'bytes'>) => new DatagramPipe(socket, sizes);
  const carrier = (socket: IoPipe<'bytes'>) => new DatagramPipe(socket, carrierSizes);
  const classic = !striped;
  return {
    accepted: classic && mode === 'server' ? framed : plain,
    dialled: classic && mode === 'client' ? framed : plain,
    carrier,
  };
}
