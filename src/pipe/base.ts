/**
 * PipeBase: what every pipe shares, which is how events get out.
 *
 * A pipe that learns something from below calls raise(), as its last act. A pipe that learns something inside a call
 * from above calls raiseLater(): the consumer sees the flags when its call returns, and the event comes afterwards, so
 * that no consumer is ever re-entered from its own call.
 */

import type { Chunk } from '../core/chunk.ts';
import type { PipeError } from '../core/errors.ts';
import type { TcpInfo } from '../sys/tcp_info.ts';
import type { ActivityHandler, IoPipe, PipeKind } from './pipe.ts';

let defer: (event: () => void) => void = queueMicrotask;

/** For simulations, which run events in an order of their own: replaces microtasks everywhere; null restores them. */
export function deferEventsWith(instead: ((event: () => void) => void) | null): void {
  defer = instead ?? queueMicrotask;
}

/** Runs this after the current call: in a microtask, or when the simulation says so. */
export function deferEvent(event: () => void): void {
  defer(event);
}

export abstract class PipeBase<K extends PipeKind> implements IoPipe<K> {
  onActivity: ActivityHandler | null = null;
  #later = 0;

  abstract readonly kind: K;
  abstract readonly maxSend: number;
  abstract readonly ready: boolean;
  abstract readonly broken: PipeError | null;
  abstract readonly readable: boolean;
  abstract readonly writable: boolean;
  abstract readonly finReceived: boolean;
  abstract readonly finSent: boolean;
  abstract readonly congestion: TcpInfo | null;
  abstract recv(max?: number): Chunk | null;
  abstract send(chunk: Chunk): void;
  abstract sendFin(): void;
  abstract discard(error?: PipeError): void;

  /** Tells the consumer now. The caller does nothing after it, or looks again at its own state. */
  protected raise(events: number): void {
    if (events !== 0) this.onActivity?.(events);
  }

  /** Tells the consumer after its current call, in a microtask. */
  protected raiseLater(events: number): void {
    if (events === 0) return;
    if (this.#later === 0) {
      deferEvent(() => {
        const due = this.#later;
        this.#later = 0;
        this.raise(due);
      });
    }
    this.#later |= events;
  }

  /** For discard(): nothing is heard of this pipe any more. */
  protected silence(): void {
    this.onActivity = null;
    this.#later = 0;
  }
}
