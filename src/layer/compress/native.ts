/**
 * zstd and LZ4 by the addon: on the loop, or on one of libuv's threads for what takes long.
 */

import type { NativeAddon, NativeCodecStream } from '../../sys/addon.ts';
import { type CodecStream, FLUSH_FULL, type Job } from './codec.ts';

/** As the addon numbers them. */
export const NATIVE_KINDS = {
  zstd: { compressor: 0, decompressor: 1 },
  lz4: { compressor: 2, decompressor: 3 },
} as const;

export class NativeStream implements CodecStream {
  onDone: (() => void) | null = null;
  readonly #stream: NativeCodecStream;
  /** Consumed, produced, more, at boundary, nanoseconds, failed. */
  readonly #results = new Float64Array(6);
  #job: Job | null = null;

  constructor(addon: NativeAddon, kind: number, level: number, windowLog: number) {
    this.#stream = new addon.CodecStream(kind, level, windowLog, this.#results, () => this.#onDone());
  }

  run(job: Job, long: boolean): boolean {
    const { input, inputStart, inputEnd, output, outputStart, outputEnd } = job;
    // To both codecs a full flush is the end of a frame: behind it, another one begins.
    const flush = Math.min(job.flush, FLUSH_FULL);
    const inputLength = inputEnd - inputStart;
    const outputLength = outputEnd - outputStart;
    if (long) {
      this.#job = job;
      this.#stream.stepLater(input, inputStart, inputLength, output, outputStart, outputLength, flush);
      return false;
    }
    this.#stream.step(input, inputStart, inputLength, output, outputStart, outputLength, flush);
    this.#report(job);
    return true;
  }

  close(): void {
    this.#stream.close();
  }

  #report(job: Job): void {
    const results = this.#results;
    job.consumed = results[0] as number;
    job.produced = results[1] as number;
    job.more = results[2] === 1;
    job.atBoundary = results[3] === 1;
    job.cpuNs = results[4] as number;
    job.error = results[5] === 1 ? this.#stream.error() : null;
  }

  #onDone(): void {
    const job = this.#job as Job;
    this.#job = null;
    this.#report(job);
    this.onDone?.();
  }
}
