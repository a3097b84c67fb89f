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
import { ACK, FRAME_BYTES, GOAWAY, PING, PONG, writeFrame } from './codec.ts';
import { ControlQueue } from './control.ts';
import type { TrunkCredit } from './credit.ts';
import { Fleet } from './fleet.ts';
import type { SchedulerName } from './options.ts';
import { Outbox, URGENT_BYTES } from './outbox.ts';
import { encodeSegment } from './output.ts';
import { toReason } from './reasons.ts';
import { RoundRobin } from './round_robin.ts';
import { bulkCarrier, otherCarrier, urgentCarrier } from './scheduler.ts';
import type { Segment, SendStream } from './send.ts';
import type { SentReport } from './snapshot.ts';
import { CarrierWatch } from './watch.ts';

/** Bulk travels in segments of this size: four of them, with their headers, fit into one read of 256 KiB. */
export const SEGMENT_BYTES = 64 * 1024 - 128;

/** Sent a second time to overtake a slow carrier: at first, as a share of new data, and saved up, in bytes. */
const RESCUE_FIRST = 128 * 1024;
const RESCUE_SHARE = 0.03;
const RESCUE_MOST = 1024 * 1024;
/** With less under way, small pieces have nothing to wait for. */
const LEAST_BULK = 128 * 1024;
/** A stall that lasts so long does not end by itself. */
const LONG_STALL_MS = 400;
/** How much later something has to be expected than the other carrier would bring it. */
const LATE_FACTOR = 1.5;
const LATE_MARGIN_MS = 10;

export interface TransmitterOptions {
  readonly clock: Clock;
  readonly pool: SlabPool;
  readonly credit: TrunkCredit;
  readonly graceMs: number;
  readonly scheduler: SchedulerName;
  /** There has been no carrier for `graceMs`. */
  readonly onCarrierless: () => void;
  /** A carrier is over; what it had in flight is queued for the others already. */
  readonly onCarrierLost: (carrier: Carrier, error: PipeError | null) => void;
  /** A carrier that was to go has gone, with nothing on it. */
  readonly onCarrierClosed: (carrier: Carrier) => void;
}

export class Transmitter {
  readonly control = new ControlQueue();
  readonly outbox = new Outbox();
  readonly watch: CarrierWatch;
  readonly fleet = new Fleet();
  readonly #carriers = this.fleet.all;
  readonly #options: TransmitterOptions;
  /** Null: each goes where it would arrive first. */
  readonly #turns: RoundRobin | null;
  #pumping = false;
  /** Until when bulk waits for a better carrier than the free one. */
  #waitUntil = Number.POSITIVE_INFINITY;
  /** Bytes that may still be sent a second time to overtake themselves. */
  #rescueBytes = RESCUE_FIRST;
  #stopped = false;
  /** Bytes of the streams on carriers and not acknowledged. */
  unacknowledgedBytes = 0;
  /** Bytes that were sent on a second carrier while they may have been alive on the first. */
  resentBytes = 0;
  /** Bytes that were sent again for any reason, the loss of a carrier included. */
  #repeatedBytes = 0;

