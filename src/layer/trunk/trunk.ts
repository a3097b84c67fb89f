/**
 * Trunk: the streams between two proxies, over the carriers that there are.
 *
 *     Streams  --pending chunks-->  Transmitter  --datagrams-->  carriers
 *     Streams  <------ frames ----  #onDatagram  <-------------  carriers
 *
 * This file reads the carriers and hands on what their frames say: streams.ts is what they are about, transmit.ts the
 * way out. Two rules keep the whole from deadlocking: every carrier is always read, whatever the streams do; and control
 * frames never wait behind data.
 */

import type { Chunk } from '../../core/chunk.ts';
import type { Clock } from '../../core/clock.ts';
import { asPipeError, PipeError } from '../../core/errors.ts';
import { CARRIER_CLOSE, CARRIER_JOIN, CARRIER_LOSE, type TrunkTag } from '../../core/trace.ts';
import { BROKEN, FIN_SENT, type IoPipe, READABLE, WRITABLE } from '../../pipe/pipe.ts';
import type { Carrier, CarrierAbout } from './carrier.ts';
import {
  ACK,
  FIRST_WINDOW,
  type Frame,
  GOAWAY,
  isAcknowledged,
  MAX_DATA,
  MAX_STREAM_DATA,
  PING,
  PONG,
  RESET_STREAM,
  readFrame,
  STOP_SENDING,
  STREAM,
} from './codec.ts';
import { TrunkCredit } from './credit.ts';
import { TrunkMemory, type TrunkMemoryOptions } from './memory.ts';
import { NAMELESS, type TrunkOptions } from './options.ts';
import { fromReason, toReason } from './reasons.ts';
import type { TrunkReport } from './snapshot.ts';
import type { StripedPipe } from './stream.ts';
import { Streams } from './streams.ts';
import { Transmitter } from './transmit.ts';

/** Each stream is answered once, so an honest peer stays far below this; who does not read us may not fill our memory. */
const MOST_ANSWERS = 40_000;

export class Trunk {
  readonly #options: TrunkOptions;
  readonly #clock: Clock;
  readonly #peerCodecs: number;
  readonly #tag: TrunkTag;
  readonly #credit: TrunkCredit;
  readonly #out: Transmitter;
  readonly #streams: Streams;
  #ended = false;
  /** The last report, once it has ended, or is about to. */
  #report: TrunkReport | null = null;

