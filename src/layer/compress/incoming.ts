/**
 * Incoming: the half of a CompressPipe that decompresses.
 *
 *     lower.recv() --> input --> CodecStream, or as it is from a stored frame --> recv()
 *
 * Nothing is decompressed that was not asked for, and nothing read below while there is input left: what a bomb unfolds to
 * is made a piece at a time, as its reader takes it.
 */

import type { Chunk } from '../../core/chunk.ts';
import { PipeError } from '../../core/errors.ts';
import { HEADROOM, LARGEST_CHUNK, type SlabPool } from '../../core/pool.ts';
import type { IoPipe } from '../../pipe/pipe.ts';
import { type CodecRegistry, type CodecStream, FLUSH_END, FLUSH_NONE, type Flush, Job } from './codec.ts';
import type { CompressCounters } from './counters.ts';
import { readStoredHeader } from './stored.ts';

/** Made at once: a quarter of a millisecond's work or so. */
const PIECE_BYTES = 128 * 1024;

export interface IncomingOptions {
  readonly pool: SlabPool;
  readonly codecs: CodecRegistry;
  readonly counters: CompressCounters;
  /** Its flags may have changed, outside of any call. */
  readonly onChange: () => void;
}

export class Incoming {
  readonly #lower: IoPipe<'bytes'>;
  readonly #options: IncomingOptions;
  readonly #job = new Job();
  #stream: CodecStream | null = null;
  #input: Chunk | null = null;
  /** The beginning of a frame that has not been recognised. */
  #head = Buffer.alloc(0);
  /** Bytes of a stored frame that are still to come. */
  #storedLeft = 0;
  /** The stream has more to bring out. */
  #more = false;
  #busy = false;
  /** Made, and not fetched yet. */
  #ready: Chunk | null = null;
  #failure: PipeError | null = null;
  #ended = false;
  #stopped = false;

  constructor(lower: IoPipe<'bytes'>, options: IncomingOptions) {
    this.#lower = lower;
    this.#options = options;
  }

  /** The end has come, in order. */
  get ended(): boolean {
    return this.#ended;
  }

