/**
 * SendStream: one stream's bytes on their way out.
 *
 *     0 -------- acknowledged -------- sent, kept until acknowledged -------- offset | pending | (the app's socket)
 *
 * Late binding: at most one chunk is taken from the app before a carrier can have it. What is on a carrier is kept by
 * reference as a Segment, until the peer's trunk says that it has it; if the carrier dies or stalls, the segment goes
 * out again on another. The kernel's acknowledgement does not count: it says nothing of the process behind it.
 *
 * Pure: no I/O, no clock.
 */

import type { Chunk } from '../../core/chunk.ts';
import { FIN, OPEN } from './codec.ts';

/** A piece of a stream that is, or was, on some carrier. */
export interface Segment {
  readonly stream: SendStream;
  readonly offset: number;
  readonly length: number;
  readonly fin: boolean;
  /** The bytes; null when there are none, or when they are needed no more. */
  bytes: Chunk | null;
  acknowledged: boolean;
  /** Carriers on which it is unacknowledged and not given up. */
  copies: number;
  /** It waits to be sent again. */
  queued: boolean;
  /** The carrier that got it last, while it lives: who else has it need not send it again unless that one stalls. */
  holder: { readonly stalled: boolean; arrivalMs(length: number, now: number): number } | null;
}

export class SendStream {
  readonly id: number;
  /** Sent along until the peer has acknowledged anything: its carriers are not in step, and any frame may be the first. */
  readonly #label: Buffer | null;
  #opened = false;
  #openOut = false;
  #pending: Chunk | null = null;
  #offset = 0;
  #limit: number;
  #finWanted = false;
  #finOut = false;
  #finAcknowledged = false;
  #over = false;
  /** In order of their offsets; those before the head are acknowledged, and some behind it. */
  #sent: Segment[] = [];
  #head = 0;
  #unacknowledged = 0;
  #unacknowledgedBytes = 0;
  /** Bytes that went out once more. */
  repeatedBytes = 0;

  /**
   * @param label present on the side that opens the stream
   * @param limit the peer's first grant, an offset
   */
  constructor(id: number, label: Buffer | null, limit: number) {
    this.id = id;
    this.#label = label;
    this.#limit = limit;
  }

  /** Where the next new byte goes. */
  get offset(): number {
    return this.#offset;
  }
  get limit(): number {
    return this.#limit;
  }
  get unacknowledgedBytes(): number {
    return this.#unacknowledgedBytes;
  }
  get pendingBytes(): number {
    return this.#pending === null ? 0 : this.#pending.length;
  }
  /** Takes another chunk from the app: none is pending, the peer has credit, and no FIN was asked for. */
  get accepts(): boolean {
    return !this.#over && !this.#finWanted && this.#pending === null && this.#offset < this.#limit;
  }
  /** Has something new to send that the peer's credit allows. */
  get hasNew(): boolean {
    if (this.#over) return false;
    if (this.#pending !== null) return this.#offset < this.#limit;
    return (this.#finWanted && !this.#finOut) || (this.#label !== null && !this.#openOut);
  }

  get finOut(): boolean {
    return this.#finOut;
  }
  /** The peer has everything, the FIN included. */
  get done(): boolean {
    return this.#finAcknowledged && this.#unacknowledged === 0;
  }
  get over(): boolean {
    return this.#over;
  }
  /** The label, while frames still have to carry it. */
  get label(): Buffer | null {
    return this.#opened ? null : this.#label;
  }

  /** Takes a chunk over. Only while {@link accepts}. */
  push(chunk: Chunk): void {
    if (!this.accepts) throw new Error('push() while the stream does not accept');
    if (chunk.length > 0) this.#pending = chunk;
    else chunk.release();
  }

  finish(): void {
    this.#finWanted = true;
  }

  /** The peer grants up to this offset; smaller than before means an old frame, and nothing. */
  grant(limit: number): void {
    if (limit > this.#limit) this.#limit = limit;
  }

  /** The next segment of new data, of at most `max` bytes; null when there is none. Its chunk is the caller's to send. */
  next(max: number): { segment: Segment; chunk: Chunk | null } | null {
    if (!this.hasNew) return null;
    const chunk = this.#takePending(Math.min(max, this.#limit - this.#offset));
    const fin = this.#finWanted && this.#pending === null;
    const length = chunk === null ? 0 : chunk.length;
    const segment: Segment = {
      stream: this,
      offset: this.#offset,
      length,
      fin,
      bytes: chunk === null ? null : chunk.share(),
      acknowledged: false,
      copies: 0,
      queued: false,
      holder: null,
    };
    this.#offset += length;
    this.#unacknowledgedBytes += length;
    this.#openOut = true;
    if (fin) this.#finOut = true;
    this.#unacknowledged++;
    this.#sent.push(segment);
    return { segment, chunk };
  }

  /** STREAM flags for a segment, at the time of sending. */
  flagsOf(segment: Segment): number {
    return (this.label === null ? 0 : OPEN) | (segment.fin ? FIN : 0);
  }

  acknowledge(segment: Segment): void {
    this.#opened = true;
    if (segment.acknowledged) return;
    segment.acknowledged = true;
    if (!this.#over) {
      this.#drop(segment);
      this.#trim();
    }
    if (segment.fin) this.#finAcknowledged = true;
  }

  /** Gives everything up: the stream was reset, by either side. */
  cancel(): void {
    this.#over = true;
    this.#pending?.release();
    this.#pending = null;
    for (let i = this.#head; i < this.#sent.length; i++) {
      const segment = this.#sent[i] as Segment;
      if (!segment.acknowledged) this.#drop(segment);
    }
    this.#sent = [];
    this.#head = 0;
  }

  #drop(segment: Segment): void {
    this.#unacknowledged--;
    this.#unacknowledgedBytes -= segment.length;
    segment.bytes?.release();
    segment.bytes = null;
  }

  #trim(): void {
    while (this.#head < this.#sent.length && (this.#sent[this.#head] as Segment).acknowledged) this.#head++;
    if (this.#head < 64 && this.#head < this.#sent.length) return;
    this.#sent.splice(0, this.#head);
    this.#head = 0;
  }

  #takePending(max: number): Chunk | null {
    const pending = this.#pending;
    if (pending === null) return null;
    if (pending.length > max) return pending.split(max);
    this.#pending = null;
    return pending;
  }
}
