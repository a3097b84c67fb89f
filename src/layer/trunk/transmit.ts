/**
 * Transmitter: a trunk's way out. Owns the carriers and everything that waits for one.
 *
 *     control frames  >  what has to be sent again  >  new data of the streams         in this order, on the carrier
 *                                                                                      where each would arrive first
 *
 * pump() sends what can be sent, and runs whenever something may have changed: a chunk was submitted, a carrier has room
 * again, an ACK or credit came, a timer fired. Carriers pull; nothing is pushed at them.
 */

import type { Chunk } from '../../core/chunk.ts';
import type { Clock } from '../../core/clock.ts';
import { PipeError } from '../../core/errors.ts';
import type { SlabPool } from '../../core/pool.ts';
import type { IoPipe } from '../../pipe/pipe.ts';
import { Carrier } from './carrier.ts';
import { FRAME_BYTES, GOAWAY, PING, PONG, writeFrame } from './codec.ts';
import { ControlQueue } from './control.ts';
import type { TrunkCredit } from './credit.ts';
import { Outbox, URGENT_BYTES } from './outbox.ts';
import { encodeSegment } from './output.ts';
import { toReason } from './reasons.ts';
import { chooseCarrier } from './scheduler.ts';
import type { Segment } from './send.ts';
import { CarrierWatch } from './watch.ts';

/** Bulk travels in segments of this size: four of them, with their headers, fit into one read of 256 KiB. */
export const SEGMENT_BYTES = 64 * 1024 - 128;

export interface TransmitterOptions {
  readonly clock: Clock;
  readonly pool: SlabPool;
  readonly credit: TrunkCredit;
  readonly graceMs: number;
  /** There has been no carrier for `graceMs`. */
  readonly onCarrierless: () => void;
  /** A carrier is over; what it had in flight is queued for the others already. */
  readonly onCarrierLost: (carrier: Carrier, error: PipeError | null) => void;
}

export class Transmitter {
  readonly control = new ControlQueue();
  readonly outbox = new Outbox();
  readonly watch: CarrierWatch;
  readonly #carriers = new Map<number, Carrier>();
  readonly #options: TransmitterOptions;
  #pumping = false;
  #stopped = false;
  /** Bytes of the streams on carriers and not acknowledged. */
  unacknowledgedBytes = 0;
  /** Bytes that were sent on a second carrier while they may have been alive on the first. */
  resentBytes = 0;

