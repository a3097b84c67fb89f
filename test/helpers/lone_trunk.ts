/**
 * LoneTrunk: a trunk whose peer is the test itself, frame by frame, on a clock that stands still unless it is told.
 */

import type { PipeError } from '../../src/core/errors.ts';
import { SlabPool } from '../../src/core/pool.ts';
import type { Carrier } from '../../src/layer/trunk/carrier.ts';
import { FRAME_BYTES, type Frame, readFrame, STREAM, writeFrame } from '../../src/layer/trunk/codec.ts';
import { Trunk } from '../../src/layer/trunk/trunk.ts';
import { type MemoryPipe, memoryPair } from '../../src/pipe/memory.ts';
import { passes } from './settle.ts';
import { SimClock } from './sim_clock.ts';

export type Wire = MemoryPipe<'messages'>;

const WINDOW = 65_536;

export class LoneTrunk {
  readonly pool = new SlabPool();
  readonly clock = new SimClock();
  readonly trunk: Trunk;
  readonly lost: (PipeError | null)[] = [];

  constructor(role: 'client' | 'server') {
    this.trunk = new Trunk({
      role,
      clock: this.clock,
      pool: this.pool,
      peerStreamWindow: WINDOW,
      peerTrunkWindow: WINDOW,
      streamWindow: WINDOW,
      trunkWindow: WINDOW,
      onStream: () => {},
      onEnd: () => {},
      onCarrierLost: (_: Carrier, error) => void this.lost.push(error),
    });
  }

  /** The peer's end of a new carrier. @param capacity bytes that wait on it at most, but one message in any case */
  carrier(id: number, capacity = 1 << 20): Wire {
    const [wire, carrier] = memoryPair('messages', { capacity });
    this.trunk.addCarrier(id, carrier);
    return wire;
  }

  /** The peer says a frame without text. */
  async say(wire: Wire, type: number, value: number, id = 0): Promise<void> {
    const datagram = this.pool.take(FRAME_BYTES);
    writeFrame(datagram.memory, datagram.start, type, 0, id, value);
    wire.send(datagram);
    await passes(3);
  }
}

/** The frames of the next datagram. */
export function nextFrames(wire: Wire): Frame[] {
  const frames: Frame[] = [];
  const datagram = wire.recv();
  while (datagram !== null && datagram.length > 0) {
    const frame = readFrame(datagram);
    frames.push(frame);
    // What is behind a STREAM's header is data.
    if (frame.type === STREAM) datagram.consume(datagram.length);
  }
  datagram?.release();
  return frames;
}

/** All that have come. */
export function allFrames(wire: Wire): Frame[] {
  const frames: Frame[] = [];
  while (wire.readable) frames.push(...nextFrames(wire));
  return frames;
}