  constructor(options: TransmitterOptions) {
    this.#options = options;
    this.#turns = options.scheduler === 'round-robin' ? new RoundRobin() : null;
    this.watch = new CarrierWatch(options.clock, this.#carriers, options.graceMs, {
      onOverdue: (carrier, now) => {
        // Perhaps only the ACK was lost, on a carrier that froze: the answer says it again. Most stalls end by themselves.
        if (now - carrier.progressAt > LONG_STALL_MS) this.#ping(carrier, now);
        carrier.onOverdue(
          now,
          SEGMENT_BYTES,
          (segment) => {
            // In turn means that nobody helps: only what is lost with its carrier goes over another one.
            if (this.#turns === null) this.outbox.sendAgain(segment);
          },
          (frame) => this.control.add(frame),
        );
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
    return this.unacknowledgedBytes === 0 && this.control.empty && !this.outbox.hasResend && !flying;
  }

  /** The slowest smoothed round trip of all carriers, in milliseconds, at least 1. */
  get rttMs(): number {
    let most = 1;
    for (const carrier of this.#carriers.values()) most = Math.max(most, carrier.estimate.srttMs);
    return most;
  }

  /** The longest minimum round trip of all carriers, in milliseconds. */
  get minRttMs(): number {
    let most = 0;
    for (const carrier of this.#carriers.values()) most = Math.max(most, carrier.estimate.minRttMs);
    return most;
  }

  get report(): SentReport {
    const dataBytes = this.#options.credit.sent;
    return { ...this.fleet.report, dataBytes, repeatedBytes: this.#repeatedBytes };
  }

  add(id: number, pipe: IoPipe<'messages'>, trace: Carrier['trace']): Carrier {
    const carrier = new Carrier(id, pipe, this.#options.clock.now(), trace);
    this.fleet.add(carrier);
    this.watch.onCarriers();
    // Its answer says how far away the peer is, before there is anything else to tell by.
    this.#ping(carrier, this.#options.clock.now());
    return carrier;
  }

  /** A carrier is over: others send what it had in flight. */
  lose(carrier: Carrier, error: PipeError | null): void {
    if (!this.fleet.lose(carrier)) return;
    this.control.forgetCarrier(carrier);
    const { segments, control } = carrier.abandon(error ?? undefined);
    for (const frame of control) this.control.add(frame);
    for (const segment of segments) this.outbox.sendAgain(segment);
    // An ACK may have gone down with it; counts are absolute, so saying them again costs nothing.
    for (const other of this.#carriers.values()) other.unreport();
    this.watch.onUnreported(0, this.#options.clock.now());
    for (const other of this.fleet.closing) this.lose(other, null);
    this.watch.onCarriers();
    this.#options.onCarrierLost(carrier, error);
  }

  #closeRetired(now: number): void {
    for (const carrier of this.fleet.closeRetired(now)) {
      this.control.forgetCarrier(carrier);
      carrier.abandon();
      this.#options.onCarrierClosed(carrier);
    }
  }

  /** The end: tells the peer why, if it can be told, and lets go of all carriers. */
  stop(error: PipeError): void {
    this.#stopped = true;
    this.watch.stop();
    this.#sayGoaway(error);
    for (const carrier of this.#carriers.values()) carrier.abandon();
    this.fleet.clear();
    this.outbox.clear();
  }

  /** Sends what can be sent. */
  pump(): void {
    if (this.#pumping || this.#stopped) return;
    this.#pumping = true;
    try {
      const now = this.#options.clock.now();
      this.#lookAtKernel(now);
      if (!this.#pumpControl(now) || !this.#pumpResend(now)) this.#waitUntil = Number.POSITIVE_INFINITY;
      else if (this.#pumpNew(now) && this.#turns === null) this.#pumpLate(now);
      this.#closeRetired(now);
      this.watch.schedule(now, this.#waitUntil);
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
      const carrier = urgentCarrier(this.fleet.takers, FRAME_BYTES, now);
      if (carrier === null) return false;
      const taken = this.control.take(this.#options.pool);
      if (taken === null) break;
      carrier.send(taken.datagram, taken.reliable.length > 0, null, taken.reliable, now);
    }
    return true;
  }

  /** @returns false when the carriers have no more room */
  #pumpResend(now: number): boolean {
    let room = true;
    if (!this.outbox.hasResend) return room;
    this.outbox.offerResend((segment) => {
      const alive = segment.copies > 0;
      if (!alive && !room) return false;
      const carrier = alive
        ? this.#helper(segment, now)
        : urgentCarrier(this.fleet.takers, segment.length, now);
      if (carrier === null) {
        if (!alive) room = false;
        return alive;
      }
      // It waits for room there; others may go where there is some.
      if (!carrier.pipe.writable) return false;
      if (alive) this.resentBytes += segment.length;
      this.#repeat(carrier, segment, now);
      return true;
    });
    return room;
  }

  /**
   * Who can help with what is on a carrier that has stalled. Nobody, if it would not arrive any sooner: on the carrier that
   * has it, or on one that is so slow. The longer the stall, the slower a carrier may be; the next round asks again.
   */
  #helper(segment: Segment, now: number): Carrier | null {
    const { holder, length } = segment;
    const other = otherCarrier(this.fleet.takers, length, holder, now);
    if (other === null || (holder !== null && other.arrivalMs > holder.arrivalMs(length, now))) return null;
    return other.carrier;
  }

  /** @returns whether there was nothing new that may be sent */
  #pumpNew(now: number): boolean {
    const { credit } = this.#options;
    let nothing = true;
    let bulkWaits = false;
    for (;;) {
      // Out of the trunk's credit: only what has no bytes can go. MAX_DATA will wake us.
      const stream = credit.left > 0 ? this.outbox.peek() : this.outbox.peekBare();
      if (stream === null) break;
      const { sending } = stream;
      let length = Math.min(sending.pendingBytes, SEGMENT_BYTES, credit.left);
      const carrier = this.#carrierFor(sending, length, now);
      if (carrier === null) {
        if (bulkWaits || length <= URGENT_BYTES || !this.outbox.passOverBulk()) return false;
        bulkWaits = true;
        continue;
      }
      nothing = false;
      this.#waitUntil = Number.POSITIVE_INFINITY;
      // In turn, each takes as much as the others.
      if (this.#turns === null) length = Math.min(length, carrier.estimate.segmentBytes);
      this.outbox.take(stream);
      const next = sending.next(length);
      if (next === null) continue;
      credit.onSent(next.segment.length);
      this.unacknowledgedBytes += next.segment.length;
      this.#rescueBytes = Math.min(RESCUE_MOST, this.#rescueBytes + next.segment.length * RESCUE_SHARE);
      this.#sendSegment(carrier, next.segment, next.chunk, now);
      this.#turns?.onSent(carrier);
      if (next.segment.length <= URGENT_BYTES) this.#sendTwice(next.segment, carrier, now);
      if (sending.hasNew) this.outbox.add(stream);
      stream.onSent();
    }
    this.#waitUntil = Number.POSITIVE_INFINITY;
    return nothing;
  }

  /**
   * A keystroke or a request beside bulk goes on two carriers: on any one of them it may have to wait for what is lost of the
   * bulk in front of it. Where another has room, that is; and it counts as a rescue, of which there are only so many.
   */
  #sendTwice(segment: Segment, first: Carrier, now: number): void {
    const { length } = segment;
    if (length === 0 || length > this.#rescueBytes || this.unacknowledgedBytes < LEAST_BULK) return;
    const second =
      this.#turns === null ? otherCarrier(this.fleet.takers, length, first, now)?.carrier : undefined;
    if (second === undefined || second.estimate.cold || !second.pipe.writable) return;
    this.#rescue(second, segment, now);
  }

  #carrierFor(sending: SendStream, length: number, now: number): Carrier | null {
    if (this.#turns !== null) return this.#turns.next(this.fleet.takers);
    if (length > URGENT_BYTES) return this.#carrierForBulk(sending, length, now);
    return urgentCarrier(this.fleet.takers, length, now);
  }

  /** Waits for a better one until it has waited too long, then takes the one that is free. */
  #carrierForBulk(sending: SendStream, length: number, now: number): Carrier | null {
    // Nobody knows how much the app has to say. Who has said much is likely to say more, an eighth of it at least.
    const toCome =
      now >= this.#waitUntil
        ? Number.POSITIVE_INFINITY
        : Math.min(sending.limit - sending.offset, sending.offset / 8);
    const { carrier, waitMs } = bulkCarrier(this.fleet.takers, length, toCome, now);
    // Without a free one there is nothing to wait for but room, which tells by itself.
    if (waitMs === Number.POSITIVE_INFINITY) this.#waitUntil = waitMs;
    else if (carrier === null) this.#waitUntil = Math.min(this.#waitUntil, now + waitMs);
    return carrier;
  }

  /**
   * There is nothing new to send, because the app has no more, or because the peer's windows are full of what waits for
   * something on a slow carrier. What a faster one would bring much earlier is sent there as well: so all carriers finish
   * together, and a slow one cannot hold the others up.
   */
  #pumpLate(now: number): void {
    for (const slow of this.#carriers.values()) {
      if (slow.inFlight === 0) continue;
      for (;;) {
        const other = otherCarrier(this.fleet.takers, SEGMENT_BYTES, slow, now);
        if (other === null || other.carrier.estimate.cold) break;
        if (!other.carrier.pipe.writable || other.carrier.full) break;
        const segment = slow.lateSegment(now + LATE_FACTOR * other.arrivalMs + LATE_MARGIN_MS);
        if (segment === null || segment.length > this.#rescueBytes) break;
        this.#rescue(other.carrier, segment, now);
      }
    }
  }

  #lookAtKernel(now: number): void {
    for (const { estimate, pipe, inFlight } of this.#carriers.values()) {
      if (!estimate.wantsInfo(now)) continue;
      if (inFlight === 0) estimate.onUnused(now);
      const info = pipe.congestion;
      if (info !== null) estimate.onInfo(info, now);
    }
  }

  /** So that it overtakes itself, as far as there is something to pay it with. */
  #rescue(carrier: Carrier, segment: Segment, now: number): void {
    this.#rescueBytes -= segment.length;
    this.resentBytes += segment.length;
    this.#repeat(carrier, segment, now);
  }

  #repeat(carrier: Carrier, segment: Segment, now: number): void {
    this.#repeatedBytes += segment.length;
    segment.stream.repeatedBytes += segment.length;
    carrier.onRepeat(segment.length);
    this.#sendSegment(carrier, segment, null, now);
  }

  #sendSegment(carrier: Carrier, segment: Segment, fresh: Chunk | null, now: number): void {
    carrier.send(encodeSegment(segment, fresh, this.#options.pool), true, segment, [], now);
  }

  /** Asks all carriers whether they are still there. */
  probe(): void {
    const now = this.#options.clock.now();
    for (const carrier of this.#carriers.values()) this.#ping(carrier, now);
    this.pump();
  }

  #ping(carrier: Carrier, now: number): void {
    carrier.onPing(now);
    // What fills its socket asks as well: a peer that is there reads it.
    if (!carrier.pipe.writable) return;
    const datagram = this.#options.pool.take(FRAME_BYTES);
    writeFrame(datagram.memory, datagram.start, PING, 0, 0, Math.floor(now));
    carrier.send(datagram, false, null, [], now);
  }

  /**
   * On the same carrier, since it is that one that is asked after; without room our data is answer enough. With it goes
   * what has come on it: the last ACK may have been lost with a carrier that froze. In one datagram, as there may be room
   * for no more.
   */
  answerPing(carrier: Carrier, token: number, now: number): void {
    if (!carrier.pipe.writable) return;
    const datagram = this.#options.pool.take(carrier.received > 0 ? 2 * FRAME_BYTES : FRAME_BYTES);
    const { memory, start } = datagram;
    const at = writeFrame(memory, start, PONG, 0, 0, token);
    if (carrier.received > 0) writeFrame(memory, at, ACK, 0, carrier.id, carrier.report());
    carrier.send(datagram, false, null, [], now);
  }

  /** On all carriers: they are closed behind it, and one on which something is unread throws away what it has not sent. */
  #sayGoaway(error: PipeError): void {
    const { code, text } = toReason(error);
    for (const carrier of this.#carriers.values()) {
      if (!carrier.pipe.writable) continue;
      const datagram = this.#options.pool.take(FRAME_BYTES + text.length);
      writeFrame(datagram.memory, datagram.start, GOAWAY, code, 0, 0, text);
      carrier.send(datagram, true, null, [], this.#options.clock.now());
    }
  }
}
