/**
 * Session: one connection that goes through this process, from being accepted to both legs being gone.
 *
 *     Dialling --(the far leg is ready)--> Open --(the bridge has ended)--> Closed
 *        |                                                                    ^
 *        +--(the near leg broke, or the far one cannot be reached)------------+
 *
 * The near leg is not read before the far one is ready: what the app says early waits in the kernel.
 */

import type { SocketAddress } from '../core/address.ts';
import type { Cancel } from '../core/clock.ts';
import type { PipeError } from '../core/errors.ts';
import type { DialHandlers } from '../layer/tcp/dial.ts';
import { type BridgeEnd, IoBridge } from '../pipe/bridge.ts';
import type { IoPipe } from '../pipe/pipe.ts';
import type { KernelPipePool } from '../sys/kernel_pipe.ts';
import type { CompressCounters } from './compression.ts';
import type { SessionTrace } from './session_trace.ts';
import { compressionAmong } from './stack.ts';

export type SessionState = 'dialling' | 'open' | 'closed';

/** What a session asks of its service. */
export interface SessionHost {
  readonly trace: SessionTrace;
  readonly kernelPipes: KernelPipePool | null;
  /** Starts reaching the far end. */
  dial(handlers: DialHandlers): Cancel;
  /** Builds the far leg's layers. */
  dialled(socket: IoPipe<'bytes'>, near: IoPipe): IoPipe;
  onOpen(session: Session): void;
  onRetry(session: Session, error: PipeError): void;
  /** A layer threw what it should not; onClosed follows. */
  onBug(session: Session, bug: unknown): void;
  /** `side` is the leg that failed, null when none did or the failure is the service's. */
  onClosed(session: Session, error: PipeError | null, side: 'near' | 'far' | null): void;
}

export class Session {
  readonly id: number;
  /** Who connected; null for a nameless client of a Unix socket. */
  readonly from: SocketAddress | null;
  /** Milliseconds of the service's clock. */
  readonly startedAt: number;
  readonly #host: SessionHost;
  #near: IoPipe;
  #to: SocketAddress | null = null;
  #bridge: IoBridge | null = null;
  #cancelDial: Cancel | null = null;
  #state: SessionState = 'dialling';

  constructor(id: number, near: IoPipe, from: SocketAddress | null, startedAt: number, host: SessionHost) {
    this.id = id;
    this.from = from;
    this.startedAt = startedAt;
    this.#host = host;
    this.#near = near;
    host.trace.begin(this);
    if (near.broken !== null) {
      // Gone before anybody looked: nothing to dial for.
      this.#close(near.broken, 'near');
      return;
    }
    near.onActivity = () => this.#onNearActivity();
    const cancel = host.dial({
      onReady: (socket, address) => this.#onFarReady(socket, address),
      onFailed: (error) => this.#close(error, 'far'),
      onRetry: (error) => host.onRetry(this, error),
    });
    // Dialling may be over before it returns.
    if (this.#state === 'dialling') this.#cancelDial = cancel;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** The address that was reached, once open. */
  get to(): SocketAddress | null {
    return this.#to;
  }

  get near(): IoPipe {
    return this.#near;
  }

  get far(): IoPipe | null {
    return this.#bridge?.b ?? null;
  }

  /** Bytes from the near leg to the far one. */
  get bytesForward(): number {
    return this.#bridge?.forward.bytes ?? 0;
  }
  get bytesBackward(): number {
    return this.#bridge?.backward.bytes ?? 0;
  }
  /** How often the far leg could take no more. */
  get congestionsForward(): number {
    return this.#bridge?.forward.congestions ?? 0;
  }
  get congestionsBackward(): number {
    return this.#bridge?.backward.congestions ?? 0;
  }

  /** What compression has done for it so far, also when it is over; null: it is not compressed. */
  get compression(): Readonly<CompressCounters> | null {
    return compressionAmong(this.#near, this.far);
  }

  /** Resets both legs now. */
  abort(error: PipeError): void {
    if (this.#bridge !== null) this.#bridge.abort(error);
    else this.#close(error, null);
  }

  #onNearActivity(): void {
    if (this.#near.broken !== null) this.#close(this.#near.broken, 'near');
  }

  #onFarReady(socket: IoPipe<'bytes'>, address: SocketAddress): void {
    this.#cancelDial = null;
    this.#to = address;
    this.#state = 'open';
    this.#bridge = new IoBridge(this.#near, this.#host.dialled(socket, this.#near), {
      kernelPipes: this.#host.kernelPipes,
      onEnd: (end) => this.#onBridgeEnd(end),
    });
    this.#host.trace.open(this);
    this.#host.onOpen(this);
  }

  #onBridgeEnd(end: BridgeEnd): void {
    if (end.bug !== undefined) this.#host.onBug(this, end.bug);
    this.#close(end.error, end.side === null ? null : end.side === 'a' ? 'near' : 'far');
  }

  #close(error: PipeError | null, side: 'near' | 'far' | null): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#cancelDial?.();
    this.#cancelDial = null;
    // A bridge has discarded both legs. Before there is one, the app sees a reset and not an empty answer.
    if (error !== null) this.#near.discard(error);
    this.#host.trace.end(this, error);
    this.#host.onClosed(this, error, side);
  }
}
