/**
 * Outgoing: the half of a CompressPipe that compresses.
 *
 *     send(chunk) --> input --> CodecStream --> out: at most what one job made --> lower.send()
 *
 * One chunk at a time: the next is taken when all that came of the last one has gone down. Small pieces are worked on here
 * and now; what would hold up the event loop goes to another thread.
 *
 * What the codec keeps to itself, to compress it together with what follows, is flushed as soon as the source has no more
 * for now: in a microtask behind the call that brought it, or behind the event that asked for more. With `patient` it gets a
 * moment longer. While the way down is full, nothing is flushed, as it would arrive no sooner.
 *
 * A frame that has been idle for long is ended, and its memory given back.
 */

import type { Chunk } from '../../core/chunk.ts';
import type { Cancel, Clock } from '../../core/clock.ts';
import { PipeError } from '../../core/errors.ts';
import { HEADROOM, LARGEST_CHUNK, type SlabPool } from '../../core/pool.ts';
import { deferEvent } from '../../pipe/base.ts';
import type { IoPipe } from '../../pipe/pipe.ts';
import { type CodecStream, FLUSH_END, FLUSH_NONE, FLUSH_PARTIAL, type Flush, Job } from './codec.ts';
import type { CompressCounters } from './counters.ts';
import type { Method, Policy } from './policy.ts';
import { MOST_STORED_BYTES, STORED_HEADER_BYTES, writeStoredHeader } from './stored.ts';

/** Whatever takes longer is not done on the loop, in nanoseconds: well below the 2 ms that others may have to wait. */
const LONG_NS = 500_000;
/** So long a patient one waits for more before it flushes, in milliseconds. */
const PATIENCE_MS = 50;
/** Then it is asked whether a frame is still in use, in milliseconds. */
const IDLE_MS = 10_000;
/** Room for a job beside what is expected: headers, and blocks that come out late. */
const SPARE_BYTES = 1024;

export interface OutgoingOptions {
  readonly pool: SlabPool;
  readonly clock: Clock;
  readonly policy: Policy;
  /** The largest piece that is compressed at once, in bytes. */
  readonly bufferBytes: number;
  /** Waits for more, for the sake of the ratio. */
  readonly patient: boolean;
  readonly counters: CompressCounters;
  /** Its flags may have changed, outside of any call. */
  readonly onChange: () => void;
  readonly onFailed: (error: PipeError) => void;
}

export class Outgoing {
  readonly #lower: IoPipe<'bytes'>;
  readonly #options: OutgoingOptions;
  readonly #job = new Job();
  #stream: CodecStream | null = null;
  /** How what is in the stream is compressed. */
  #method: Method | null = null;
  #input: Chunk | null = null;
  /** How the input is to be sent. */
  #inputMethod: Method | null = null;
  readonly #out: Chunk[] = [];
  #busy = false;
  /** The stream holds bytes that nobody has asked it for yet. */
  #held = 0;
  /** The flush that is due, or under way. */
  #due: Flush = FLUSH_NONE;
  #flushAsked = false;
  #cancelPatience: Cancel | null = null;
  #cancelIdle: Cancel | null = null;
  #usedAt = 0;
  #finWanted = false;
  #finPassed = false;
  #stopped = false;
  /** Of the last jobs: bytes out for a byte in, and nanoseconds. */
  #ratio = 1;
  #nsPerByte = 0;

  constructor(lower: IoPipe<'bytes'>, options: OutgoingOptions) {
    this.#lower = lower;
    this.#options = options;
  }

  get maxSend(): number {
    const { bufferBytes, policy } = this.#options;
    if (policy.next !== null) return bufferBytes;
    // So that nothing has to be cut: what does not fit would leave its rest behind for a frame of its own.
    return Math.max(1, Math.min(MOST_STORED_BYTES, this.#lower.maxSend - STORED_HEADER_BYTES));
  }

  /** Also while the lower pipe is full, or a flush under way: a flush of ours would else turn it off behind the consumer's back. */
  get writable(): boolean {
    return !this.#finWanted && !this.#stopped && this.#lower.ready && this.#isFree;
  }

  get #isFree(): boolean {
    return this.#input === null && this.#out.length === 0;
  }

  get #isIdle(): boolean {
    return this.#isFree && !this.#busy && this.#due === FLUSH_NONE;
  }

