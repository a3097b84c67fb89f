/**
 * ControlQueue: the frames that are not data, waiting for the next datagram.
 *
 * They never wait behind data. Credit is remembered as the latest limit per stream, so that however often an app reads
 * there is at most one such frame per stream; ACKs are made from the carriers' counts at the moment of sending.
 */

import type { Chunk } from '../../core/chunk.ts';
import type { SlabPool } from '../../core/pool.ts';
import type { Carrier, ControlFrame } from './carrier.ts';
import {
  ACK,
  FIRST_WINDOW,
  FRAME_BYTES,
  frameLength,
  MAX_DATA,
  MAX_STREAM_DATA,
  writeFrame,
} from './codec.ts';

/** Bytes of control frames that go into one datagram: within a small slab. */
const DATAGRAM_BYTES = 1800;

export class ControlQueue {
  readonly #streamLimits = new Map<number, number>();
  #trunkLimit = -1;
  /** The latest of those that were told, and its number. */
  #firstWindow: ControlFrame | null = null;
  #firstWindows = 0;
  /** In order; before #head they are gone. */
  #frames: ControlFrame[] = [];
  #head = 0;
  readonly #acks = new Set<Carrier>();

  get empty(): boolean {
    return this.#acks.size === 0 && !this.#hasReliable();
  }

  #hasReliable(): boolean {
    return (
      this.waiting > 0 || this.#streamLimits.size > 0 || this.#trunkLimit >= 0 || this.#firstWindow !== null
    );
  }

  /** Frames that must arrive and wait, beside credit. */
  get waiting(): number {
    return this.#frames.length - this.#head;
  }

  /** A frame that must arrive: RESET_STREAM, GOAWAY and the like. */
  add(frame: ControlFrame): void {
    if (frame.type === MAX_STREAM_DATA) this.grantStream(frame.id, frame.value);
    else if (frame.type === MAX_DATA) this.grantTrunk(frame.value);
    else if (frame.type === FIRST_WINDOW) this.#repeatFirst(frame);
    else this.#frames.push(frame);
  }

  grantStream(id: number, limit: number): void {
    if (limit > (this.#streamLimits.get(id) ?? -1)) this.#streamLimits.set(id, limit);
  }

  grantTrunk(limit: number): void {
    this.#trunkLimit = Math.max(this.#trunkLimit, limit);
  }

  /** What streams that the peer begins are granted from now on. */
  grantFirst(value: number): void {
    this.#firstWindows++;
    this.#firstWindow = { type: FIRST_WINDOW, flags: 0, id: this.#firstWindows, value, text: null };
  }

  /** One that was lost, unless it is out of date. */
  #repeatFirst(frame: ControlFrame): void {
    if (frame.id === this.#firstWindows) this.#firstWindow = frame;
  }

  /** The stream is over: nobody needs its credit. */
  forgetStream(id: number): void {
    this.#streamLimits.delete(id);
  }

  /** What the carrier has received is to be acknowledged. */
  acknowledge(carrier: Carrier): void {
    this.#acks.add(carrier);
  }

  forgetCarrier(carrier: Carrier): void {
    this.#acks.delete(carrier);
  }

  /** A datagram of waiting frames, and those in it that must arrive; null when nothing waits. */
  take(pool: SlabPool): { datagram: Chunk; reliable: ControlFrame[] } | null {
    if (this.empty) return null;
    const datagram = pool.take(this.#acks.size * FRAME_BYTES + DATAGRAM_BYTES);
    const memory = datagram.memory;
    let at = datagram.start;
    for (const carrier of this.#acks) at = writeFrame(memory, at, ACK, 0, carrier.id, carrier.report());
    this.#acks.clear();
    const full = at + DATAGRAM_BYTES;
    const reliable: ControlFrame[] = [];
    for (let frame = this.#next(full - at); frame !== null; frame = this.#next(full - at)) {
      reliable.push(frame);
      at = writeFrame(memory, at, frame.type, frame.flags, frame.id, frame.value, frame.text);
    }
    datagram.end = at;
    return { datagram, reliable };
  }

  /** Now and then, as each time would move all that wait. */
  #trim(): void {
    if (this.#head < 64 && this.#head < this.#frames.length) return;
    if (this.#head * 2 < this.#frames.length) return;
    this.#frames = this.#frames.slice(this.#head);
    this.#head = 0;
  }

  /** Takes the next frame that fits. Resets first: they free memory on the other side. */
  #next(room: number): ControlFrame | null {
    const frame = this.#frames[this.#head];
    if (frame !== undefined) {
      if (frameLength(frame.text) > room) return null;
      this.#head++;
      this.#trim();
      return frame;
    }
    if (room < FRAME_BYTES) return null;
    if (this.#trunkLimit >= 0) {
      const value = this.#trunkLimit;
      this.#trunkLimit = -1;
      return { type: MAX_DATA, flags: 0, id: 0, value, text: null };
    }
    if (this.#firstWindow !== null) {
      const first = this.#firstWindow;
      this.#firstWindow = null;
      return first;
    }
    for (const [id, value] of this.#streamLimits) {
      this.#streamLimits.delete(id);
      return { type: MAX_STREAM_DATA, flags: 0, id, value, text: null };
    }
    return null;
  }
}