  get readable(): boolean {
    if (this.#stopped || this.#ended || this.#busy) return false;
    if (this.#ready !== null || this.#failure !== null || this.#input !== null || this.#more) return true;
    return this.#lower.readable || (this.#lower.finReceived && this.#lower.broken === null);
  }

  /** @throws PipeError when what came is not what it should be */
  recv(max: number): Chunk | null {
    if (this.#busy || this.#stopped || this.#ended) return null;
    const ready = this.#ready;
    this.#ready = null;
    if (ready !== null) return this.#handOn(this.#upTo(ready, max));
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      if (this.#input === null && !this.#more && !this.#pull()) {
        if (!this.#lower.finReceived || this.#lower.broken !== null || !this.#end()) return null;
      }
      const chunk = this.#storedLeft > 0 ? this.#takeStored(max) : this.#step();
      if (chunk !== null) return this.#handOn(this.#upTo(chunk, max));
      if (this.#busy || this.#ended) return null;
    }
  }

  /** Frees everything. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#stream?.close();
    this.#ready?.release();
    this.#ready = null;
    if (!this.#busy) this.#dropInput();
  }

  #handOn(chunk: Chunk): Chunk {
    this.#options.counters.rawReceived += chunk.length;
    return chunk;
  }

  /** The beginning, as much as is wanted; the rest is kept. */
  #upTo(chunk: Chunk, max: number): Chunk {
    if (chunk.length <= max) return chunk;
    this.#ready = chunk;
    return chunk.split(max);
  }

  #pull(): boolean {
    const chunk = this.#lower.recv(LARGEST_CHUNK);
    if (chunk === null) return false;
    this.#options.counters.wireReceived += chunk.length;
    this.#input = chunk;
    return true;
  }

  #dropInput(): void {
    this.#input?.release();
    this.#input = null;
  }

  /** Nothing more comes from below. @returns whether the stream has still to be asked */
  #end(): boolean {
    if (this.#storedLeft > 0 || this.#head.length > 0) throw truncated();
    if (this.#stream !== null) return true;
    this.#ended = true;
    return false;
  }

  /** Without a copy, the chunk that came or a part of it. */
  #takeStored(max: number): Chunk | null {
    const input = this.#input as Chunk;
    const length = Math.min(this.#storedLeft, input.length, max);
    this.#storedLeft -= length;
    if (length < input.length) return input.split(length);
    this.#input = null;
    return input;
  }

  #step(): Chunk | null {
    if (this.#stream === null && !this.#recognise()) return null;
    return this.#run(this.#input === null && !this.#more ? FLUSH_END : FLUSH_NONE);
  }

  /** Looks at the beginning of a frame. @returns whether there is a stream for it */
  #recognise(): boolean {
    const input = this.#input as Chunk;
    const wanted = input.memory.subarray(
      input.start,
      Math.min(input.end, input.start + 12 - this.#head.length),
    );
    const head = this.#head.length === 0 ? wanted : Buffer.concat([this.#head, wanted]);
    const codec = this.#options.codecs.recognise(head);
    if (codec === null)
      throw new PipeError(
        'malformed',
        'compress',
        'what came is not compressed by anything that is known here',
      );
    const stored = codec === 'more' ? 'more' : readStoredHeader(head);
    if (codec === 'more' || stored === 'more') {
      this.#head = Buffer.from(head);
      this.#consume(wanted.length);
      return false;
    }
    if (typeof stored === 'number') {
      this.#storedLeft = stored;
      this.#head = Buffer.alloc(0);
      this.#consume(wanted.length);
      return false;
    }
    try {
      this.#stream = codec.decompressor();
    } catch (error) {
      throw new PipeError('descriptors', 'compress', `no memory to decompress: ${(error as Error).message}`);
    }
    return true;
  }

  #consume(count: number): void {
    const input = this.#input as Chunk;
    input.consume(count);
    if (input.length === 0) this.#dropInput();
  }

  /** One job: of what was looked at before, or of what came. */
  #run(flush: Flush): Chunk | null {
    const job = this.#job;
    const stream = this.#stream as CodecStream;
    const { pool } = this.#options;
    const input = this.#input;
    const fromHead = this.#head.length > 0;
    if (fromHead) {
      job.input = this.#head;
      job.inputStart = 0;
      job.inputEnd = this.#head.length;
    } else if (input !== null) {
      job.input = input.memory;
      job.inputStart = input.start;
      job.inputEnd = input.end;
    } else job.inputStart = job.inputEnd = 0;
    const slab = pool.borrow(PIECE_BYTES);
    job.output = slab.bytes;
    job.outputStart = HEADROOM;
    job.outputEnd = HEADROOM + PIECE_BYTES;
    job.flush = flush;
    const done = (): Chunk | null => {
      this.#busy = false;
      const chunk = job.produced > 0 ? pool.seal(slab, job.produced) : null;
      if (chunk === null) pool.reclaim(slab);
      this.#onJob(fromHead);
      return chunk;
    };
    stream.onDone = () => {
      const chunk = done();
      if (this.#stopped) {
        chunk?.release();
        this.#dropInput();
      } else this.#ready = chunk;
      this.#options.onChange();
    };
    this.#busy = true;
    return stream.run(job, false) ? done() : null;
  }

  #onJob(fromHead: boolean): void {
    const job = this.#job;
    this.#options.counters.decompressNs += job.cpuNs;
    if (this.#stopped) return;
    if (job.error !== null) {
      this.#failure = new PipeError(
        'malformed',
        'compress',
        `what came cannot be decompressed: ${job.error}`,
      );
      return;
    }
    if (fromHead) this.#head = this.#head.subarray(job.consumed);
    else if (job.consumed > 0) this.#consume(job.consumed);
    this.#more = job.more;
    if (job.atBoundary && !job.more) {
      this.#stream?.close();
      this.#stream = null;
    } else if (job.flush === FLUSH_END && job.produced === 0) this.#failure = truncated();
  }
}

function truncated(): PipeError {
  return new PipeError('truncated', 'compress', 'the stream ended in the middle of what was compressed');
}
