/**
 * Pressure: what is done when the slabs that hold a peer's data get scarce.
 *
 * A read of 256 KiB holds the data of several streams, and one byte of it that is not read keeps all of it from being used
 * again. Usually all of it is read soon. When memory is short, what waits is copied into slabs of its own size: then a
 * trunk holds at most about twice what it was granted. Who still holds more has cut its data into crumbs on purpose.
 */

import { PipeError } from '../../core/errors.ts';
import { formatBytes } from '../../core/format.ts';
import type { MemoryShare } from './memory.ts';
import type { ReceiveStream } from './receive.ts';

/** Looking at everything that waits costs: not before so much has come since the last time. */
const EVERY_BYTES = 1024 * 1024;
const EVERY_PIECES = 512;

export class Pressure {
  readonly #memory: MemoryShare;
  #bytes = 0;
  #pieces = 0;

  constructor(memory: MemoryShare) {
    this.#memory = memory;
  }

  /**
   * Data came. Makes room, if that is due.
   *
   * @throws PipeError `malformed` when there is none to be made: the peer holds more than its share
   */
  onArrival(bytes: number, streams: Iterable<{ readonly receiving: ReceiveStream }>): void {
    this.#bytes += bytes;
    this.#pieces++;
    if (!this.#memory.tight || (this.#bytes < EVERY_BYTES && this.#pieces < EVERY_PIECES)) return;
    this.#memory.onShort();
    this.#bytes = 0;
    this.#pieces = 0;
    let held = 0;
    for (const { receiving } of streams) held += receiving.compact();
    if (held > this.#memory.mostHeld) {
      const what = `what it sent takes ${formatBytes(held)} of memory, more than all of its credit`;
      throw new PipeError('malformed', 'trunk', what);
    }
  }
}
