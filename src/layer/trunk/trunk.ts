/**
 * Trunk: the streams between two proxies, over the carriers that there are.
 *
 *     streams  --pending chunks-->  Transmitter  --datagrams-->  carriers
 *     streams  <--in order-------   #onDatagram  <-------------  carriers
 *
 * This file is the streams' side: how they are opened, fed with what arrives, reset and forgotten; transmit.ts is the way
 * out. Two rules keep the whole from deadlocking: every carrier is always read, whatever the streams do; and control
 * frames never wait behind data.
 */

import type { Chunk } from '../../core/chunk.ts';
import type { Clock } from '../../core/clock.ts';
import { asPipeError, PipeError } from '../../core/errors.ts';
import { defaultPool, type SlabPool } from '../../core/pool.ts';
import { BROKEN, type IoPipe, READABLE, WRITABLE } from '../../pipe/pipe.ts';
import type { Carrier } from './carrier.ts';
import {
  ACK,
  FIN,
  type Frame,
  GOAWAY,
  isAcknowledged,
  MAX_DATA,
  MAX_STREAM_DATA,
  OPEN,
  PING,
  PONG,
  RESET_STREAM,
  readFrame,
  STOP_SENDING,
  STREAM,
} from './codec.ts';
import { TrunkCredit } from './credit.ts';
import type { TrunkOptions } from './options.ts';
import { fromReason, toReason } from './reasons.ts';
import { ReceiveStream } from './receive.ts';
import { type Segment, SendStream } from './send.ts';
import { type StreamHost, StripedPipe } from './stream.ts';
import { StreamIds } from './stream_ids.ts';
import { SEGMENT_BYTES, Transmitter } from './transmit.ts';

export class Trunk implements StreamHost {
  readonly segmentBytes = SEGMENT_BYTES;
  readonly #options: TrunkOptions;
  readonly #clock: Clock;
  readonly #pool: SlabPool;
  readonly #streams = new Map<number, StripedPipe>();
  readonly #ids: StreamIds;
  readonly #credit: TrunkCredit;
  readonly #out: Transmitter;
  readonly #awaitingRoom = new Set<StripedPipe>();
  #ended = false;

