/**
 * DuplexPipe: any Node Duplex as an IoPipe of bytes. The door for node:net, node:tls and whatever else speaks streams.
 *
 * Unit: bytes, in the stream's own buffers (counted by the pool, not owned by it).
 * Backpressure: one write at a time; `writable` is off until the stream has passed it on. Upwards, the stream reads
 * ahead up to its high-water mark and no further.
 * FIN is the stream's end(); the stream must allow half-open ends. RST is resetAndDestroy() where the stream has it (a
 * socket: note that destroy(error) would send a clean FIN), else destroy(error).
 * A stream that is not being read does not notice a reset until reading goes on: that is Node's doing.
 */

import type { Duplex } from 'node:stream';
import type { Chunk } from '../core/chunk.ts';
import { asPipeError, PipeError } from '../core/errors.ts';
import { defaultPool, type SlabPool } from '../core/pool.ts';
import { PipeBase } from './base.ts';
import { BROKEN, FIN_SENT, READABLE, READY, WRITABLE } from './pipe.ts';

export interface DuplexPipeOptions {
  /** Name of the event that makes the stream ready (`connect`, `secureConnect`); left out, it is ready at once. */
  readonly readyEvent?: string;
  /** The layer named in errors. Default `duplex`. */
  readonly layer?: string;
  readonly pool?: SlabPool;
  /** For a stream whose end may be a failure in disguise: called at its end, and calls back unless it was one. */
  readonly confirmEnd?: (confirmed: () => void) => void;
}

interface Resettable {
  connecting: boolean;
  readonly localAddress?: string;
  resetAndDestroy(): void;
}

export class DuplexPipe extends PipeBase<'bytes'> {
  readonly kind = 'bytes';
  readonly maxSend = Number.POSITIVE_INFINITY;
  readonly congestion = null;

  readonly #stream: Duplex;
  #pool: SlabPool;
  readonly #layer: string;
  #ready: boolean;
  #broken: PipeError | null = null;
  #readable = false;
  /** The stream has delivered its last byte. */
  #ended = false;
  #finReceived = false;
  #finWanted = false;
  #finSent = false;
  /** The chunk that the stream is writing. */
  #tail: Chunk | null = null;
  #discarded = false;

