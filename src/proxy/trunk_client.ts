/**
 * TrunkClient: keeps a trunk to the peer. Dials its carriers at the start, keeps them warm, and dials again what is lost.
 *
 *     slot 0   dial -> handshake -> carrier -> (lost) -> pause -> dial ...
 *     slot 1   dial -> handshake -> carrier ...
 *
 * The first carrier that passes its handshake makes the trunk, the others join it. A peer that was restarted does not
 * know the trunk any more: its streams are reset at once, and a new trunk takes its place.
 */

import { randomBytes } from 'node:crypto';
import { type Endpoint, formatEndpoint, type SocketAddress } from '../core/address.ts';
import type { Cancel, Clock } from '../core/clock.ts';
import { PipeError } from '../core/errors.ts';
import { formatDuration, plural } from '../core/format.ts';
import type { Logger } from '../core/log.ts';
import type { Carrier } from '../layer/trunk/carrier.ts';
import { REFUSED_UNKNOWN_TRUNK, Refusal, TRUNK_ID_BYTES, type Welcome } from '../layer/trunk/handshake.ts';
import { joinAsClient } from '../layer/trunk/join.ts';
import { Trunk } from '../layer/trunk/trunk.ts';
import type { IoPipe } from '../pipe/pipe.ts';
import { WINDOWS } from './stack.ts';

/** Between two attempts of one slot. */
const REDIAL_FIRST_MS = 100;
const REDIAL_MOST_MS = 5000;

/** Exactly one of the two is called, unless dialling is cancelled. */
export interface CarrierHandlers {
  onReady(pipe: IoPipe<'messages'>, address: SocketAddress): void;
  onFailed(error: PipeError): void;
}

/** For who asks for a stream; as for a dialled connection, which it stands for. */
export interface OpenHandlers {
  onReady(stream: IoPipe<'bytes'>, address: SocketAddress): void;
  onFailed(error: PipeError): void;
  onRetry?(error: PipeError): void;
}

export interface TrunkClientOptions {
  readonly peer: Endpoint;
  /** Carriers to keep. */
  readonly carriers: number;
  readonly key: Buffer | null;
  /** Reaches the peer once and builds a carrier's layers on the socket. */
  readonly dialCarrier: (handlers: CarrierHandlers) => Cancel;
  readonly clock: Clock;
  readonly log: Logger;
  readonly connectTimeoutMs: number;
}

interface Slot {
  readonly number: number;
  /** Stops whatever it is doing: dialling, joining, waiting. */
  cancel: Cancel | null;
  carrier: Carrier | null;
  pauseMs: number;
}

interface Waiting {
  readonly label: Buffer;
  readonly handlers: OpenHandlers;
  readonly cancelTimer: Cancel;
}

export class TrunkClient {
  readonly #options: TrunkClientOptions;
  readonly #slots: Slot[];
  readonly #waiting = new Set<Waiting>();
  #trunkId = randomBytes(TRUNK_ID_BYTES);
  #trunk: Trunk | null = null;
  #instance: Buffer | null = null;
  #address: SocketAddress | null = null;
  #nextCarrierId = 0;
  #lastError: PipeError | null = null;
  #stopped = false;

