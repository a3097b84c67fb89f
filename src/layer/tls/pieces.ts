/** What node:tls has decrypted, and nobody has asked for yet. */

import type { Chunk } from '../../core/chunk.ts';
import type { SlabPool } from '../../core/pool.ts';

export class Pieces {
  #pieces: Buffer[] = [];
  /** Bytes of the first that were taken already. */
  #taken = 0;
  bytes = 0;

  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.bytes += piece.length;
  }

  /** All that there is, in one chunk of at most `max` bytes. */
  take(max: number, pool: SlabPool): Chunk {
    const length = Math.min(max, this.bytes);
    const chunk = pool.take(length);
    let at = chunk.start;
    let used = 0;
    while (at < chunk.end) {
      const piece = this.#pieces[used] as Buffer;
      const count = Math.min(piece.length - this.#taken, chunk.end - at);
      piece.copy(chunk.memory, at, this.#taken, this.#taken + count);
      at += count;
      this.#taken += count;
      if (this.#taken < piece.length) break;
      this.#taken = 0;
      used++;
    }
    this.#pieces.splice(0, used);
    this.bytes -= length;
    return chunk;
  }

  clear(): void {
    this.#pieces = [];
    this.bytes = 0;
  }
}
