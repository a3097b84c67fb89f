/**
 * CompressPipe: compresses what goes through it, over any pipe of bytes.
 *
 *     upper   send(chunk)            recv() -> chunk
 *               |                       ^
 *            Outgoing                Incoming          outgoing.ts, incoming.ts
 *               v                       |
 *     lower   send(frames)           recv() -> frames
 *
 * Unit: bytes. On the wire each direction is a sequence of frames of zstd or LZ4, as their commands write them; docs/wire.md.
 * Each direction has a context of its own, and nothing is kept from one connection to the next.
 * Backpressure: one chunk at a time; `writable` is off until all that came of it has been taken by the lower pipe (so one is
 * taken while that is full). Upwards
 * nothing is read or decompressed that was not asked for.
 * FIN: the end of the frame, then the lower pipe's FIN; one in the middle of a frame breaks the pipe (`truncated`).
 * RST: the lower pipe's. What cannot be decompressed breaks the pipe (`malformed`), and resets the lower one.
 * Memory: one chunk and what one job made of it each way; the context of a frame (docs/compression.md has the sizes), which
 * is given back when the frame has been idle for 10 s. Of the peer's frames at most 8 MiB of history is kept.
 * Needs below: any bytes pipe.
 */

import type { Chunk } from '../../core/chunk.ts';
import { type Clock, systemClock } from '../../core/clock.ts';
import { asPipeError, type PipeError } from '../../core/errors.ts';
import { defaultPool, LARGEST_CHUNK, type SlabPool } from '../../core/pool.ts';
import { deferEvent, PipeBase } from '../../pipe/base.ts';
import { BROKEN, FIN_SENT, type IoPipe, READABLE, READY, WRITABLE } from '../../pipe/pipe.ts';
import type { TcpInfo } from '../../sys/tcp_info.ts';
import type { CodecRegistry } from './codec.ts';
import { availableCodecs } from './codecs.ts';
import { type CompressCounters, newCounters } from './counters.ts';
import { Incoming } from './incoming.ts';
import { Outgoing } from './outgoing.ts';
import type { Policy } from './policy.ts';

/** The largest piece that is compressed at once: smaller ones start sooner, larger ones cost less. */
export const DEFAULT_BUFFER_BYTES = 128 * 1024;

export interface CompressPipeOptions {
  /** How what is sent is compressed. */
  readonly policy: Policy;
  /** What the other end may use. Default all that this process has. */
  readonly codecs?: CodecRegistry;
  /** Default 128 KiB, at most 256. */
  readonly bufferBytes?: number;
  /** Waits up to 50 ms for more to compress together. Default false. */
  readonly patient?: boolean;
  /** Whose memory what is compressed is held in. */
  readonly sendPool?: SlabPool;
  readonly receivePool?: SlabPool;
  readonly clock?: Clock;
}

export class CompressPipe extends PipeBase<'bytes'> {
  readonly kind = 'bytes';
  /** What it is built on. */
  readonly lower: IoPipe<'bytes'>;
  readonly counters: CompressCounters = newCounters();
  readonly #outgoing: Outgoing;
  readonly #incoming: Incoming;
  #failure: PipeError | null = null;
  #finWanted = false;
  #discarded = false;
  /**
   * The flags that the consumer knows of, as the bits of their events. A flush, or a job elsewhere, turns flags off and on
   * again by itself; who has not seen that needs no event.
   */
  #known = 0;
  #announcing = false;

