/**
 * Carrier: one connection between the proxies, as the trunk sees it after the handshake.
 *
 *     send --> [ flight | flight | flight ] --> message pipe          ACK(n) frees the flights up to number n
 *
 * A connection keeps order, so one count acknowledges all before it. The carrier remembers what each datagram held
 * until the peer's trunk has counted it; when the carrier dies or stalls, that list says what to send again.
 */

import type { Chunk } from '../../core/chunk.ts';
import { PipeError } from '../../core/errors.ts';
import { CARRIER_MOVE, CARRIER_RESEND, CARRIER_STALL, type CarrierTrace } from '../../core/trace.ts';
import type { IoPipe } from '../../pipe/pipe.ts';
import { CarrierEstimate } from './estimate.ts';
import type { Segment } from './send.ts';

/** A control frame that must arrive: remembered so that it can be sent again. */
export interface ControlFrame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly value: number;
  readonly text: Buffer | null;
}

/** What it is called, for whoever watches. */
export interface CarrierAbout {
  /** Its place among the carriers of the trunk, from 0. */
  readonly index: number;
  readonly local: string | null;
  readonly remote: string | null;
}

/** One datagram that counts for ACK. */
interface Flight {
  readonly bytes: number;
  readonly sentAt: number;
  /** Bytes in flight up to its end, when it was sent. */
  readonly behind: number;
  readonly segment: Segment | null;
  readonly control: readonly ControlFrame[];
}

/** Who helps with a stall looks again after a round trip, but not before so long. */
const LEAST_ROUND_MS = 20;

/** What takes longer was a stall, and not a round trip. */
const LONGEST_RTT_MS = 1000;

export class Carrier {
  /** Unique within the trunk; ACK frames name it. */
  readonly id: number;
  readonly pipe: IoPipe<'messages'>;
  readonly trace: CarrierTrace;
  readonly startedAt: number;
  readonly estimate = new CarrierEstimate();
  #flights: Flight[] = [];
  /** Flights before this index are acknowledged; the array is trimmed now and then. */
  #head = 0;
  #acknowledged = 0;
  #inFlightBytes = 0;
  #progressAt: number;
  #received = 0;
  #reported = 0;
  #heardAt: number;
  sentBytes = 0;
  /** Of these, what the peer has acknowledged. */
  deliveredBytes = 0;
  receivedBytes = 0;
  /** Gets nothing new until it moves. */
  stalled = false;
  stalls = 0;
  /** Sent here and somewhere else before. */
  repeatedBytes = 0;
  /** What was in flight when it was given up. */
  lostBytes = 0;
  #resendBytes = 0;
  #resendAt = Number.POSITIVE_INFINITY;
  #pingSentAt = Number.NEGATIVE_INFINITY;
  /** The first PING since the peer was last heard. */
  #askedAt = Number.NEGATIVE_INFINITY;
  /** When the last stall ended. */
  #movedAt = Number.NEGATIVE_INFINITY;
  /** When our end of it was closed. */
  #endedAt = Number.POSITIVE_INFINITY;

  constructor(id: number, pipe: IoPipe<'messages'>, now: number, trace: CarrierTrace) {
    this.id = id;
    this.pipe = pipe;
    this.trace = trace;
    this.startedAt = now;
    this.#progressAt = now;
    this.#heardAt = now;
  }