  constructor(options: TrunkOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#tag = options.tag ?? NAMELESS;
    this.#peerCodecs = options.peerCodecs ?? 0;
    const memory = options.memory ?? new TrunkMemory(alone(options)).join();
    this.#credit = new TrunkCredit(options.trunkWindow, options.peerTrunkWindow);
    this.#out = new Transmitter({
      clock: this.#clock,
      pool: memory.sendPool,
      credit: this.#credit,
      graceMs: options.graceMs ?? 30_000,
      scheduler: options.scheduler ?? 'earliest',
      onCarrierless: () =>
        this.end(
          new PipeError('timeout', 'trunk', 'all its connections were lost, and none came back in time'),
        ),
      onCarrierLost: (carrier, error) => {
        traceLoss(carrier, carrier.lostBytes, error);
        options.onCarrierLost?.(carrier, error);
      },
      onCarrierClosed: (carrier) => {
        if (CARRIER_CLOSE.hasSubscribers) CARRIER_CLOSE.publish(carrier.trace);
        options.onCarrierClosed?.(carrier);
      },
    });
    this.#out.watch.stallHandlers = options.stallHandlers ?? null;
    this.#streams = new Streams(options, memory, this.#credit, this.#out);
    this.#streams.grantTrunk();
  }

  /** Codecs that the peer takes on streams of ours, as bits. */
  get peerCodecs(): number {
    return this.#peerCodecs;
  }
  get streams(): ReadonlyMap<number, StripedPipe> {
    return this.#streams.all;
  }
  get carriers(): ReadonlyMap<number, Carrier> {
    return this.#out.carriers;
  }
  get ended(): boolean {
    return this.#ended;
  }
  /** Numbers for streams of ours become scarce: a new trunk should take its place as soon as it has no streams. */
  get worn(): boolean {
    return this.#streams.worn;
  }
  /** Nothing is under way that the peer lacks. */
  get idle(): boolean {
    return this.#out.idle;
  }
  /** Bytes of new data that the peer lets us send, all streams together. */
  get creditLeft(): number {
    return this.#credit.left;
  }
  /** Control frames wait for a carrier. */
  get controlWaiting(): boolean {
    return !this.#out.control.empty;
  }
  get unacknowledgedBytes(): number {
    return this.#out.unacknowledgedBytes;
  }
  /** Bytes that were sent a second time while the first may have been alive. */
  get resentBytes(): number {
    return this.#out.resentBytes;
  }
  /** What became of its carriers, and of what it sent. */
  get report(): TrunkReport {
    const { peakEarlyBytes } = this.#streams;
    return this.#report ?? { ...this.#out.report, peakEarlyBytes };
  }
  /** Bytes of all streams that have got across so far, both ways. */
  get carriedBytes(): number {
    return this.#credit.sent - this.#out.unacknowledgedBytes + this.#credit.received;
  }
  /** Streams have something to send that the peer would take: it waits for room on the carriers. */
  get backlogged(): boolean {
    return this.#credit.left > 0 && this.#out.outbox.peek() !== null;
  }
  /** The slowest smoothed round trip of its carriers, in milliseconds. */
  get rttMs(): number {
    return this.#out.rttMs;
  }
  /** Bytes received and not yet read by the apps. */
  get bufferedBytes(): number {
    return this.#credit.buffered;
  }

  /** Opens a stream. `label` says to the peer what it is for, at most 512 bytes. @throws PipeError when all numbers are used */
  open(label: Buffer): StripedPipe {
    return this.#streams.open(label);
  }

  /**
   * A connection has passed its handshake. The id is new to this trunk. It may be over when this returns, and the whole
   * trunk with it: what else had come is looked at here.
   */
  addCarrier(id: number, pipe: IoPipe<'messages'>, about: CarrierAbout = aboutNothing(id)): Carrier {
    const carrier = this.#out.add(id, pipe, { ...this.#tag, ...about, carrier: id });
    if (CARRIER_JOIN.hasSubscribers) CARRIER_JOIN.publish(carrier.trace);
    pipe.onActivity = (events) => this.#onCarrierActivity(carrier, events);
    this.#guard(() => this.#drain(carrier));
    this.#out.pump();
    return carrier;
  }

  /** A carrier is not wanted any more: it gets nothing new, and is closed when all that is on it has arrived. */
  retire(carrier: Carrier): void {
    if (this.#ended) return;
    this.#out.fleet.retire(carrier);
    this.#out.pump();
  }

  /** A carrier is given up at once: others send what it had in flight. */
  lose(carrier: Carrier, error: PipeError): void {
    if (this.#ended) return;
    this.#out.lose(carrier, error);
    this.#out.pump();
  }

  isRetired(carrier: Carrier): boolean {
    return this.#out.fleet.isRetired(carrier);
  }

  /** Asks all carriers for a sign of life; those that have none in time are given up. */
  probe(): void {
    if (!this.#ended) this.#out.probe();
  }

  /** Tells the peer that this is the end, so that it ends the trunk: nothing that it should hear may follow. */
  leave(error: PipeError): void {
    if (this.#ended) return;
    // What the peer closes from here on is not lost.
    this.#report = this.report;
    const { code, text } = toReason(error);
    this.#out.control.add({ type: GOAWAY, flags: code, id: 0, value: 0, text });
    this.#out.pump();
  }

  /** Ends everything: streams break with the error, the peer is told if it can be. */
  end(error: PipeError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#report = this.report;
    for (const carrier of this.carriers.values()) traceLoss(carrier, carrier.inFlightBytes, error);
    this.#out.stop(error);
    this.#streams.end(error);
    this.#options.onEnd(error);
  }

  // --- from the carriers -----------------------------------------------------------------------------------------

  #onCarrierActivity(carrier: Carrier, events: number): void {
    if (this.#ended || this.#out.carriers.get(carrier.id) !== carrier) return;
    this.#guard(() => {
      if (events & READABLE) this.#drain(carrier);
      if (events & BROKEN || carrier.pipe.broken !== null) this.#out.lose(carrier, carrier.pipe.broken);
    });
    if (events & (READABLE | WRITABLE | FIN_SENT | BROKEN)) this.#out.pump();
    // The last reference to what a reset stream had sent may have been the socket's.
    this.#streams.onFreed();
  }

  /** Whatever a peer sends wrong ends the trunk, with words; it never throws past here. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.end(asPipeError(error, 'trunk'));
    }
  }

  #drain(carrier: Carrier): void {
    const { pipe } = carrier;
    for (let datagram = pipe.recv(); datagram !== null; datagram = pipe.recv()) {
      this.#onDatagram(carrier, datagram);
      if (this.#ended) return;
    }
    if (pipe.finReceived) this.#onFin(carrier);
    // One that broke before it was ours raises no event any more.
    else if (pipe.broken !== null) this.#out.lose(carrier, pipe.broken);
  }

  /** A client may take a carrier away from among others, and gets what is still on its way to it; else it is an end. */
  #onFin(carrier: Carrier): void {
    if (carrier.ended) return;
    if (this.#options.role === 'server' && this.#out.fleet.hasOthers(carrier))
      this.#out.fleet.retire(carrier);
    else this.#out.lose(carrier, null);
  }

  #onDatagram(carrier: Carrier, datagram: Chunk): void {
    const now = this.#clock.now();
    const bytes = datagram.length;
    let counts = false;
    let owned = true;
    try {
      while (owned && datagram.length > 0) {
        const frame = readFrame(datagram);
        counts ||= isAcknowledged(frame.type);
        if (frame.type === STREAM) {
          owned = false;
          this.#streams.onData(frame, datagram, now);
        } else this.#onFrame(carrier, frame, now);
        if (this.#ended) return;
      }
    } finally {
      if (owned) datagram.release();
    }
    if (this.#out.control.waiting > MOST_ANSWERS)
      throw new PipeError('malformed', 'trunk', 'the peer asks on and on, and does not read the answers');
    carrier.onDatagram(bytes, counts, now);
    if (counts) this.#out.watch.onUnreported(bytes, now);
  }

  #onFrame(carrier: Carrier, frame: Frame, now: number): void {
    switch (frame.type) {
      case ACK:
        this.#out.carriers
          .get(frame.id)
          ?.acknowledge(frame.value, now, (segment) => this.#streams.onDelivered(segment));
        return;
      case MAX_DATA:
        this.#credit.onGranted(frame.value);
        return;
      case MAX_STREAM_DATA:
        this.#streams.onCredit(frame);
        return;
      case FIRST_WINDOW:
        this.#streams.onFirstWindow(frame);
        return;
      case RESET_STREAM:
      case STOP_SENDING:
        this.#streams.onReset(frame);
        return;
      case PING:
        this.#out.answerPing(carrier, frame.value, now);
        return;
      case PONG:
        carrier.onPong(frame.value, now);
        return;
      case GOAWAY:
        this.end(fromReason(frame.flags, frame.text));
    }
  }
}

/** For a trunk that shares its memory with nobody: as much as its windows ask for. */
function alone({ pool, trunkWindow }: TrunkOptions): TrunkMemoryOptions {
  return { capacity: 4 * trunkWindow, ...(pool === undefined ? {} : { sendPool: pool }) };
}

/** A carrier of which nobody says anything has the place that its number says. */
function aboutNothing(id: number): CarrierAbout {
  return { index: id, local: null, remote: null };
}

function traceLoss(carrier: Carrier, inFlightBytes: number, error: PipeError | null): void {
  if (!CARRIER_LOSE.hasSubscribers) return;
  const { trace, sentBytes, receivedBytes } = carrier;
  CARRIER_LOSE.publish({ ...trace, sentBytes, receivedBytes, inFlightBytes, error: error?.message ?? null });
}
