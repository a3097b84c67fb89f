/**
 * Codec: what a compression algorithm has to offer to be used here, and the list of those that are known.
 *
 *     CompressPipe --Job--> CodecStream (one a connection and direction) --> Job's results
 *
 * A stream works on a job: input that it may look at, and room for output. It does as much as it can, and says how far it
 * came. It may be done when run() returns, or later: then it calls back. docs/compression.md adds an algorithm.
 */

/** What a job has to bring out beside what is ready anyway. */
export const FLUSH_NONE = 0;
/** All that went in can be decompressed by the other side. */
export const FLUSH_PARTIAL = 1;
/** The same, and what follows needs nothing of what was before: for a codec that cannot do that, as partial. */
export const FLUSH_FULL = 2;
/** This is the end; the stream is of no use afterwards. Of a decompressor: nothing more comes in. */
export const FLUSH_END = 3;

export type Flush = typeof FLUSH_NONE | typeof FLUSH_PARTIAL | typeof FLUSH_FULL | typeof FLUSH_END;

const NOTHING = Buffer.alloc(0);

/** A piece of work. One object serves a stream for all of its life. */
export class Job {
  input: Buffer = NOTHING;
  inputStart = 0;
  inputEnd = 0;
  output: Buffer = NOTHING;
  outputStart = 0;
  outputEnd = 0;
  flush: Flush = FLUSH_NONE;

  /** Bytes of input that were taken. */
  consumed = 0;
  /** Bytes of output that were made. */
  produced = 0;
  /** There is more to come out: run it once more, with room. */
  more = false;
  /** No frame is open: the stream may end here. A decompressor consumes nothing of what is behind a frame. */
  atBoundary = false;
  /** Nanoseconds of processor time; 0 where that is not known. */
  cpuNs = 0;
  /** What went wrong, in words; the stream is of no use then. */
  error: string | null = null;
}

export interface CodecStream {
  /** Called when a job is over that was not when run() returned. */
  onDone: (() => void) | null;
  /**
   * Does a job, one at a time. Until it is over, the job and both of its buffers are the stream's.
   *
   * @param long it will take so long that another thread should do it, if possible
   * @returns whether it is over
   */
  run(job: Job, long: boolean): boolean;
  /** Frees everything. A job that is under way ends first, with a call of onDone. */
  close(): void;
}

export interface Levels {
  readonly least: number;
  readonly most: number;
  /** Unless told otherwise. */
  readonly usual: number;
  /** With --high-compression. */
  readonly high: number;
}

export interface CompressorOptions {
  readonly level: number;
  /** History is worth more than time and memory. */
  readonly high: boolean;
}

export interface Codec {
  /** As in `--compress NAME`. */
  readonly name: string;
  /** Its bit in the handshake (docs/wire.md): 4 is zstd, 8 is LZ4, 16 and up are free. */
  readonly bit: number;
  /** What each of its frames begins with: no other codec's may begin like that. */
  readonly magic: Buffer;
  readonly levels: Levels;
  compressor(options: CompressorOptions): CodecStream;
  decompressor(): CodecStream;
}

/** History that a peer may ask us to keep: 2^23 bytes, 8 MiB. What would need more is refused. */
export const MOST_WINDOW_LOG = 23;

/** The codecs that this process can use. */
export class CodecRegistry {
  readonly #codecs = new Map<string, Codec>();

  /** @throws Error when its name, bit or magic belongs to another */
  add(codec: Codec): this {
    for (const other of this.#codecs.values()) {
      const length = Math.min(codec.magic.length, other.magic.length);
      const sameStart = codec.magic.subarray(0, length).equals(other.magic.subarray(0, length));
      if (codec.name === other.name || (codec.bit & other.bit) !== 0 || sameStart)
        throw new Error(`the codec ${codec.name} cannot be told from ${other.name}`);
    }
    if (codec.magic.length === 0) throw new Error(`the codec ${codec.name} has no magic`);
    this.#codecs.set(codec.name, codec);
    return this;
  }

  get(name: string): Codec | null {
    return this.#codecs.get(name) ?? null;
  }

  get all(): readonly Codec[] {
    return [...this.#codecs.values()];
  }

  /** The bits of all, for the handshake. */
  get bits(): number {
    return this.all.reduce((bits, { bit }) => bits | bit, 0);
  }

  /** Whose frame begins like this: null when nobody's does, 'more' when more bytes have to come to tell. */
  recognise(first: Buffer): Codec | 'more' | null {
    let open = false;
    for (const codec of this.#codecs.values()) {
      const length = Math.min(first.length, codec.magic.length);
      if (!codec.magic.subarray(0, length).equals(first.subarray(0, length))) continue;
      if (length === codec.magic.length) return codec;
      open = true;
    }
    return open ? 'more' : null;
  }
}