  /** Bytes sent and not acknowledged. */
  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }
  get inFlight(): number {
    return this.#flights.length - this.#head;
  }
  /** When the peer last acknowledged something that was sent here. */
  get progressAt(): number {
    return this.#progressAt;
  }
  /** When the peer was last heard on this carrier. */
  get heardAt(): number {
    return this.#heardAt;
  }
  /** Datagrams that the peer sent here and that have not been reported to it by ACK. */
  get unreported(): number {
    return this.#received - this.#reported;
  }
  get received(): number {
    return this.#received;
  }
  /** It has enough in flight: more would wait in a queue, and could not go elsewhere any more. */
  get full(): boolean {
    return this.#inFlightBytes >= this.estimate.windowBytes;
  }

  /**
   * Milliseconds until `length` bytes that are sent now have arrived. Nobody knows how long a stall lasts: as long again as
   * it has lasted is a fair guess.
   */
  arrivalMs(length: number, now: number): number {
    const stall = this.stalled ? now - this.#progressAt : 0;
    return stall + this.estimate.arrivalMs(length, this.#inFlightBytes);
  }

  /**
   * The moment at which it counts as stalled, or Infinity when nothing is in flight. What is late on a carrier that moves
   * says that the estimate was wrong; so with every step it gets the time for another one.
   */
  get deadline(): number {
    const head = this.#flights[this.#head];
    if (head === undefined) return Number.POSITIVE_INFINITY;
    const { estimate } = this;
    return Math.max(
      head.sentAt + estimate.patienceMs(head.behind),
      this.#progressAt + estimate.patienceMs(head.bytes),
    );
  }

  /** When an idle carrier is asked whether it is still there. */
  pingAt(idleMs: number): number {
    return Math.max(this.#heardAt, this.#pingSentAt) + idleMs;
  }

  /** When it counts as dead: an answer to a PING, an ACK, or the peer's FIN behind ours has been due for so long. */
  deadAt(silenceMs: number): number {
    const head = this.#flights[this.#head];
    const asked = this.#askedAt > this.#heardAt ? this.#askedAt : Number.POSITIVE_INFINITY;
    const sent = head === undefined ? Number.POSITIVE_INFINITY : Math.max(head.sentAt, this.#progressAt);
    return Math.min(asked, sent, this.#endedAt) + silenceMs;
  }

  /** A PING is sent, or would be if there were room for it. */
  onPing(now: number): void {
    this.#pingSentAt = now;
    if (this.#askedAt <= this.#heardAt) this.#askedAt = now;
  }

  /** When to look at its line: the head is overdue, or it is time to help it again. */
  get overdueAt(): number {
    return this.stalled ? this.#resendAt : this.deadline;
  }

  /**
   * The head of the line is overdue. Gives out what others should send as well: the oldest first, a little, and twice as
   * much each time that nothing has moved since, because most stalls are short and every copy is a waste if it was one.
   * Control frames are small, and credit is what everything else may be waiting for: those go at once, all of them, and
   * are the business of the carrier that takes them from then on.
   */
  onOverdue(
    now: number,
    firstBytes: number,
    resend: (segment: Segment) => void,
    sayAgain: (frame: ControlFrame) => void,
  ): void {
    if (!this.stalled) {
      this.stalled = true;
      this.stalls++;
      this.#resendBytes = firstBytes;
      if (CARRIER_STALL.hasSubscribers)
        CARRIER_STALL.publish({ ...this.trace, inFlightBytes: this.#inFlightBytes });
    }
    for (let i = this.#head; i < this.#flights.length; i++) {
      const flight = this.#flights[i] as Flight;
      if (flight.control.length === 0) continue;
      for (const frame of flight.control) sayAgain(frame);
      this.#flights[i] = { ...flight, control: [] };
    }
    let left = this.#resendBytes;
    for (let i = this.#head; i < this.#flights.length && left > 0; i++) {
      const { segment } = this.#flights[i] as Flight;
      if (segment === null || segment.acknowledged || this.#isHelped(segment)) continue;
      left -= segment.length + 1;
      resend(segment);
    }
    this.#resendBytes *= 2;
    this.#resendAt = now + Math.max(LEAST_ROUND_MS, this.estimate.minRttMs);
    this.estimate.onStall();
  }

  /** The first segment that should take longer than until `at` to arrive, and that nobody else has; or null. */
  lateSegment(at: number): Segment | null {
    // Without a proof that it carries anything, it is not relied on.
    const rate = this.estimate.provenRate;
    let expectedAt = 0;
    for (let i = this.#head; i < this.#flights.length; i++) {
      const { segment, bytes, sentAt } = this.#flights[i] as Flight;
      expectedAt = Math.max(expectedAt, sentAt, this.#progressAt) + bytes / rate;
      if (segment === null || segment.acknowledged || segment.stream.over) continue;
      if (segment.queued || segment.copies > 1) continue;
      if (expectedAt + this.estimate.minRttMs / 2 > at) return segment;
    }
    return null;
  }

  /** Another carrier has it as well, and moves. */
  #isHelped(segment: Segment): boolean {
    const { holder } = segment;
    return holder !== this && holder !== null && !holder.stalled;
  }

  /** The peer answers our PING. */
  onPong(token: number, now: number): void {
    if (token === Math.floor(this.#pingSentAt)) this.estimate.onRtt(now - this.#pingSentAt);
  }

  /** Sends a datagram. `counts`: whether it holds frames that are acknowledged. */
  send(
    datagram: Chunk,
    counts: boolean,
    segment: Segment | null,
    control: readonly ControlFrame[],
    now: number,
  ): void {
    const bytes = datagram.length;
    this.sentBytes += bytes;
    if (counts) {
      this.#inFlightBytes += bytes;
      this.#flights.push({ bytes, sentAt: now, behind: this.#inFlightBytes, segment, control });
      if (segment !== null) {
        segment.copies++;
        segment.holder = this;
      }
    }
    this.pipe.send(datagram);
    if (counts && (!this.pipe.writable || this.full)) this.estimate.onFull();
  }

  /**
   * The peer has so many of our datagrams.
   *
   * @param onDelivered called for each segment that is thereby acknowledged
   * @throws PipeError `malformed` when it claims more than were sent
   */
  acknowledge(count: number, now: number, onDelivered: (segment: Segment) => void): void {
    const fresh = count - this.#acknowledged;
    // ACKs travel on any carrier and may overtake each other.
    if (fresh <= 0) return;
    if (fresh > this.inFlight) throw new PipeError('malformed', 'trunk', 'an ACK for what was never sent');
    let bytes = 0;
    let sentAt = 0;
    for (let i = 0; i < fresh; i++) {
      const flight = this.#flights[this.#head++] as Flight;
      bytes += flight.bytes;
      sentAt = flight.sentAt;
      if (flight.segment === null) continue;
      flight.segment.copies--;
      if (!flight.segment.acknowledged) onDelivered(flight.segment);
    }
    this.#acknowledged = count;
    this.#inFlightBytes -= bytes;
    this.deliveredBytes += bytes;
    this.#progressAt = now;
    this.#heardAt = Math.max(this.#heardAt, sentAt);
    if (this.stalled) {
      this.estimate.onMoving();
      this.#movedAt = now;
      if (CARRIER_MOVE.hasSubscribers) CARRIER_MOVE.publish(this.trace);
    }
    this.stalled = false;
    // What was under way during a stall tells nothing of the rate; and of the distance only if it was no stall at all, but a
    // path that has become longer than anybody had thought.
    const rttMs = now - sentAt;
    if (sentAt >= this.#movedAt) this.estimate.onAck(bytes, rttMs, now);
    else if (rttMs < LONGEST_RTT_MS) this.estimate.onLateAck(rttMs);
    if (this.inFlight === 0) this.estimate.onIdle();
    this.#trim();
  }

  /** So many bytes of a stream are sent here that were sent before. */
  onRepeat(bytes: number): void {
    this.repeatedBytes += bytes;
    if (CARRIER_RESEND.hasSubscribers) CARRIER_RESEND.publish({ ...this.trace, bytes });
  }

  /** A datagram came. `counts`: whether it held frames that are acknowledged. */
  onDatagram(bytes: number, counts: boolean, now: number): void {
    this.receivedBytes += bytes;
    this.#heardAt = now;
    if (counts) this.#received++;
  }

  /** The count for an ACK frame, which is now being sent. */
  report(): number {
    this.#reported = this.#received;
    return this.#received;
  }

  /** The ACK that carried a report was lost with its carrier: say it again. */
  unreport(): void {
    if (this.#received > 0) this.#reported = Math.min(this.#reported, this.#received - 1);
  }

  /** Nothing more will be sent here. */
  end(now: number): void {
    this.#endedAt = now;
    this.pipe.sendFin();
  }

  get ended(): boolean {
    return this.#endedAt !== Number.POSITIVE_INFINITY;
  }

  /** Both ends have said all that they had to say here. */
  get closed(): boolean {
    return this.pipe.finSent && this.pipe.finReceived;
  }

  /** The end: what was in flight, for others to send again. */
  abandon(error?: PipeError): { segments: Segment[]; control: ControlFrame[] } {
    const segments: Segment[] = [];
    const control: ControlFrame[] = [];
    for (let i = this.#head; i < this.#flights.length; i++) {
      const flight = this.#flights[i] as Flight;
      control.push(...flight.control);
      if (flight.segment === null) continue;
      flight.segment.copies--;
      if (flight.segment.holder === this) flight.segment.holder = null;
      if (!flight.segment.acknowledged && !this.#isHelped(flight.segment)) segments.push(flight.segment);
    }
    this.lostBytes = this.#inFlightBytes;
    this.#flights = [];
    this.#head = 0;
    this.#inFlightBytes = 0;
    this.pipe.discard(error);
    return { segments, control };
  }

  #trim(): void {
    if (this.#head < 64 || this.#head * 2 < this.#flights.length) return;
    this.#flights.splice(0, this.#head);
    this.#head = 0;
  }
}