  constructor(options: TransmitterOptions) {
    this.#options = options;
    this.watch = new CarrierWatch(options.clock, this.#carriers, options.graceMs, {
      onOverdue: (carrier, now) => {
        carrier.onOverdue(now, SEGMENT_BYTES, (segment) => this.outbox.sendAgain(segment));
      },
      onPing: (carrier, now) => this.#ping(carrier, now),
      onDead: (carrier) => this.lose(carrier, new PipeError('timeout', 'trunk', 'the connection is silent')),
      onCarrierless: options.onCarrierless,
      onTick: () => this.pump(),
    });
  }

  get carriers(): ReadonlyMap<number, Carrier> {
    return this.#carriers;
  }

  /** Nothing is under way or waiting that the peer lacks. */
  get idle(): boolean {
    const flying = [...this.#carriers.values()].some((carrier) => carrier.inFlight > 0);
    return this.unacknowledgedBytes === 0 && this.control.empty && !flying;
  }

  /** The slowest smoothed round trip of all carriers, in milliseconds, at least 1. */
  get rttMs(): number {
    let most = 1;
    for (const carrier of this.#carriers.values()) most = Math.max(most, carrier.estimate.srttMs);
    return most;
  }

  add(id: number, pipe: IoPipe<'messages'>): Carrier {
    const carrier = new Carrier(id, pipe, this.#options.clock.now());
    this.#carriers.set(id, carrier);
    this.watch.onCarriers();
    return carrier;
  }

  /** A carrier is over: others send what it had in flight. */
  lose(carrier: Carrier, error: PipeError | null): void {
    if (!this.#carriers.delete(carrier.id)) return;
    this.control.forgetCarrier(carrier);
    const { segments, control } = carrier.abandon(error ?? undefined);
    for (const frame of control) this.control.add(frame);
    for (const segment of segments) this.outbox.sendAgain(segment);
    // An ACK may have gone down with it; counts are absolute, so saying them again costs nothing.
    for (const other of this.#carriers.values()) other.unreport();
    this.watch.onCarriers();
    this.#options.onCarrierLost(carrier, error);
  }

  /** The end: tells the peer why, if it can be told, and lets go of all carriers. */
  stop(error: PipeError): void {
    this.#stopped = true;
    this.watch.stop();
    this.#sayGoaway(error);
    for (const carrier of this.#carriers.values()) carrier.abandon();
    this.#carriers.clear();
    this.outbox.clear();
  }

  /** Sends what can be sent. */
  pump(): void {
    if (this.#pumping || this.#stopped) return;
    this.#pumping = true;
    try {
      const now = this.#options.clock.now();
      for (const { estimate, pipe } of this.#carriers.values()) estimate.onTick(() => pipe.congestion, now);
      const waitUntil =
        this.#pumpControl(now) && this.#pumpResend(now) ? this.#pumpNew(now) : Number.POSITIVE_INFINITY;
      this.watch.schedule(now, waitUntil);
    } finally {
      this.#pumping = false;
    }
  }

  /** @returns false when the carriers have no more room */
  #pumpControl(now: number): boolean {
    if (this.watch.takeAcksDue(now)) {
      for (const carrier of this.#carriers.values()) {
        if (carrier.unreported > 0) this.control.acknowledge(carrier);
      }
    }
    while (!this.control.empty) {
      const { carrier } = chooseCarrier(this.#carriers, FRAME_BYTES, false);
      if (carrier === null) return false;
      const taken = this.control.take(this.#options.pool);
      if (taken === null) break;
      carrier.send(taken.datagram, taken.reliable.length > 0, null, taken.reliable, now);
    }
    return true;
  }

  /** @returns false when the carriers have no more room */
  #pumpResend(now: number): boolean {
    for (let segment = this.outbox.peekResend(); segment !== null; segment = this.outbox.peekResend()) {
      const { carrier } = chooseCarrier(this.#carriers, segment.length, false);
      if (carrier === null) return false;
      if (segment.copies > 0) this.resentBytes += segment.length;
      this.outbox.takeResend();
      this.#sendSegment(carrier, segment, null, now);
    }
    return true;
  }

  /** @returns until when it is worth waiting for a better carrier; Infinity when there is nothing to wait for */
  #pumpNew(now: number): number {
    const { credit } = this.#options;
    for (let stream = this.outbox.peek(); stream !== null; stream = this.outbox.peek()) {
      const { sending } = stream;
      const length = Math.min(sending.pendingBytes, SEGMENT_BYTES, credit.left);
      // Out of the trunk's credit: only what has no bytes can go. MAX_DATA will wake us.
      if (length === 0 && sending.pendingBytes > 0) break;
      const choice = chooseCarrier(this.#carriers, length, length > URGENT_BYTES);
      if (choice.carrier === null) return now + choice.waitMs;
      this.outbox.take(stream);
      const next = sending.next(length);
      if (next === null) continue;
      credit.onSent(next.segment.length);
      this.unacknowledgedBytes += next.segment.length;
      this.#sendSegment(choice.carrier, next.segment, next.chunk, now);
      if (sending.hasNew) this.outbox.add(stream);
      stream.onSent();
    }
    return Number.POSITIVE_INFINITY;
  }

  #sendSegment(carrier: Carrier, segment: Segment, fresh: Chunk | null, now: number): void {
    const datagram = encodeSegment(segment, fresh, this.control, this.#options.pool);
    carrier.send(datagram, true, segment, [], now);
  }

  #ping(carrier: Carrier, now: number): void {
    carrier.pingSentAt = now;
    this.#sendUncounted(carrier, PING, Math.floor(now), now);
  }

  /** On the same carrier, since it is that one that is asked after; without room our data is answer enough. */
  answerPing(carrier: Carrier, token: number, now: number): void {
    if (carrier.pipe.writable) this.#sendUncounted(carrier, PONG, token, now);
  }

  #sendUncounted(carrier: Carrier, type: number, value: number, now: number): void {
    const datagram = this.#options.pool.take(FRAME_BYTES);
    writeFrame(datagram.memory, datagram.start, type, 0, 0, value);
    carrier.send(datagram, false, null, [], now);
  }

  #sayGoaway(error: PipeError): void {
    const { carrier } = chooseCarrier(this.#carriers, FRAME_BYTES, false);
    if (carrier === null) return;
    const { code, text } = toReason(error);
    const datagram = this.#options.pool.take(FRAME_BYTES + text.length);
    writeFrame(datagram.memory, datagram.start, GOAWAY, code, 0, 0, text);
    carrier.send(datagram, true, null, [], this.#options.clock.now());
  }
}
