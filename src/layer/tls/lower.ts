/**
 * LowerStream: the pipe below as the stream that node:tls wants underneath.
 *
 *     node:tls   'data' (records)                write(records)
 *                   ^                                |
 *              pull(): recv() -> push()          one chunk of all that is there -> send()
 *                   |                                v
 *     lower      recv() -> chunk                 send(chunk)
 *
 * PipeDuplex would do, but for three things. It hands the lower pipe's FIN on, and node:tls cannot tell that from the other
 * side's close_notify: here the stream never ends, and TlsPipe judges a FIN below by itself. It reads ahead: here nothing is
 * read that TlsPipe has not asked for. And it copies what it reads, which node:tls does anyway, before 'data' returns.
 */

import { Duplex } from 'node:stream';
import type { Chunk } from '../../core/chunk.ts';
import type { SlabPool } from '../../core/pool.ts';
import type { IoPipe } from '../../pipe/pipe.ts';
import { RecordEdges } from './codec.ts';

type Callback = (error?: Error | null) => void;

export class LowerStream extends Duplex {
  readonly #lower: IoPipe<'bytes'>;
  readonly #pool: SlabPool;
  /** What node:tls has not taken yet: empty, but for a moment at the beginning. */
  #held: Chunk[] = [];
  #unsent: Chunk | null = null;
  #onSent: Callback | null = null;
  #finWanted = false;
  #feeding = false;
  #whenFed: (() => void) | null = null;
  /** Bytes that node:tls was given. */
  fedBytes = 0;
  /** The records that node:tls was given, and those that it has made. */
  readonly fed = new RecordEdges();
  readonly made = new RecordEdges();

  constructor(lower: IoPipe<'bytes'>, pool: SlabPool) {
    // It is kept until TlsPipe is done with it, whatever has ended.
    super({ allowHalfOpen: true, autoDestroy: false });
    this.#lower = lower;
    this.#pool = pool;
  }

  /** What is pulled now is taken at once. */
  get flows(): boolean {
    return this.readableFlowing === true && this.readableLength === 0 && !this.destroyed;
  }

  /** Hands on what has come below. @returns false when there is nothing, or nobody to take it */
  pull(most: number): boolean {
    if (!this.flows) return false;
    const chunk = this.#lower.recv(most);
    if (chunk === null) return false;
    this.feed(chunk);
    return true;
  }

  /** Hands this on, as if it had come from below. */
  feed(chunk: Chunk): void {
    this.fedBytes += chunk.length;
    this.fed.push(chunk.view());
    this.#held.push(chunk);
    this.#feeding = true;
    this.push(chunk.view());
    this.#feeding = false;
    this.#release();
    const next = this.#whenFed;
    this.#whenFed = null;
    next?.();
  }

  /** Calls back when node:tls is done with what it is being given: in the middle of that it takes no write. */
  whenFed(next: () => void): void {
    if (this.#feeding) this.#whenFed = next;
    else next();
  }

  /** The pipe below has room again, or is ready. */
  onWritable(): void {
    this.#transmit();
    this.#finish();
  }

  override _read(): void {
    this.#release();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.made.push(bytes);
    // node:tls made this buffer for us.
    this.#send(this.#pool.wrap(bytes), callback);
  }

  override _writev(writes: { chunk: Buffer }[], callback: Callback): void {
    const chunk = this.#pool.take(writes.reduce((sum, { chunk: { length } }) => sum + length, 0));
    let at = chunk.start;
    for (const { chunk: bytes } of writes) at += bytes.copy(chunk.memory, at);
    this.made.push(chunk.view());
    this.#send(chunk, callback);
  }

  /** Answered at once: whether our FIN has gone out the pipe below says, and node:tls may not wait for it. */
  override _final(callback: Callback): void {
    this.#finWanted = true;
    this.#finish();
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    for (const chunk of this.#held.splice(0)) chunk.release();
    this.#unsent?.release();
    this.#unsent = null;
    const answer = this.#onSent;
    this.#onSent = null;
    callback(error);
    answer?.(error ?? new Error('the stream was destroyed'));
  }

  #send(chunk: Chunk, callback: Callback): void {
    this.#unsent = chunk;
    this.#onSent = callback;
    this.#transmit();
  }

  #transmit(): void {
    const lower = this.#lower;
    if (this.#unsent !== null && lower.writable) {
      const chunk = this.#unsent;
      this.#unsent = null;
      lower.send(chunk);
    }
    // Behind the tail below, so that whoever waits for us waits for what is really gone.
    if (this.#unsent !== null || this.#onSent === null || !lower.writable) return;
    const callback = this.#onSent;
    this.#onSent = null;
    callback();
  }

  #finish(): void {
    if (!this.#finWanted || !this.#lower.ready || this.#lower.broken !== null) return;
    this.#finWanted = false;
    this.#lower.sendFin();
  }

  #release(): void {
    if (this.readableLength > 0) return;
    for (const chunk of this.#held.splice(0)) chunk.release();
  }
}