  get finPassed(): boolean {
    return this.#finPassed;
  }

  /** Takes the chunk over. */
  send(chunk: Chunk): void {
    if (chunk.length === 0) {
      chunk.release();
      return;
    }
    const { policy, counters, clock } = this.#options;
    counters.rawSent += chunk.length;
    this.#usedAt = clock.now();
    this.#input = chunk;
    this.#inputMethod = policy.take(chunk);
    this.pump();
    this.#flushSoon();
  }

  finish(): void {
    this.#finWanted = true;
    this.pump();
  }

  /** Frees everything; nothing goes down any more. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#cancelPatience?.();
    this.#cancelIdle?.();
    for (const chunk of this.#out.splice(0)) chunk.release();
    this.#stream?.close();
    // Another thread is reading it.
    if (!this.#busy) this.#dropInput();
  }

  /** There may be room below. */
  onRoom(): void {
    this.#options.policy.onRoom();
    this.pump();
    this.#flushSoon();
  }

  /** Does what can be done now. */
  pump(): void {
    while (!this.#stopped) {
      this.#sendOut();
      if (this.#out.length > 0 || this.#busy || this.#stopped) return;
      if (this.#input !== null && this.#inputMethod === null) {
        // What is stored stands in a frame of its own.
        if (this.#stream === null) this.#store(this.#input);
        else this.#runJob(FLUSH_END);
      } else if (this.#input !== null) {
        if (this.#stream !== null && this.#method?.key !== this.#inputMethod?.key) this.#runJob(FLUSH_END);
        else this.#runJob(this.#due);
      } else if (this.#due !== FLUSH_NONE) this.#runJob(this.#due);
      else if (this.#finWanted && this.#stream !== null) this.#runJob(FLUSH_END);
      else {
        this.#passFin();
        return;
      }
    }
  }

  #sendOut(): void {
    while (this.#out.length > 0 && this.#lower.writable) {
      const head = this.#out[0] as Chunk;
      const most = this.#lower.maxSend;
      const piece = head.length > most ? head.split(most) : (this.#out.shift() as Chunk);
      this.#options.counters.wireSent += piece.length;
      this.#options.policy.onSent(piece.length);
      this.#lower.send(piece);
    }
    if (this.#out.length > 0) this.#options.policy.onFull();
  }

  #passFin(): void {
    if (!this.#finWanted || this.#finPassed) return;
    this.#finPassed = true;
    this.#cancelIdle?.();
    this.#cancelPatience?.();
    if (this.#lower.broken === null) this.#lower.sendFin();
  }

  /** One frame, or as much of it as the layer below takes at once. */
  #store(input: Chunk): void {
    const { pool } = this.#options;
    const most = Math.max(1, Math.min(MOST_STORED_BYTES, this.#lower.maxSend - STORED_HEADER_BYTES));
    let body = input;
    if (input.length > most) body = input.split(most);
    else this.#input = null;
    const { length } = body;
    if (body.headroom < STORED_HEADER_BYTES) {
      const copy = pool.take(STORED_HEADER_BYTES + length);
      body.memory.copy(copy.memory, copy.start + STORED_HEADER_BYTES, body.start, body.end);
      body.release();
      body = copy;
    } else body.prepend(STORED_HEADER_BYTES);
    writeStoredHeader(body.memory, body.start, length);
    this.#out.push(body);
  }

  /** Gives the stream what there is. END for an input of another kind takes nothing of that one. */
  #runJob(flush: Flush): void {
    const job = this.#job;
    const closing = flush === FLUSH_END;
    const input = closing ? null : this.#input;
    const stream = this.#stream ?? this.#begin();
    if (stream === null) return;
    const length = input === null ? 0 : input.length;
    if (input !== null) {
      job.input = input.memory;
      job.inputStart = input.start;
      job.inputEnd = input.end;
    } else job.inputStart = job.inputEnd = 0;
    const slab = this.#options.pool.borrow(this.#roomFor(length));
    job.output = slab.bytes;
    job.outputStart = HEADROOM;
    job.outputEnd = slab.bytes.length;
    job.flush = this.#due = flush;
    const done = () => {
      this.#busy = false;
      if (job.produced > 0) this.#out.push(this.#options.pool.seal(slab, job.produced));
      else this.#options.pool.reclaim(slab);
      this.#onJob(length);
    };
    stream.onDone = () => {
      done();
      // Somebody below may have waited for this.
      this.pump();
      this.#options.onChange();
      this.#flushSoon();
    };
    this.#busy = true;
    if (stream.run(job, this.#isLong(length))) done();
  }

  #onJob(length: number): void {
    const job = this.#job;
    if (this.#stopped) {
      for (const chunk of this.#out.splice(0)) chunk.release();
      this.#dropInput();
      return;
    }
    if (job.error !== null) {
      this.#options.onFailed(new PipeError('system', 'compress', `it cannot be compressed: ${job.error}`));
      return;
    }
    this.#measure(length);
    if (job.produced > 0) this.#held = 0;
    if (length > 0) this.#consume(job.consumed);
    const ready = !job.more && (length === 0 || this.#input === null);
    if (job.flush === FLUSH_NONE || !ready) return;
    this.#held = 0;
    this.#due = FLUSH_NONE;
    if (job.flush === FLUSH_END) {
      this.#stream?.close();
      this.#stream = null;
    }
  }

  #consume(count: number): void {
    const input = this.#input as Chunk;
    input.consume(count);
    this.#held += count;
    if (input.length === 0) this.#dropInput();
  }

  #dropInput(): void {
    this.#input?.release();
    this.#input = null;
  }

  #measure(length: number): void {
    const { consumed, produced, cpuNs } = this.#job;
    const { counters, policy } = this.#options;
    counters.compressNs += cpuNs;
    if (this.#method !== null) policy.onCompressed(this.#method, consumed, produced, cpuNs);
    if (length === 0 || consumed < SPARE_BYTES) return;
    this.#ratio += (Math.min(1, produced / consumed) - this.#ratio) / 4;
    this.#nsPerByte += (cpuNs / consumed - this.#nsPerByte) / 4;
  }

  #roomFor(length: number): number {
    const expected = Math.ceil((length + this.#held) * this.#ratio * 1.25) + SPARE_BYTES;
    return Math.min(LARGEST_CHUNK, expected);
  }

  #isLong(length: number): boolean {
    return (length + this.#held) * this.#nsPerByte > LONG_NS;
  }

  #begin(): CodecStream | null {
    const method = this.#inputMethod;
    if (method === null) return null;
    this.#method = method;
    this.#nsPerByte = method.nsPerByte;
    this.#held = 0;
    try {
      this.#stream = method.codec.compressor(method);
    } catch (error) {
      this.#options.onFailed(
        new PipeError('descriptors', 'compress', `no memory to compress with: ${(error as Error).message}`),
      );
      return null;
    }
    this.#watchIdle();
    return this.#stream;
  }

  /** Asks for a flush, when the source has had a chance to bring more. */
  #flushSoon(): void {
    if (this.#held === 0 || this.#flushAsked || this.#stopped || this.#finWanted) return;
    const { patient, clock } = this.#options;
    this.#flushAsked = true;
    if (!patient) {
      deferEvent(() => this.#flushNow());
      return;
    }
    this.#cancelPatience = clock.after(PATIENCE_MS, () => {
      this.#cancelPatience = null;
      this.#flushNow();
      this.#options.onChange();
    });
  }

  #flushNow(): void {
    this.#flushAsked = false;
    if (this.#stopped || this.#held === 0 || !this.#isIdle || !this.#lower.writable) return;
    this.#due = FLUSH_PARTIAL;
    this.pump();
    this.#options.onChange();
  }

  #watchIdle(): void {
    const { clock } = this.#options;
    this.#usedAt = clock.now();
    const look = () => {
      this.#cancelIdle = null;
      const left = this.#usedAt + IDLE_MS - clock.now();
      if (left > 0) this.#cancelIdle = clock.after(left, look);
      else if (this.#stream !== null && this.#isIdle && !this.#stopped) {
        this.#due = FLUSH_END;
        this.pump();
        this.#options.onChange();
      }
    };
    this.#cancelIdle ??= clock.after(IDLE_MS, look);
  }
}
