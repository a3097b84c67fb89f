/**
 * Streams: all streams of one trunk: how they are opened, fed with what arrives, reset and forgotten.
 *
 *     app bridges --(StreamHost)--> Streams --pending chunks--> Transmitter
 *     app bridges <---events------- Streams <--frames---------- Trunk
 *
 * What a peer sends wrong is thrown as a PipeError, and ends the trunk.
 */

import type { Chunk } from '../../core/chunk.ts';
import type { Clock } from '../../core/clock.ts';
import { PipeError } from '../../core/errors.ts';
import { STREAM_END, STREAM_OPEN, type StreamTrace, type TraceChannel } from '../../core/trace.ts';
import { FIN, type Frame, OPEN, RESET_STREAM } from './codec.ts';
import type { TrunkCredit } from './credit.ts';
import { Grants } from './grants.ts';
import type { MemoryShare } from './memory.ts';
import { OpenRate } from './open_rate.ts';
import { MAX_STREAM_RATE, MAX_STREAMS, NAMELESS, type StreamLimit, type TrunkOptions } from './options.ts';
import { Pressure } from './pressure.ts';
import { fromReason, toReason } from './reasons.ts';
import { ReceiveStream } from './receive.ts';
import { type Segment, SendStream } from './send.ts';
import { type StreamHost, StripedPipe } from './stream.ts';
import { StreamIds } from './stream_ids.ts';
import { SEGMENT_BYTES, type Transmitter } from './transmit.ts';
import { StreamWindow } from './window.ts';

const NO_LABEL = Buffer.alloc(0);
const LIMIT_WORDS: Readonly<Record<StreamLimit, string>> = {
  streams: 'more connections at a time than the peer takes of one client (--max-streams)',
  'stream-rate': 'more connections in a second than the peer takes of one client (--max-stream-rate)',
};
/**
 * The peer may not know yet that its streams are refused, and what waited for a carrier comes all at once. Beyond so many,
 * it does not end those that were refused: each is kept until it does.
 */
const MOST_REFUSED = 20_000;

export class Streams implements StreamHost {
  readonly segmentBytes = SEGMENT_BYTES;
  readonly #options: TrunkOptions;
  readonly #clock: Clock;
  readonly #memory: MemoryShare;
  readonly #pressure: Pressure;
  readonly #streams = new Map<number, StripedPipe>();
  readonly #ids: StreamIds;
  readonly #credit: TrunkCredit;
  readonly #out: Transmitter;
  readonly #awaitingRoom = new Set<StripedPipe>();
  readonly #maxStreams: number;
  readonly #openRate: OpenRate;
  /** What the peer grants to streams whose opening has been overtaken; no more of them than there can be such streams. */
  readonly #earlyCredit = new Map<number, number>();
  readonly #grants: Grants;
  /** What new streams are granted by the peer, as it has told last, by the number of that news. */
  #peerFirst: number;
  #peerFirstNumber = 0;
  #peakEarlyBytes = 0;
  #ended = false;

  constructor(options: TrunkOptions, memory: MemoryShare, credit: TrunkCredit, out: Transmitter) {
    this.#options = options;
    this.#clock = options.clock;
    this.#memory = memory;
    this.#pressure = new Pressure(memory);
    memory.onRoom = () => this.#wakeWaiting();
    memory.isWaitedFor = () => this.#awaitingRoom.size > 0 && !this.hasRoom;
    this.#maxStreams = options.maxStreams ?? MAX_STREAMS;
    this.#openRate = new OpenRate(options.maxStreamRate ?? MAX_STREAM_RATE);
    this.#ids = new StreamIds(options.role, 2 * this.#maxStreams);
    this.#credit = credit;
    this.#out = out;
    this.#grants = new Grants(memory, out.control, options.streamWindow);
    this.#peerFirst = options.peerStreamWindow;
  }

  get all(): ReadonlyMap<number, StripedPipe> {
    return this.#streams;
  }
  /** The most that ever waited, on one stream, for what was in front of it. */
  get peakEarlyBytes(): number {
    return this.#peakEarlyBytes;
  }
  /** Numbers for streams of ours become scarce. */
  get worn(): boolean {
    return this.#ids.worn;
  }
  get hasRoom(): boolean {
    return !this.#ended && this.#memory.hasRoom(this.#out.unacknowledgedBytes);
  }
  get hasPlenty(): boolean {
    return this.#memory.hasPlenty;
  }