  constructor(options: TrunkClientOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.carriers }, (_, number) => {
      return { number, cancel: null, carrier: null, pauseMs: REDIAL_FIRST_MS };
    });
  }

  /** The trunk, while there is one. */
  get trunk(): Trunk | null {
    return this.#trunk;
  }

  start(): void {
    for (const slot of this.#slots) this.#dial(slot);
  }

  /** Opens a stream, at once or as soon as there is a trunk. */
  open(label: Buffer, handlers: OpenHandlers): Cancel {
    if (this.#trunk !== null && this.#address !== null) {
      handlers.onReady(this.#trunk.open(label), this.#address);
      return () => {};
    }
    const { clock, connectTimeoutMs } = this.#options;
    const waiting: Waiting = {
      label,
      handlers,
      cancelTimer: clock.after(connectTimeoutMs, () => {
        this.#waiting.delete(waiting);
        handlers.onFailed(this.#notReached());
      }),
    };
    this.#waiting.add(waiting);
    if (this.#lastError !== null) handlers.onRetry?.(this.#lastError);
    return () => {
      waiting.cancelTimer();
      this.#waiting.delete(waiting);
    };
  }

  /** Ends the trunk and everything in it. */
  stop(error: PipeError): void {
    this.#stopped = true;
    for (const slot of this.#slots) slot.cancel?.();
    for (const { cancelTimer, handlers } of [...this.#waiting]) {
      cancelTimer();
      handlers.onFailed(error);
    }
    this.#waiting.clear();
    this.#trunk?.end(error);
  }

  #dial(slot: Slot): void {
    slot.cancel = this.#options.dialCarrier({
      onReady: (pipe, address) => this.#join(slot, pipe, address),
      onFailed: (error) => this.#onFailed(slot, error),
    });
  }

  #join(slot: Slot, pipe: IoPipe<'messages'>, address: SocketAddress): void {
    const { key, clock } = this.#options;
    const id = this.#nextCarrierId++;
    const trunkId = this.#trunkId;
    const hello = { trunkId, carrierId: id, mayCreate: this.#trunk === null, windows: WINDOWS };
    slot.cancel = joinAsClient(pipe, hello, key, clock, (error, welcome) => {
      slot.cancel = null;
      if (this.#stopped) return;
      if (error === null && welcome !== null && trunkId.equals(this.#trunkId)) {
        this.#onJoined(slot, id, pipe, address, welcome);
        return;
      }
      if (error === null) pipe.discard(new PipeError('cancelled', 'trunk'));
      if (error instanceof Refusal && error.refusal === REFUSED_UNKNOWN_TRUNK) this.#onForgotten(trunkId);
      this.#onFailed(slot, error ?? new PipeError('cancelled', 'trunk'));
    });
  }

  #onJoined(
    slot: Slot,
    id: number,
    pipe: IoPipe<'messages'>,
    address: SocketAddress,
    welcome: Welcome,
  ): void {
    if (this.#instance !== null && !this.#instance.equals(welcome.instance)) {
      pipe.discard(new PipeError('cancelled', 'trunk'));
      this.#onForgotten(this.#trunkId);
      this.#onFailed(slot, new PipeError('reset', 'trunk', 'the peer was restarted'));
      return;
    }
    slot.pauseMs = REDIAL_FIRST_MS;
    this.#address = address;
    this.#instance = welcome.instance;
    const trunk = this.#trunk ?? this.#makeTrunk(welcome);
    slot.carrier = trunk.addCarrier(id, pipe);
    this.#lastError = null;
    this.#options.log.debug(`carrier ${id} joined`);
    for (const waiting of [...this.#waiting]) {
      waiting.cancelTimer();
      this.#waiting.delete(waiting);
      waiting.handlers.onReady(trunk.open(waiting.label), address);
    }
  }

  #makeTrunk(welcome: Welcome): Trunk {
    const { clock, log, peer } = this.#options;
    const trunk = new Trunk({
      role: 'client',
      clock,
      streamWindow: WINDOWS.stream,
      trunkWindow: WINDOWS.trunk,
      peerStreamWindow: welcome.windows.stream,
      peerTrunkWindow: welcome.windows.trunk,
      // The server has nothing to open: it gets a reset.
      onStream: (stream) => stream.discard(new PipeError('refused', 'trunk', 'this side takes no streams')),
      onCarrierLost: (carrier, error) => this.#onCarrierLost(carrier, error),
      onEnd: (error) => this.#onTrunkEnd(error),
    });
    this.#trunk = trunk;
    log.info(`striping to ${formatEndpoint(peer)} over ${plural(this.#slots.length, 'connection')}`);
    return trunk;
  }

  #onCarrierLost(carrier: Carrier, error: PipeError | null): void {
    this.#options.log.debug(
      `carrier ${carrier.id} lost: ${error === null ? 'closed by the peer' : error.message}`,
    );
    const slot = this.#slots.find((candidate) => candidate.carrier === carrier);
    if (slot === undefined) return;
    slot.carrier = null;
    this.#dialLater(slot);
  }

  #onTrunkEnd(error: PipeError): void {
    this.#trunk = null;
    this.#instance = null;
    this.#trunkId = randomBytes(TRUNK_ID_BYTES);
    this.#nextCarrierId = 0;
    if (this.#stopped) return;
    this.#options.log.warn(`the trunk is over: ${error.message}`);
    for (const slot of this.#slots) {
      if (slot.carrier === null) continue;
      slot.carrier = null;
      this.#dialLater(slot);
    }
  }

  /** The peer knows nothing of the trunk any more. */
  #onForgotten(trunkId: Buffer): void {
    if (trunkId.equals(this.#trunkId))
      this.#trunk?.end(new PipeError('reset', 'trunk', 'the peer was restarted'));
  }

  #onFailed(slot: Slot, error: PipeError): void {
    this.#lastError = error;
    for (const { handlers } of this.#waiting) handlers.onRetry?.(error);
    this.#dialLater(slot);
  }

  #dialLater(slot: Slot): void {
    if (this.#stopped) return;
    const pauseMs = slot.pauseMs * (0.5 + Math.random() / 2);
    slot.pauseMs = Math.min(2 * slot.pauseMs, REDIAL_MOST_MS);
    slot.cancel = this.#options.clock.after(pauseMs, () => this.#dial(slot));
  }

  #notReached(): PipeError {
    const limit = formatDuration(this.#options.connectTimeoutMs);
    const last = this.#lastError;
    if (last !== null)
      return new PipeError(last.code, last.layer, `${last.message}; gave up after ${limit}`, last);
    return new PipeError(
      'timeout',
      'trunk',
      `${formatEndpoint(this.#options.peer)} did not answer within ${limit}`,
    );
  }
}