  /** Takes the lower pipe over. */
  constructor(lower: IoPipe<'bytes'>, options: CompressPipeOptions) {
    super();
    const { policy, patient = false, clock = systemClock, codecs = availableCodecs() } = options;
    const { sendPool = defaultPool, receivePool = defaultPool } = options;
    this.lower = lower;
    const { counters } = this;
    const onChange = () => this.#announce();
    this.#outgoing = new Outgoing(lower, {
      pool: sendPool,
      clock,
      policy,
      patient,
      bufferBytes: Math.min(options.bufferBytes ?? DEFAULT_BUFFER_BYTES, LARGEST_CHUNK),
      counters,
      onChange,
      onFailed: (error) => this.#fail(error),
    });
    this.#incoming = new Incoming(lower, { pool: receivePool, codecs, counters, onChange });
    lower.onActivity = (events) => this.#onLower(events);
    if (lower.broken !== null) this.#outgoing.stop();
    this.#announce();
  }

  get maxSend(): number {
    return this.#outgoing.maxSend;
  }
  get ready(): boolean {
    return !this.#discarded && this.lower.ready;
  }
  get broken(): PipeError | null {
    return this.#failure ?? this.lower.broken;
  }
  get readable(): boolean {
    const readable = this.#isReadable;
    if (!readable) this.#known &= ~READABLE;
    return readable;
  }
  get writable(): boolean {
    const writable = this.#isWritable;
    if (!writable) this.#known &= ~WRITABLE;
    return writable;
  }
  get #isReadable(): boolean {
    return this.ready && this.#failure === null && this.#incoming.readable;
  }
  get #isWritable(): boolean {
    return this.ready && this.broken === null && this.#outgoing.writable;
  }
  get finReceived(): boolean {
    return this.#incoming.ended;
  }
  get finSent(): boolean {
    return this.#outgoing.finPassed && this.lower.finSent;
  }
  get congestion(): TcpInfo | null {
    return this.lower.congestion;
  }

  recv(max = LARGEST_CHUNK): Chunk | null {
    if (!this.readable) return null;
    let chunk: Chunk | null = null;
    try {
      chunk = this.#incoming.recv(Math.min(max, LARGEST_CHUNK));
    } catch (error) {
      this.#fail(asPipeError(error, 'compress'));
    }
    // That says it as well as the flag.
    if (chunk === null) this.#known &= ~READABLE;
    this.#announce();
    return chunk;
  }

  send(chunk: Chunk): void {
    if (!this.writable) throw new Error('send() while not writable');
    if (chunk.length > this.maxSend)
      throw new Error(`send() of ${chunk.length} bytes, maxSend is ${this.maxSend}`);
    this.#outgoing.send(chunk);
    this.#announce();
  }

  sendFin(): void {
    if (this.#finWanted) throw new Error('sendFin() twice');
    if (!this.lower.ready && this.broken === null && !this.#discarded)
      throw new Error('sendFin() before ready');
    this.#finWanted = true;
    if (this.broken === null && !this.#discarded) this.#outgoing.finish();
    this.#announce();
  }

  discard(error?: PipeError): void {
    if (this.#discarded) return;
    this.#discarded = true;
    this.silence();
    this.#outgoing.stop();
    this.#incoming.stop();
    this.lower.discard(error);
  }

  #onLower(events: number): void {
    if (this.#discarded || this.#failure !== null) return;
    if (events & BROKEN) this.#outgoing.stop();
    else if (events & (READY | WRITABLE)) this.#outgoing.onRoom();
    this.#announce();
  }

  /** That stream alone. */
  #fail(error: PipeError): void {
    if (this.broken !== null || this.#discarded) return;
    this.#failure = error;
    this.#outgoing.stop();
    this.#incoming.stop();
    this.lower.onActivity = null;
    this.lower.discard(error);
    this.#announce();
  }

  /** Raises what has turned true and the consumer has not been told, when its call is over. */
  #announce(): void {
    if (this.#discarded || this.#announcing || (this.#flags & ~this.#known) === 0) return;
    this.#announcing = true;
    deferEvent(() => {
      this.#announcing = false;
      if (this.#discarded) return;
      const flags = this.#flags;
      const fresh = flags & ~this.#known;
      this.#known |= flags;
      this.raise(fresh);
    });
  }

  /** As the bits of their events. */
  get #flags(): number {
    return (
      (this.ready ? READY : 0) |
      (this.broken === null ? 0 : BROKEN) |
      (this.#isReadable ? READABLE : 0) |
      (this.#isWritable ? WRITABLE : 0) |
      (this.finSent ? FIN_SENT : 0)
    );
  }
}
