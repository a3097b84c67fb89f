/**
 * PipeDuplex: an IoPipe of bytes as a Node Duplex, for code that speaks streams (node:tls, pipeline(), http).
 *
 * Bytes are copied here, both ways: a stream's reader may keep a buffer for ever, and pooled memory must go home.
 * end() is FIN. destroy() before our FIN has gone out resets the peer, with or without an error: a stream that was
 * given up must not look complete to the other side.
 */

import { Duplex } from 'node:stream';
import { PipeError } from '../core/errors.ts';
import { defaultPool, LARGEST_CHUNK, type SlabPool } from '../core/pool.ts';
import { BROKEN, FIN_SENT, type IoPipe, READABLE, READY, WRITABLE } from './pipe.ts';

export interface PipeDuplexOptions {
  /** Bytes that the stream reads ahead. Default 64 KiB. */
  readonly readableHighWaterMark?: number;
  readonly pool?: SlabPool;
}

type Callback = (error?: Error | null) => void;

export class PipeDuplex extends Duplex {
  readonly #pipe: IoPipe<'bytes'>;
  readonly #pool: SlabPool;
  #reading = false;
  /** The write under way: what is left of it, and whom to tell. */
  #unsent: Buffer | null = null;
  #onSent: Callback | null = null;
  #onFinSent: Callback | null = null;
  #finAsked = false;

  /** Takes the pipe over. */
  constructor(pipe: IoPipe<'bytes'>, options: PipeDuplexOptions = {}) {
    super({ allowHalfOpen: true, readableHighWaterMark: options.readableHighWaterMark ?? 64 * 1024 });
    this.#pipe = pipe;
    this.#pool = options.pool ?? defaultPool;
    pipe.onActivity = (events) => this.#onActivity(events);
    if (pipe.broken !== null) this.destroy(pipe.broken);
  }

  override _read(): void {
    this.#reading = true;
    this.#receive();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.#unsent = bytes;
    this.#onSent = callback;
    this.#transmit();
  }

  override _final(callback: Callback): void {
    this.#onFinSent = callback;
    this.#finish();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const complete = this.#pipe.finSent && error === null;
    this.#pipe.discard(
      complete ? undefined : new PipeError('cancelled', 'duplex', undefined, error ?? undefined),
    );
    const waiting = [this.#onSent, this.#onFinSent];
    this.#unsent = this.#onSent = this.#onFinSent = null;
    callback(error);
    // Node answers the writes that are queued behind the one under way, but only when that one is answered.
    const reason = error ?? new PipeError('cancelled', 'duplex', 'the stream was destroyed');
    for (const answer of waiting) answer?.(reason);
  }

  #onActivity(events: number): void {
    if (events & READABLE) this.#receive();
    if (events & (WRITABLE | READY)) this.#transmit();
    if (events & (FIN_SENT | READY)) this.#finish();
    if (events & BROKEN && this.#pipe.broken !== null) this.destroy(this.#pipe.broken);
  }

  #receive(): void {
    while (this.#reading) {
      const chunk = this.#pipe.recv();
      if (chunk === null) {
        if (this.#pipe.finReceived) {
          this.#reading = false;
          this.push(null);
        }
        return;
      }
      const copy = Buffer.from(chunk.view());
      chunk.release();
      this.#reading = this.push(copy);
    }
  }

  #transmit(): void {
    while (this.#unsent !== null && this.#pipe.writable) {
      const bytes = this.#unsent;
      const piece = bytes.subarray(0, LARGEST_CHUNK);
      this.#unsent = piece.length < bytes.length ? bytes.subarray(piece.length) : null;
      this.#pipe.send(this.#pool.copy(piece));
    }
    // The callback waits for the pipe's tail, so that the stream's own backpressure counts what is really gone.
    if (this.#unsent === null && this.#onSent !== null && this.#pipe.writable) {
      const callback = this.#onSent;
      this.#onSent = null;
      callback();
    }
  }

  #finish(): void {
    if (this.#onFinSent === null || !this.#pipe.ready) return;
    if (this.#pipe.finSent) {
      const callback = this.#onFinSent;
      this.#onFinSent = null;
      callback();
    } else if (!this.#finAsked) {
      this.#finAsked = true;
      this.#pipe.sendFin();
    }
  }
}