  constructor(options: TrunkOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#pool = options.pool ?? defaultPool;
    this.#ids = new StreamIds(options.role, 2 * (options.maxStreams ?? 10_000));
    this.#credit = new TrunkCredit(options.trunkWindow, options.peerTrunkWindow);
    this.#out = new Transmitter({
      clock: this.#clock,
      pool: this.#pool,
      credit: this.#credit,
      graceMs: options.graceMs ?? 30_000,
      onCarrierless: () =>
        this.end(new PipeError('timeout', 'trunk', 'all connections to the peer are lost')),
      onCarrierLost: (carrier, error) => options.onCarrierLost?.(carrier, error),
    });
  }

  get streams(): ReadonlyMap<number, StripedPipe> {
    return this.#streams;
  }
  get carriers(): ReadonlyMap<number, Carrier> {
    return this.#out.carriers;
  }
  get ended(): boolean {
    return this.#ended;
  }
  /** Nothing is under way that the peer lacks. */
  get idle(): boolean {
    return this.#out.idle;
  }
  get unacknowledgedBytes(): number {
    return this.#out.unacknowledgedBytes;
  }
  /** Bytes that were sent a second time while the first may have been alive. */
  get resentBytes(): number {
    return this.#out.resentBytes;
  }
  /** Bytes received and not yet read by the apps. */
  get bufferedBytes(): number {
    return this.#credit.buffered;
  }
  get hasRoom(): boolean {
    return !this.#ended && this.#out.unacknowledgedBytes < this.#options.trunkWindow;
  }

  /** Opens a stream. `label` says to the peer what it is for, at most 512 bytes. */
  open(label: Buffer): StripedPipe {
    const stream = this.#makeStream(this.#ids.open(), label, true);
    if (this.#ended) stream.onBroken(new PipeError('cancelled', 'trunk', 'the trunk is over'));
    else this.submit(stream);
    return stream;
  }

  /** A connection has passed its handshake. The id is new to this trunk. */
  addCarrier(id: number, pipe: IoPipe<'messages'>): Carrier {
    const carrier = this.#out.add(id, pipe);
    pipe.onActivity = (events) => this.#onCarrierActivity(carrier, events);
    this.#guard(() => this.#drain(carrier));
    this.#out.pump();
    return carrier;
  }

  /** Ends everything: streams break with the error, the peer is told if it can be. */
  end(error: PipeError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#out.stop(error);
    for (const stream of [...this.#streams.values()]) {
      stream.sending.cancel();
      stream.receiving.clear();
      stream.onBroken(error);
    }
    this.#streams.clear();
    this.#options.onEnd(error);
  }

  // --- from the streams ------------------------------------------------------------------------------------------

  submit(stream: StripedPipe): void {
    this.#out.outbox.add(stream);
    this.#out.pump();
  }

  awaitRoom(stream: StripedPipe): void {
    this.#awaitingRoom.add(stream);
  }

  onRead(stream: StripedPipe): void {
    this.#settle(stream, stream.receiving.readOffset);
    const { trunkWindow, maxStreamWindow = trunkWindow / 4 } = this.#options;
    const limit = stream.window.tune(stream.receiving, this.#clock.now(), this.#out.rttMs, maxStreamWindow);
    if (limit !== null && !stream.resetDone) this.#out.control.grantStream(stream.id, limit);
    this.#forgetIfOver(stream);
    this.#out.pump();
  }

  abort(stream: StripedPipe, error: PipeError | null): void {
    this.#resetStream(stream, error);
    this.#out.pump();
  }

  release(stream: StripedPipe): void {
    this.#dropUnread(stream);
    this.#forgetIfOver(stream);
    this.#out.pump();
  }

  // --- from the carriers -----------------------------------------------------------------------------------------

  #onCarrierActivity(carrier: Carrier, events: number): void {
    if (this.#ended || this.#out.carriers.get(carrier.id) !== carrier) return;
    this.#guard(() => {
      if (events & READABLE) this.#drain(carrier);
      if (events & BROKEN || carrier.pipe.broken !== null) this.#out.lose(carrier, carrier.pipe.broken);
    });
    if (events & (READABLE | WRITABLE | BROKEN)) this.#out.pump();
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
    if (pipe.finReceived) this.#out.lose(carrier, null);
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
          this.#onStreamFrame(frame, datagram, now);
        } else this.#onFrame(carrier, frame, now);
        if (this.#ended) return;
      }
    } finally {
      if (owned) datagram.release();
    }
    carrier.onDatagram(bytes, counts, now);
    if (counts) this.#out.watch.onUnreported(bytes, now);
  }

  /** Takes the data over. */
  #onStreamFrame(frame: Frame, data: Chunk, now: number): void {
    const fin = (frame.flags & FIN) !== 0;
    const stream = this.#streams.get(frame.id) ?? this.#openedByPeer(frame, data, now);
    if (stream === null) return;
    const before = stream.receiving.finalOffset;
    const grown = stream.receiving.push(frame.value, data, fin);
    this.#credit.onReceived(grown);
    if (stream.discarded) this.#dropUnread(stream);
    else stream.onArrival();
    if (before === null && fin) this.#forgetIfOver(stream);
  }

  /** The stream that a frame opens, or null when it belongs to one that is no more (and the data is dropped). */
  #openedByPeer(frame: Frame, data: Chunk, now: number): StripedPipe | null {
    const { id } = frame;
    if (this.#ids.isOver(id)) {
      data.release();
      return null;
    }
    if ((frame.flags & OPEN) === 0) {
      data.release();
      throw new PipeError('malformed', 'trunk', `data of stream ${id}, which was never opened`);
    }
    this.#ids.use(id);
    const stream = this.#makeStream(id, frame.text, false, now);
    if (this.#streams.size > (this.#options.maxStreams ?? 10_000)) {
      this.#credit.onReceived(stream.receiving.push(frame.value, data, (frame.flags & FIN) !== 0));
      stream.discard(new PipeError('descriptors', 'trunk', 'too many streams at a time'));
      return null;
    }
    this.#options.onStream(stream);
    return stream;
  }

  #onFrame(carrier: Carrier, frame: Frame, now: number): void {
    switch (frame.type) {
      case ACK:
        this.#out.carriers
          .get(frame.id)
          ?.acknowledge(frame.value, now, (segment) => this.#onDelivered(segment));
        return;
      case MAX_DATA:
        this.#credit.onGranted(frame.value);
        return;
      case MAX_STREAM_DATA:
        this.#onStreamCredit(frame);
        return;
      case RESET_STREAM:
      case STOP_SENDING:
        this.#onReset(frame);
        return;
      case PING:
        this.#out.answerPing(carrier, frame.value, now);
        return;
      case PONG:
        return;
      case GOAWAY:
        this.end(fromReason(frame.flags, frame.text));
    }
  }

  #onDelivered(segment: Segment): void {
    const { stream } = segment;
    const before = stream.unacknowledgedBytes;
    stream.acknowledge(segment);
    this.#out.unacknowledgedBytes -= before - stream.unacknowledgedBytes;
    const pipe = this.#streams.get(stream.id);
    if (pipe !== undefined && stream.done) this.#forgetIfOver(pipe);
    this.#wakeWaiting();
  }

  #onStreamCredit(frame: Frame): void {
    const stream = this.#streams.get(frame.id);
    if (stream === undefined) {
      this.#ids.isOver(frame.id);
      return;
    }
    stream.sending.grant(frame.value);
    if (stream.sending.hasNew) this.#out.outbox.add(stream);
    stream.onRoom();
  }

  #onReset(frame: Frame): void {
    const error = fromReason(frame.flags, frame.text);
    const stream = this.#streams.get(frame.id);
    if (stream === undefined) {
      if (this.#ids.isOver(frame.id)) return;
      // The reset has overtaken the opening: the stream was and is no more.
      this.#ids.use(frame.id);
      this.#credit.onReceived(frame.value);
      this.#consume(frame.value);
      this.#out.control.add({ type: RESET_STREAM, flags: 0, id: frame.id, value: 0, text: null });
      return;
    }
    if (frame.type === RESET_STREAM && stream.receiving.finalOffset === null) {
      this.#credit.onReceived(stream.receiving.reset(frame.value));
      // Gaps, what waited behind them, and what never came will not be read.
      this.#settle(stream, stream.receiving.highest);
    }
    this.#resetStream(stream, error);
  }

  // --- ends --------------------------------------------------------------------------------------------------------

  /** Our half of a reset: nothing more is sent, and the peer learns where it ended. */
  #resetStream(stream: StripedPipe, error: PipeError | null): void {
    if (!stream.resetDone) {
      stream.resetDone = true;
      this.#cancelSending(stream);
      const { code, text } = toReason(error);
      this.#out.control.add({
        type: RESET_STREAM,
        flags: code,
        id: stream.id,
        value: stream.sending.offset,
        text,
      });
      this.#out.control.forgetStream(stream.id);
    }
    if (stream.discarded) this.#dropUnread(stream);
    else stream.onBroken(error ?? new PipeError('reset', 'trunk'));
    this.#forgetIfOver(stream);
  }

  #cancelSending(stream: StripedPipe): void {
    this.#out.unacknowledgedBytes -= stream.sending.unacknowledgedBytes;
    stream.sending.cancel();
    this.#out.outbox.remove(stream);
    this.#awaitingRoom.delete(stream);
  }

  /** Nobody will read what came, or comes: give the trunk's credit back. */
  #dropUnread(stream: StripedPipe): void {
    if (!stream.discarded) return;
    stream.receiving.clear();
    this.#settle(stream, stream.receiving.highest);
  }

  /** What the stream received up to here is dealt with: read, or given up. */
  #settle(stream: StripedPipe, offset: number): void {
    if (offset <= stream.settledTo) return;
    this.#consume(offset - stream.settledTo);
    stream.settledTo = offset;
  }

  #forgetIfOver(stream: StripedPipe): void {
    const { sending, receiving } = stream;
    const sent = stream.resetDone || sending.done;
    const received =
      receiving.finalOffset !== null && (stream.discarded || receiving.atEnd || stream.resetDone);
    if (!sent || !received || this.#streams.get(stream.id) !== stream) return;
    this.#streams.delete(stream.id);
    this.#out.control.forgetStream(stream.id);
    this.#out.outbox.remove(stream);
    this.#awaitingRoom.delete(stream);
  }

  #makeStream(id: number, label: Buffer, ours: boolean, now = this.#clock.now()): StripedPipe {
    const { peerStreamWindow, streamWindow } = this.#options;
    const sending = new SendStream(id, ours ? label : null, peerStreamWindow);
    const stream = new StripedPipe(
      this,
      id,
      label,
      sending,
      new ReceiveStream(this.#pool, streamWindow),
      now,
    );
    this.#streams.set(id, stream);
    return stream;
  }

  // --- credit ------------------------------------------------------------------------------------------------------

  #consume(bytes: number): void {
    const limit = this.#credit.onSettled(bytes);
    if (limit !== null) this.#out.control.grantTrunk(limit);
  }

  #wakeWaiting(): void {
    if (this.#awaitingRoom.size === 0 || !this.hasRoom) return;
    const waiting = [...this.#awaitingRoom];
    this.#awaitingRoom.clear();
    for (const stream of waiting) stream.onRoom();
  }
}