  /** Opens a stream of ours. @throws PipeError when all numbers are used */
  open(label: Buffer): StripedPipe {
    const stream = this.#makeStream(this.#ids.open(), label, true);
    if (this.#ended) stream.onBroken(new PipeError('cancelled', 'trunk', 'the trunk is over'));
    else this.submit(stream);
    return stream;
  }

  /** The trunk is over: so are all its streams. */
  end(error: PipeError): void {
    this.#ended = true;
    for (const stream of [...this.#streams.values()]) {
      this.#trace(STREAM_END, stream);
      stream.sending.cancel();
      stream.receiving.clear();
      stream.onBroken(error);
    }
    this.#streams.clear();
    this.#memory.onRoom = null;
    this.#memory.leave();
  }

  /** Memory may have been freed. */
  onFreed(): void {
    if (!this.#ended) this.#memory.onFreed();
  }

  /** Tells the peer how much it may send on all streams together, if that is worth it. */
  grantTrunk(): void {
    const limit = this.#credit.grant(this.#memory.window);
    this.#memory.granted = this.#credit.granted;
    if (limit !== null) this.#out.control.grantTrunk(limit);
  }

  // --- from the streams ------------------------------------------------------------------------------------------

  submit(stream: StripedPipe): void {
    this.#out.outbox.add(stream);
    this.#out.pump();
  }

  awaitRoom(stream: StripedPipe): void {
    this.#awaitingRoom.add(stream);
    this.#memory.onShort();
  }

  onRead(stream: StripedPipe): void {
    const { receiving, window } = stream;
    this.#settle(stream, receiving.readOffset);
    const before = receiving.limit;
    const now = this.#clock.now();
    const limit = window.onRead(receiving, now, this.#out, this.#grants.room(now));
    this.#grantStream(stream, before, limit);
    this.#claim(stream);
    this.#forgetIfOver(stream);
    if (!this.#out.control.empty) this.#out.pump();
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

  // --- from the peer -----------------------------------------------------------------------------------------------

  /** Takes the data over. */
  onData(frame: Frame, data: Chunk, now: number): void {
    const fin = (frame.flags & FIN) !== 0;
    const stream = this.#streams.get(frame.id) ?? this.#openedByPeer(frame, data, now);
    if (stream === null) return;
    const before = stream.receiving.finalOffset;
    const { receiving } = stream;
    const { length } = data;
    this.#credit.onReceived(receiving.push(frame.value, data, fin));
    this.#peakEarlyBytes = Math.max(this.#peakEarlyBytes, receiving.earlyBytes);
    if (stream.discarded) this.#dropUnread(stream);
    else {
      const limit = receiving.limit;
      this.#grantStream(stream, limit, stream.window.onArrival(receiving, this.#grants.room(now)));
      stream.onArrival();
    }
    this.#claim(stream);
    this.#pressure.onArrival(length, this.#streams.values());
    if (before === null && fin) this.#forgetIfOver(stream);
  }

  /** The stream that a frame opens, or null when it belongs to one that is no more (and the data is dropped). */
  #openedByPeer(frame: Frame, data: Chunk, now: number): StripedPipe | null {
    let stream: StripedPipe | null = null;
    try {
      stream = this.#openPeers(frame, now);
    } finally {
      if (stream === null) data.release();
    }
    if (stream === null) return null;
    const limit = this.#limitReached(now);
    if (limit !== null) {
      this.#credit.onReceived(stream.receiving.push(frame.value, data, (frame.flags & FIN) !== 0));
      stream.discard(new PipeError('descriptors', 'trunk', LIMIT_WORDS[limit]));
      this.#options.onRefused?.(limit);
      return null;
    }
    this.#options.onStream(stream);
    return stream;
  }

  #limitReached(now: number): StreamLimit | null {
    if (this.#streams.size > this.#maxStreams) return 'streams';
    return this.#openRate.take(now) ? null : 'stream-rate';
  }

  /** @throws PipeError `malformed`; the data is still the caller's then */
  #openPeers({ id, flags, text }: Frame, now: number): StripedPipe | null {
    if (this.#ids.isOver(id)) return null;
    if ((flags & OPEN) === 0)
      throw new PipeError('malformed', 'trunk', `data of stream ${id}, which was never opened`);
    return this.#makePeers(id, text, now);
  }

  /** A stream of the peer's, whose number was not used. @throws PipeError `malformed` when there are far too many */
  #makePeers(id: number, label: Buffer, now = this.#clock.now()): StripedPipe {
    if (this.#streams.size >= this.#maxStreams + MOST_REFUSED)
      throw new PipeError('malformed', 'trunk', 'far too many streams, and it does not end those refused');
    this.#ids.use(id);
    const stream = this.#makeStream(id, label, false, now);
    stream.sending.grant(this.#earlyCredit.get(id) ?? 0);
    this.#earlyCredit.delete(id);
    return stream;
  }

  /** The peer has this segment. */
  onDelivered(segment: Segment): void {
    const { stream } = segment;
    const before = stream.unacknowledgedBytes;
    stream.acknowledge(segment);
    this.#out.unacknowledgedBytes -= before - stream.unacknowledgedBytes;
    const pipe = this.#streams.get(stream.id);
    if (pipe !== undefined && stream.done) this.#forgetIfOver(pipe);
    this.#memory.onFreed();
  }

  /** MAX_STREAM_DATA. */
  onCredit(frame: Frame): void {
    const stream = this.#streams.get(frame.id);
    if (stream === undefined) {
      if (this.#ids.isOver(frame.id)) return;
      // The grant has overtaken the opening, and will not be said again.
      this.#earlyCredit.set(frame.id, Math.max(frame.value, this.#earlyCredit.get(frame.id) ?? 0));
      return;
    }
    stream.sending.grant(frame.value);
    if (stream.sending.hasNew) this.#out.outbox.add(stream);
    stream.onRoom();
  }

  /** FIRST_WINDOW: smaller than before for streams to come only. */
  onFirstWindow({ id, value }: Frame): void {
    if (id <= this.#peerFirstNumber) return;
    this.#peerFirstNumber = id;
    this.#peerFirst = Math.min(value, this.#options.peerStreamWindow);
  }

  /** RESET_STREAM or STOP_SENDING. */
  onReset(frame: Frame): void {
    const error = fromReason(frame.flags, frame.text);
    const stream = this.#streams.get(frame.id) ?? this.#overtaken(frame.id, error);
    if (stream === null) return;
    if (frame.type === RESET_STREAM && stream.receiving.finalOffset === null) {
      this.#credit.onReceived(stream.receiving.reset(frame.value));
      // Gaps, what waited behind them, and what never came will not be read.
      this.#settle(stream, stream.receiving.highest);
    }
    this.#resetStream(stream, error);
  }

  /** The reset has overtaken the opening: no app gets the stream, which is over when it is known where the peer's data ends. */
  #overtaken(id: number, error: PipeError): StripedPipe | null {
    if (this.#ids.isOver(id)) return null;
    const stream = this.#makePeers(id, NO_LABEL);
    stream.discard(error);
    return stream;
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
    this.#memory.onFreed();
  }

  /** Nobody will read what came, or comes: give the trunk's credit back. */
  #dropUnread(stream: StripedPipe): void {
    if (!stream.discarded) return;
    stream.receiving.clear();
    this.#settle(stream, stream.receiving.highest);
    this.#claim(stream);
  }

  /** What the stream received up to here is dealt with: read, or given up. */
  #settle(stream: StripedPipe, offset: number): void {
    if (offset <= stream.settledTo) return;
    const bytes = offset - stream.settledTo;
    stream.settledTo = offset;
    this.#grants.onSettled(bytes);
    this.#consume(bytes);
  }

  #claim(stream: StripedPipe): void {
    if (this.#streams.get(stream.id) === stream) this.#grants.claim(stream);
  }

  #grantStream(stream: StripedPipe, before: number, limit: number | null): void {
    if (limit === null) return;
    this.#grants.onGranted(stream.receiving.limit - before);
    if (!stream.resetDone) this.#out.control.grantStream(stream.id, limit);
  }

  #forgetIfOver(stream: StripedPipe): void {
    const { sending, receiving } = stream;
    const sent = stream.resetDone || sending.done;
    const received =
      receiving.finalOffset !== null && (stream.discarded || receiving.atEnd || stream.resetDone);
    if (!sent || !received || this.#streams.get(stream.id) !== stream) return;
    this.#streams.delete(stream.id);
    this.#trace(STREAM_END, stream);
    this.#grants.onForgotten(stream);
    this.#out.control.forgetStream(stream.id);
    this.#out.outbox.remove(stream);
    this.#awaitingRoom.delete(stream);
  }

  #makeStream(id: number, label: Buffer, ours: boolean, now = this.#clock.now()): StripedPipe {
    if (!this.#memory.active) {
      this.#memory.active = true;
      this.grantTrunk();
    }
    const { streamWindow } = this.#options;
    const sending = new SendStream(id, ours ? label : null, this.#peerFirst);
    const stream = new StripedPipe(
      this,
      id,
      label,
      sending,
      new ReceiveStream(this.#memory.receivePool, streamWindow),
      new StreamWindow(streamWindow, now),
    );
    this.#streams.set(id, stream);
    this.#grants.onOpened();
    this.#trace(STREAM_OPEN, stream);
    return stream;
  }

  #trace(channel: TraceChannel<StreamTrace>, { id }: StripedPipe): void {
    if (!channel.hasSubscribers) return;
    const { service, trunk } = this.#options.tag ?? NAMELESS;
    channel.publish({ service, trunk, stream: id });
  }

  // --- credit ------------------------------------------------------------------------------------------------------

  #consume(bytes: number): void {
    this.#credit.onSettled(bytes);
    this.grantTrunk();
  }

  #wakeWaiting(): void {
    if (this.#awaitingRoom.size === 0 || !this.hasRoom) return;
    const waiting = [...this.#awaitingRoom];
    this.#awaitingRoom.clear();
    for (const stream of waiting) stream.onRoom();
  }
}
