/**
 * NodeCodecStream: any compressing stream of node:zlib as a CodecStream. Slower than the addon, as it works on its threads
 * even for a byte, but it needs nothing besides Node.
 *
 * Output is read as there is room for it: a stream of node:zlib stops when 16 KiB wait to be read, so a bomb does not unfold
 * ahead of its reader.
 */

import type { Transform } from 'node:stream';
import { type CodecStream, FLUSH_END, FLUSH_FULL, FLUSH_NONE, type Flush, type Job } from './codec.ts';

/** A stream of node:zlib, as far as it is used here. */
export interface ZlibStream extends Transform {
  flush(kind: number, done: () => void): void;
  close(): void;
}

/** What its library calls the flushes. */
export interface FlushKinds {
  readonly partial: number;
  readonly full: number;
}

export class NodeCodecStream implements CodecStream {
  onDone: (() => void) | null = null;
  readonly #stream: ZlibStream;
  readonly #flushes: FlushKinds;
  #job: Job | null = null;
  /** Writes and flushes that the stream has not finished. */
  #pending = 0;
  /** What the job under way asked for has been said to the stream. */
  #said = false;
  #ending = false;
  #ended = false;
  #closed = false;
  #error: string | null = null;

  constructor(stream: ZlibStream, flushes: FlushKinds) {
    this.#stream = stream;
    this.#flushes = flushes;
    stream.on('readable', () => this.#look());
    stream.on('end', () => {
      this.#ended = true;
      this.#look();
    });
    stream.on('error', (error: Error) => {
      this.#error = error.message;
      this.#look();
    });
  }

  run(job: Job): boolean {
    this.#job = job;
    job.consumed = job.inputEnd - job.inputStart;
    job.produced = 0;
    job.cpuNs = 0;
    if (job.consumed > 0) {
      this.#said = false;
      // A copy, as its bytes are the caller's again before the stream is done with them.
      this.#work((done) =>
        this.#stream.write(Buffer.from(job.input.subarray(job.inputStart, job.inputEnd)), done),
      );
    }
    this.#flush(job.flush);
    setImmediate(() => this.#look());
    return false;
  }

  close(): void {
    this.#closed = true;
    if (this.#job === null) this.#stream.destroy();
  }

  #flush(flush: Flush): void {
    if (flush === FLUSH_NONE || this.#ending || this.#said) return;
    this.#said = true;
    if (flush === FLUSH_END) {
      this.#ending = true;
      this.#stream.end();
    } else {
      const kind = flush === FLUSH_FULL ? this.#flushes.full : this.#flushes.partial;
      this.#work((done) => this.#stream.flush(kind, done));
    }
  }

  #work(begin: (done: () => void) => void): void {
    this.#pending++;
    begin(() => {
      this.#pending--;
      this.#look();
    });
  }

  /** Takes what there is room for; ends the job when it is done, or has no more room. */
  #look(): void {
    const job = this.#job;
    if (job === null) return;
    const room = () => job.outputEnd - job.outputStart - job.produced;
    while (room() > 0) {
      const ready = Math.min(this.#stream.readableLength, room());
      const bytes = ready > 0 ? (this.#stream.read(ready) as Buffer | null) : null;
      if (bytes === null) break;
      bytes.copy(job.output, job.outputStart + job.produced);
      job.produced += bytes.length;
    }
    // Asks for the end to be told, too.
    if (this.#ending && !this.#ended && this.#stream.readableLength === 0) this.#stream.read(0);
    const idle = this.#pending === 0 && this.#stream.readableLength === 0 && (!this.#ending || this.#ended);
    if (room() > 0 && !idle && this.#error === null && !this.#closed) return;
    job.more = !idle;
    job.atBoundary = this.#ended;
    job.error = this.#error;
    if (idle) this.#said = false;
    this.#job = null;
    if (this.#closed) this.#stream.destroy();
    this.onDone?.();
  }
}
