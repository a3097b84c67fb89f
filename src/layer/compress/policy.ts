/**
 * Policy: how the next piece of a stream is sent: compressed with some method, or as it is.
 *
 * Pure: what happens is told to it, and it answers. auto.ts is the one that thinks.
 */

import type { Chunk } from '../../core/chunk.ts';
import type { Codec, CompressorOptions } from './codec.ts';

/** One way to compress. */
export interface Method extends CompressorOptions {
  /** Those with another key need a frame of their own. */
  readonly key: string;
  readonly codec: Codec;
  /** Nanoseconds that a byte takes, until it has been measured: a guess that is rather too high. */
  readonly nsPerByte: number;
}

export interface Policy {
  /** What the next piece is most likely sent with; null: as it is. */
  readonly next: Method | null;
  /** Decides about a piece. */
  take(chunk: Chunk): Method | null;
  /** A job is over. */
  onCompressed(method: Method, consumed: number, produced: number, cpuNs: number): void;
  /** Bytes went down. */
  onSent(bytes: number): void;
  /** Bytes wait for room below. */
  onFull(): void;
  /** There is room again. */
  onRoom(): void;
}

export function methodOf(codec: Codec, level: number, high: boolean): Method {
  return { key: `${codec.name}:${level}`, codec, level, high, nsPerByte: guessNs(codec, level) };
}

/** Rough, from one machine. The first piece decides by it whether it may be done on the loop. */
function guessNs({ name }: Codec, level: number): number {
  if (name === 'lz4') return level < 3 ? 4 : 40;
  if (level < 1) return 5;
  if (level < 4) return 12;
  if (level < 8) return 50;
  return level < 13 ? 150 : 1000;
}

/** Everything with one method. */
export class FixedPolicy implements Policy {
  readonly next: Method;

  constructor(method: Method) {
    this.next = method;
  }

  take(): Method {
    return this.next;
  }
  onCompressed(): void {}
  onSent(): void {}
  onFull(): void {}
  onRoom(): void {}
}
