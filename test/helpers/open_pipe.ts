/** OpenPipe: a pipe that is open and nothing else, takes everything and has nothing: for tests to change what they need. */

import type { Chunk } from '../../src/core/chunk.ts';
import { PipeBase } from '../../src/pipe/base.ts';
import type { PipeKind } from '../../src/pipe/pipe.ts';

export abstract class OpenPipe<K extends PipeKind> extends PipeBase<K> {
  readonly maxSend = Number.POSITIVE_INFINITY;
  readonly congestion = null;
  readonly broken = null;
  readonly finReceived = false;
  readonly finSent = false;
  readonly ready = true;
  readonly writable = true;

  get readable(): boolean {
    return false;
  }
  recv(): Chunk | null {
    return null;
  }
  send(chunk: Chunk): void {
    chunk.release();
  }
  sendFin(): void {}
  discard(): void {
    this.silence();
  }
}
