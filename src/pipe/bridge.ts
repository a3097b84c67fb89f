/**
 * IoBridge: joins any two pipes and carries data, FIN, RST and backpressure across.
 *
 *         a  ----- forward ----->  b
 *         a  <---- backward -----  b
 *
 * The two directions are independent: each is Running, ShuttingDown or Done (direction.ts), and one that has ended does
 * not disturb the other, so a half-closed connection lives as long as its ends want. When both are done, both pipes are
 * discarded in peace. When either pipe breaks, what it had received before is handed on as far as the other takes it,
 * and the other is discarded with the error, so that its peer sees RST: a failure is never turned into an end of stream.
 *
 * The bridge owns both pipes from the beginning and starts by itself when both are ready.
 */

import { asPipeError, PipeError } from '../core/errors.ts';
import type { KernelPipePool } from '../sys/kernel_pipe.ts';
import { deferEvent } from './base.ts';
import { Direction, type DirectionHost } from './direction.ts';
import { BROKEN, FIN_SENT, type IoPipe, READABLE, READY, WRITABLE } from './pipe.ts';

export interface BridgeOptions {
  /** Lets plain sockets on both sides splice; without it every byte goes through buffers. */
  readonly kernelPipes?: KernelPipePool | null;
  /** Called once, when the bridge has ended and both pipes are discarded. */
  readonly onEnd?: (end: BridgeEnd) => void;
}

/** How a bridge ended: in peace, or because one side broke (or nobody's side, when it was aborted). */
export interface BridgeEnd {
  readonly error: PipeError | null;
  readonly side: 'a' | 'b' | null;
  /** What a layer threw that no layer should: `error` was made of it. */
  readonly bug?: unknown;
}

export class IoBridge implements DirectionHost {
  readonly a: IoPipe;
  readonly b: IoPipe;
  /** From a to b. */
  readonly forward: Direction;
  /** From b to a. */
  readonly backward: Direction;
  readonly #onEnd: ((end: BridgeEnd) => void) | null;
  #ended = false;

  constructor(a: IoPipe, b: IoPipe, options: BridgeOptions = {}) {
    const kernelPipes = options.kernelPipes ?? null;
    this.a = a;
    this.b = b;
    this.forward = new Direction(a, b, kernelPipes, this);
    this.backward = new Direction(b, a, kernelPipes, this);
    this.#onEnd = options.onEnd ?? null;
    a.onActivity = (events) => this.#onActivity(events, this.forward, this.backward);
    b.onActivity = (events) => this.#onActivity(events, this.backward, this.forward);
    // What happened before we listened raises no event. The first look is deferred, as events are, so that nobody
    // hears of an end before the constructor has returned.
    deferEvent(() => this.#onActivity(READY, this.forward, this.backward));
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Ends both sides now; their peers see RST. */
  abort(error: PipeError = new PipeError('cancelled', 'bridge')): void {
    this.#end({ error, side: null });
  }

  /** A direction used up its turn and has its next one now. */
  resume(direction: Direction): void {
    this.#onActivity(READABLE, direction, direction);
  }

  /** `from` carries what the pipe receives, `to` what it sends. */
  #onActivity(events: number, from: Direction, to: Direction): void {
    if (this.#ended) return;
    try {
      const flowing = this.a.ready && this.b.ready && (events & BROKEN) === 0;
      if (flowing && (events & READY) !== 0) {
        this.forward.run();
        this.backward.run();
      } else if (flowing) {
        if (events & READABLE) from.run();
        if (events & (WRITABLE | FIN_SENT)) to.run();
      }
      this.#settle();
    } catch (error) {
      // From whoever was told of the end: nobody else would ever hear of it.
      if (this.#ended) throw error;
      // A bug in a layer ends this one connection, loudly, and not the process with all others.
      const known = error instanceof PipeError;
      this.#end({ error: asPipeError(error, 'bridge'), side: null, ...(known ? {} : { bug: error }) });
    }
  }

  #settle(): void {
    if (this.#ended) return;
    if (this.a.broken !== null) this.#breakFrom('a', this.forward, this.a.broken);
    else if (this.b.broken !== null) this.#breakFrom('b', this.backward, this.b.broken);
    else if (this.forward.done && this.backward.done) this.#end({ error: null, side: null });
  }

  #breakFrom(side: 'a' | 'b', direction: Direction, error: PipeError): void {
    const other = side === 'a' ? this.b : this.a;
    if (other.ready && other.broken === null) direction.flush();
    this.#end({ error, side });
  }

  #end(end: BridgeEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.forward.stop();
    this.backward.stop();
    this.a.discard(end.error ?? undefined);
    this.b.discard(end.error ?? undefined);
    this.#onEnd?.(end);
  }
}
