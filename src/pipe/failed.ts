/**
 * FailedPipe: a pipe that never came to be, for a connect that failed before there was a socket to wait for.
 */

import type { PipeError } from '../core/errors.ts';
import { PipeBase } from './base.ts';
import { BROKEN, type PipeKind } from './pipe.ts';

export class FailedPipe<K extends PipeKind> extends PipeBase<K> {
  readonly kind: K;
  readonly maxSend = 0;
  readonly ready = false;
  readonly readable = false;
  readonly writable = false;
  readonly finReceived = false;
  readonly finSent = false;
  readonly congestion = null;
  readonly broken: PipeError;

  constructor(kind: K, error: PipeError) {
    super();
    this.kind = kind;
    this.broken = error;
    this.raiseLater(BROKEN);
  }

  recv(): null {
    return null;
  }

  send(): void {
    throw new Error('send() while not writable');
  }

  /** As on any broken pipe: harmless, and never gone out. */
  sendFin(): void {}

  discard(): void {
    this.silence();
  }
}
