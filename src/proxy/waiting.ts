/**
 * WaitingOpens: app connections that came while there is nothing to carry them, each with its time limit.
 */

import type { SocketAddress } from '../core/address.ts';
import type { Cancel, Clock } from '../core/clock.ts';
import { asPipeError, type PipeError } from '../core/errors.ts';
import type { IoPipe } from '../pipe/pipe.ts';

/** For who asks for a stream; as for a dialled connection, which it stands for. */
export interface OpenHandlers {
  onReady(stream: IoPipe<'bytes'>, address: SocketAddress): void;
  onFailed(error: PipeError): void;
  onRetry?(error: PipeError): void;
}

/** What can carry them: a trunk. */
export interface Opener {
  /** Codecs that the peer takes. */
  readonly peerCodecs: number;
  /** @throws PipeError when it can open no more */
  open(label: Buffer): IoPipe<'bytes'>;
}

/** What is said of a stream to a peer that takes these codecs. */
export type LabelOf = (peerCodecs: number) => Buffer;

/** Opens a stream for one app, or tells that app alone why there is none. */
export function openOn(opener: Opener, label: LabelOf, address: SocketAddress, handlers: OpenHandlers): void {
  let stream: IoPipe<'bytes'>;
  try {
    stream = opener.open(label(opener.peerCodecs));
  } catch (error) {
    handlers.onFailed(asPipeError(error, 'trunk'));
    return;
  }
  handlers.onReady(stream, address);
}

interface Waiting {
  readonly label: LabelOf;
  readonly handlers: OpenHandlers;
  readonly cancelTimer: Cancel;
}

export class WaitingOpens {
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** @param late says why nothing came within `timeoutMs` */
  add(label: LabelOf, timeoutMs: number, handlers: OpenHandlers, late: () => PipeError): Cancel {
    const waiting: Waiting = {
      label,
      handlers,
      cancelTimer: this.#clock.after(timeoutMs, () => {
        this.#waiting.delete(waiting);
        handlers.onFailed(late());
      }),
    };
    this.#waiting.add(waiting);
    return () => this.#remove(waiting);
  }

  /** An attempt failed, and will be repeated. */
  retry(error: PipeError): void {
    for (const { handlers } of [...this.#waiting]) handlers.onRetry?.(error);
  }

  /** There is something now. */
  admit(trunk: Opener, address: SocketAddress): void {
    for (const waiting of [...this.#waiting]) {
      // Who was admitted before may have ended it all.
      if (this.#remove(waiting)) openOn(trunk, waiting.label, address, waiting.handlers);
    }
  }

  fail(error: PipeError): void {
    for (const waiting of [...this.#waiting]) if (this.#remove(waiting)) waiting.handlers.onFailed(error);
  }

  #remove(waiting: Waiting): boolean {
    waiting.cancelTimer();
    return this.#waiting.delete(waiting);
  }
}