  /** Takes the stream over. It should be allowHalfOpen, without encoding, and not in object mode. */
  constructor(stream: Duplex, options: DuplexPipeOptions = {}) {
    super();
    this.#stream = stream;
    this.#pool = options.pool ?? defaultPool;
    this.#layer = options.layer ?? 'duplex';
    this.#ready = options.readyEvent === undefined;
    if (options.readyEvent !== undefined) stream.once(options.readyEvent, () => this.#onReady());
    stream.on('readable', () => this.#onReadable());
    const { confirmEnd = (confirmed) => confirmed() } = options;
    stream.on('end', () => confirmEnd(() => this.#onEnd()));
    stream.on('error', (error) => this.#onError(asPipeError(error, this.#layer)));
    stream.on('close', () => this.#onClose());
    if (stream.readableLength > 0) this.#readable = true;
  }

  get ready(): boolean {
    return this.#ready && !this.#discarded;
  }
  get broken(): PipeError | null {
    return this.#broken;
  }
  get readable(): boolean {
    return this.#readable;
  }
  get writable(): boolean {
    return this.ready && this.#tail === null && !this.#finWanted && this.#broken === null;
  }
  get finReceived(): boolean {
    return this.#finReceived;
  }
  get finSent(): boolean {
    return this.#finSent;
  }

  /** What is read from now on counts as this pool's. */
  countIn(pool: SlabPool): void {
    this.#pool = pool;
  }

  recv(max?: number): Chunk | null {
    if (!this.#readable) return null;
    const available = this.#stream.readableLength;
    const bytes = available > 0 ? this.#read(max === undefined ? available : Math.min(max, available)) : null;
    if (bytes !== null && bytes.length > 0) return this.#pool.wrap(bytes);
    this.#readable = false;
    if (this.#ended && this.#broken === null) this.#finReceived = true;
    // Reading from an empty buffer is what sets the stream going again.
    else if (!this.#ended) this.#stream.read(0);
    return null;
  }

  send(chunk: Chunk): void {
    if (!this.writable) throw new Error('send() while not writable');
    if (chunk.length === 0) {
      chunk.release();
      return;
    }
    this.#tail = chunk;
    this.#stream.write(chunk.view(), (error) => this.#onWritten(error));
  }

  sendFin(): void {
    if (this.#finWanted) throw new Error('sendFin() twice');
    if (!this.#ready && this.#broken === null) throw new Error('sendFin() before ready');
    this.#finWanted = true;
    if (this.#broken !== null || this.#discarded) return;
    // The callback also comes, with an error, when the stream dies first.
    this.#stream.end((error?: Error | null) => {
      if (error || this.#broken !== null || this.#discarded) return;
      this.#finSent = true;
      this.raise(FIN_SENT);
    });
  }

  discard(error?: PipeError): void {
    if (this.#discarded) return;
    this.#discarded = true;
    this.#readable = false;
    this.silence();
    const stream = this.#stream;
    if (error === undefined) stream.destroy();
    // libuv refuses to reset while a shutdown is under way, and leaves the socket open; it is under way for a moment.
    else if (this.#isShuttingDown()) stream.once('finish', () => reset(stream, error));
    else reset(stream, error);
    // The tail stays until the write's callback: the stream may still hold the memory.
  }

  /** Our end was asked for, all before it has gone out, and the stream has not said yet that it has. */
  #isShuttingDown(): boolean {
    const { writableLength, writableFinished, destroyed } = this.#stream;
    return this.#finWanted && writableLength === 0 && !writableFinished && !destroyed;
  }

  /** A stream that has had its end may throw on read() instead of answering null. */
  #read(length: number): Buffer | null {
    return this.#stream.read(length) as Buffer | null;
  }

  #onReady(): void {
    if (this.#discarded) return;
    this.#ready = true;
    let events = READY;
    if (this.writable) events |= WRITABLE;
    this.raise(events);
  }

  #onReadable(): void {
    if (this.#discarded || this.#readable || this.#finReceived) return;
    // Also emitted just before 'end', with nothing to read; and 'end' comes only to who then tries to.
    if (this.#stream.readableLength === 0 && !this.#ended) {
      this.#stream.read(0);
      return;
    }
    this.#readable = true;
    this.raise(READABLE);
  }

  #onEnd(): void {
    if (this.#discarded || this.#broken !== null) return;
    this.#ended = true;
    this.#onReadable();
  }

  #onWritten(error: Error | null | undefined): void {
    this.#tail?.release();
    this.#tail = null;
    if (error) this.#onError(asPipeError(error, this.#layer));
    else if (this.writable) this.raise(WRITABLE);
  }

  #onError(error: PipeError): void {
    if (this.#broken !== null || this.#discarded) return;
    this.#broken = error;
    this.raise(BROKEN);
  }

  #onClose(): void {
    this.#tail?.release();
    this.#tail = null;
    // Closed by somebody else, without an error and before both ends were over: that is no end of stream.
    if (!this.#ended || !this.#finSent)
      this.#onError(new PipeError('reset', this.#layer, 'the stream was closed'));
  }
}

/** As much of a reset as there is: a stream that is no socket has none, and Unix and TLS sockets throw instead. */
function reset(stream: Duplex, error: PipeError): void {
  const socket = stream as Partial<Resettable> & Duplex;
  // While connecting Node would put it off until connected, perhaps for ever. The system can do it now, and should, since
  // the other end may have accepted us already; but it cannot before there is a descriptor, which then has an address.
  if (socket.connecting === true && socket.localAddress !== undefined) socket.connecting = false;
  try {
    if (socket.connecting !== true) socket.resetAndDestroy?.();
  } catch {
    // ERR_INVALID_HANDLE_TYPE
  }
  if (!stream.destroyed) stream.destroy(error);
}
