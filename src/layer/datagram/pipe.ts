/**
 * DatagramPipe: messages over a bytes pipe. What was sent as 3, 123 and 4 bytes is received as 3, 123 and 4 bytes.
 *
 *     upper   send(message)          recv() -> message
 *               |                       ^
 *             length + bytes          decoder: the rest of one chunk, one unfinished message
 *               v                       |
 *     lower   send(chunk)            recv() -> chunk
 *
 * Unit: messages of 0 to `maxMessageBytes` bytes. Wire format: see codec.ts.
 * Backpressure: the lower pipe's, both ways; a message goes down in one chunk, so there is no tail here.
 * FIN: the lower pipe's, between messages; in the middle of one it breaks the pipe (`truncated`). RST: the lower pipe's.
 * Memory: at most one chunk of the lower pipe and one message. Needs below: any bytes pipe.
 */

import type { Chunk } from '../../core/chunk.ts';
import { asPipeError, PIPE_ERRORS, type PipeError } from '../../core/errors.ts';
import { defaultPool, LARGEST_CHUNK, type SlabPool } from '../../core/pool.ts';
import { PipeBase } from '../../pipe/base.ts';
import { BROKEN, FIN_SENT, type IoPipe, READABLE, READY, WRITABLE } from '../../pipe/pipe.ts';
import type { TcpInfo } from '../../sys/tcp_info.ts';
import { DatagramDecoder, encodeMessage, type Recognise } from './codec.ts';

export interface DatagramOptions {
  /** The largest message to accept, 1 to 2^32 - 1 bytes. Default 256 KiB. */
  readonly maxMessageBytes?: number;
  /** The largest message to send, at most what the peer accepts. Default 64 KiB: see {@link DEFAULT_SEND_BYTES}. */
  readonly maxSendBytes?: number;
  readonly pool?: SlabPool;
  /** The beginning of the stream, where somebody has read it already to see what it is. */
  readonly first?: Uint8Array;
  /** Names peers that speak something else, before their first bytes are taken for messages. Default: nobody is suspected. */
  readonly recognise?: Recognise;
}

/**
 * Messages are sent smaller than reads are large, so that the peer finds most of them whole within one read and hands them
 * on without a copy: four of them, with their lengths, fit into one read of 256 KiB.
 */
const DEFAULT_SEND_BYTES = 64 * 1024 - 64;

export class DatagramPipe extends PipeBase<'messages'> {
  readonly kind = 'messages';
  readonly maxSend: number;

  readonly #lower: IoPipe<'bytes'>;
  readonly #pool: SlabPool;
  readonly #decoder: DatagramDecoder;
  /** Our own failure; the lower pipe's is its own. */
  #failure: PipeError | null = null;
  #finReceived = false;
  #finWanted = false;
  #discarded = false;

  constructor(lower: IoPipe<'bytes'>, options: DatagramOptions = {}) {
    super();
    const { maxMessageBytes, maxSendBytes } = checkedSizes(options);
    this.maxSend = maxSendBytes;
    this.#lower = lower;
    this.#pool = options.pool ?? defaultPool;
    this.#decoder = new DatagramDecoder(this.#pool, maxMessageBytes, options.recognise);
    if (options.first !== undefined) this.#decoder.push(this.#pool.copy(options.first));
    lower.onActivity = (events) => this.#onLower(events);
  }

  get ready(): boolean {
    return !this.#discarded && this.#lower.ready;
  }
  get broken(): PipeError | null {
    return this.#lower.broken ?? this.#failure;
  }
  get readable(): boolean {
    return (
      !this.#discarded &&
      this.#failure === null &&
      !this.#finReceived &&
      // Who read the beginning may have seen the end as well.
      (this.#decoder.hasRest || this.#lower.readable || this.#lower.finReceived)
    );
  }
  get writable(): boolean {
    return !this.#discarded && this.#failure === null && !this.#finWanted && this.#lower.writable;
  }
  get finReceived(): boolean {
    return this.#finReceived;
  }
  get finSent(): boolean {
    return this.#lower.finSent;
  }
  get congestion(): TcpInfo | null {
    return this.#lower.congestion;
  }

  recv(): Chunk | null {
    try {
      while (this.readable) {
        const message = this.#decoder.next();
        if (message !== null) return message;
        const chunk = this.#lower.recv(this.#decoder.readHint(LARGEST_CHUNK));
        if (chunk !== null) this.#decoder.push(chunk);
        else if (this.#lower.finReceived) this.#onFin();
      }
      if (!this.#discarded && !this.#finReceived) this.#lower.wakeAt?.(this.#decoder.missing);
    } catch (error) {
      this.#fail(asPipeError(error, 'datagram'));
    }
    return null;
  }

  send(message: Chunk): void {
    if (!this.writable) throw new Error('send() while not writable');
    if (message.length > this.maxSend)
      throw new Error(`send() of ${message.length} bytes, maxSend is ${this.maxSend}`);
    this.#lower.send(encodeMessage(message, this.#pool));
  }

  sendFin(): void {
    if (this.#finWanted) throw new Error('sendFin() twice');
    // First, since it may throw: before `ready` the lower pipe takes no FIN, and we have not sent one then.
    if (this.#failure === null) this.#lower.sendFin();
    this.#finWanted = true;
  }

  discard(error?: PipeError): void {
    if (this.#discarded) return;
    this.#discarded = true;
    this.silence();
    this.#decoder.clear();
    this.#lower.discard(error);
  }

  #onLower(events: number): void {
    let up = events & (READY | BROKEN | FIN_SENT);
    if ((events & READABLE) !== 0 && !this.#decoder.hasRest) up |= READABLE;
    if ((events & WRITABLE) !== 0 && !this.#finWanted) up |= WRITABLE;
    this.raise(up);
  }

  #onFin(): void {
    if (this.#decoder.inMessage) throw this.#decoder.error('truncated', PIPE_ERRORS.truncated);
    this.#finReceived = true;
  }

  /** The peer does not keep to the framing: nothing it says from here on can be understood. */
  #fail(error: PipeError): void {
    this.#failure = error;
    this.#decoder.clear();
    // What was left behind a reset may well be malformed, but the pipe was broken by the reset, and has said so.
    const first = this.#lower.broken === null;
    this.#lower.discard(error);
    if (first) this.raiseLater(BROKEN);
  }
}

/** The options with their defaults. @throws RangeError when one is not possible, as the constructor does */
export function checkedSizes(options: DatagramOptions): { maxMessageBytes: number; maxSendBytes: number } {
  const maxMessageBytes = checkedSize('maxMessageBytes', options.maxMessageBytes ?? LARGEST_CHUNK);
  const maxSendBytes = options.maxSendBytes ?? Math.min(DEFAULT_SEND_BYTES, maxMessageBytes);
  return { maxMessageBytes, maxSendBytes: checkedSize('maxSendBytes', maxSendBytes) };
}

function checkedSize(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= 0xffff_ffff) return value;
  throw new RangeError(`${name} is ${value}; it must be a whole number from 1 to 4294967295`);
}
