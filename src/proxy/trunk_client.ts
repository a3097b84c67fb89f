/**
 * TrunkClient: keeps a trunk to the peer. Dials its carriers at the start, keeps them warm, and dials again what is lost.
 *
 *     slot 0   dial -> handshake -> carrier -> (lost) -> pause -> dial ...          slot.ts
 *     slot 1   dial -> handshake -> carrier ...
 *
 * The first carrier that passes its handshake makes the trunk; the others wait for that, but not for long (first_turn.ts),
 * and whoever reached another process then is turned away (home.ts). A peer that was restarted does not know the trunk any
 * more: its streams are reset at once, and a new trunk takes its place. Another process that answers in its stead has to
 * wait until the trunk has been without any carrier for the grace period: then it takes over.
 */

import { randomBytes } from 'node:crypto';
import { type Endpoint, formatAddress, formatEndpoints, type SocketAddress } from '../core/address.ts';
import type { Cancel, Clock } from '../core/clock.ts';
import { PipeError } from '../core/errors.ts';
import { formatDuration } from '../core/format.ts';
import type { Logger } from '../core/log.ts';
import type { Carrier } from '../layer/trunk/carrier.ts';
import {
  isPermanent,
  REFUSED_UNKNOWN_TRUNK,
  Refusal,
  TRUNK_ID_BYTES,
  type Welcome,
} from '../layer/trunk/handshake.ts';
import { joinAsClient } from '../layer/trunk/join.ts';
import type { TrunkMemory } from '../layer/trunk/memory.ts';
import { Trunk } from '../layer/trunk/trunk.ts';
import type { IoPipe } from '../pipe/pipe.ts';
import { CarrierLog } from './carrier_log.ts';
import { FirstTurn } from './first_turn.ts';
import { Home } from './home.ts';
import { nameOfPath, type Path, type Paths } from './paths.ts';
import { ReachLog } from './reach_log.ts';
import { CarrierSlot } from './slot.ts';
import { type CarrierStatus, PastTrunks, statusOfSlot, type TrunkTotals } from './trunk_status.ts';
import { type OpenHandlers, WaitingOpens } from './waiting.ts';

/** Exactly one of the two is called, unless dialling is cancelled. */
export interface CarrierHandlers {
  onReady(socket: IoPipe<'bytes'>, address: SocketAddress): void;
  onFailed(error: PipeError): void;
}

export interface TrunkClientOptions {
  /** The addresses of the one process at the other end. */
  readonly peers: readonly Endpoint[];
  readonly paths: Paths;
  readonly graceMs: number;
  /** Carriers to keep. */
  readonly carriers: number;
  readonly key: Buffer | null;
  /** Reaches the peer once. */
  readonly dialCarrier: (path: Path, avoid: ReadonlySet<string>, handlers: CarrierHandlers) => Cancel;
  /** Builds a carrier's layers on a connection that has joined. */
  readonly carrier: (socket: IoPipe<'bytes'>) => IoPipe<'messages'>;
  readonly clock: Clock;
  /** What the trunk may hold. */
  readonly memory: TrunkMemory;
  readonly log: Logger;
  readonly connectTimeoutMs: number;
}

interface Failure {
  readonly error: PipeError;
  /** The next attempt fails again, until somebody changes something: another key, for example. */
  readonly hopeless: boolean;
}

const NONE: ReadonlySet<string> = new Set();

const RESTARTED = 'the peer was restarted';

/** So often may a restart look like something else before a balancer is the likelier reason. */
const STRANGE_ANSWERS = 8;

export class TrunkClient {
  readonly #options: TrunkClientOptions;
  readonly #name: string;
  readonly #slots: CarrierSlot[];
  readonly #waiting: WaitingOpens;
  readonly #reachLog: ReachLog;
  readonly #home = new Home();
  /** Which slot makes the trunk. */
  readonly #turn: FirstTurn<CarrierSlot>;
  #trunkId = randomBytes(TRUNK_ID_BYTES);
  #trunk: Trunk | null = null;
  #carrierLog: CarrierLog | null = null;
  readonly #past = new PastTrunks();
  #address: SocketAddress | null = null;
  #nextCarrierId = 0;
  #strangeAnswers = 0;
  #lastError: PipeError | null = null;
  /** By address of the peer, while there is no success: how the last attempt to reach it failed. */
  readonly #failures = new Map<Endpoint, Failure>();
  #stopped = false;

  constructor(options: TrunkClientOptions) {
    this.#options = options;
    this.#name = formatEndpoints(options.peers);
    this.#waiting = new WaitingOpens(options.clock);
    this.#reachLog = new ReachLog(options.log, this.#name, options.connectTimeoutMs);
    this.#turn = new FirstTurn(options.clock);
    this.#slots = Array.from(
      { length: options.carriers },
      (_, number) => new CarrierSlot(number, options.clock, (slot) => this.#dial(slot)),
    );
  }

  /** The trunk, while there is one. */
  get trunk(): Trunk | null {
    return this.#trunk;
  }

  /** One for each carrier that is wanted, whether it is there or not. */
  get carriers(): CarrierStatus[] {
    return this.#slots.map(statusOfSlot);
  }

  get totals(): TrunkTotals {
    return this.#past.totals(this.#trunk === null ? [] : [this.#trunk.report]);
  }

  start(): void {
    for (const slot of this.#slots) slot.dial();
  }

  /** Opens a stream, at once or as soon as there is something to carry it. */
  open(label: Buffer, handlers: OpenHandlers): Cancel {
    if (this.#trunk !== null && this.#isUp && this.#address !== null) {
      handlers.onReady(this.#trunk.open(label), this.#address);
      return () => {};
    }
    const hopeless = this.#hopeless();
    if (hopeless !== null) {
      handlers.onFailed(hopeless);
      return () => {};
    }
    const cancel = this.#waiting.add(label, this.#options.connectTimeoutMs, handlers, () =>
      this.#notReached(),
    );
    if (this.#lastError !== null) handlers.onRetry?.(this.#lastError);
    for (const slot of this.#slots) slot.hurry();
    return cancel;
  }

  /** Ends the trunk and everything in it. */
  stop(error: PipeError): void {
    this.#stopped = true;
    for (const slot of this.#slots) slot.stop();
    this.#turn.end();
    this.#waiting.fail(error);
    this.#trunk?.end(error);
  }

  get #isUp(): boolean {
    return this.#trunk !== null && this.#trunk.carriers.size > 0;
  }

  get #hasStreams(): boolean {
    return this.#trunk !== null && this.#trunk.streams.size > 0;
  }

  #dial(slot: CarrierSlot): Cancel {
    // With others at work, its own way or none; without, any way.
    const detour = this.#isUp ? 0 : slot.failures;
    const avoid = this.#isUp || this.#hasStreams ? this.#home.elsewhere : NONE;
    const path = this.#options.paths.of(slot.number, detour, avoid);
    slot.peer = path.peer;
    return this.#options.dialCarrier(path, avoid, {
      onReady: (socket, address) => {
        slot.way = nameOfPath(address, path.from);
        this.#join(slot, socket, address);
      },
      onFailed: (error) => this.#onFailed(slot, error),
    });
  }

  #join(slot: CarrierSlot, socket: IoPipe<'bytes'>, address: SocketAddress): void {
    if (this.#trunk === null && this.#turn.isTaken) this.#hold(slot, socket, address);
    else {
      if (this.#trunk === null) this.#turn.take(slot);
      this.#greet(slot, socket, address);
    }
  }

  #greet(slot: CarrierSlot, socket: IoPipe<'bytes'>, address: SocketAddress): void {
    const { key, clock, memory } = this.#options;
    const id = this.#nextCarrierId++;
    const trunkId = this.#trunkId;
    const mayCreate = this.#trunk === null;
    const hello = { trunkId, carrierId: id, mayCreate, windows: memory.windows };
    const done = (error: PipeError | null, welcome: Welcome | null) => {
      if (this.#stopped) return;
      this.#turn.over(slot);
      // One that might have made the trunk anew joins only where others show that it is still the same.
      const isSame = trunkId.equals(this.#trunkId) && !(mayCreate && this.#trunk !== null && !this.#isUp);
      if (error === null && welcome !== null && isSame) this.#onWelcome(slot, id, socket, address, welcome);
      else {
        if (error === null) socket.discard(new PipeError('cancelled', 'trunk'));
        const unknown = error instanceof Refusal && error.refusal === REFUSED_UNKNOWN_TRUNK;
        if (unknown && trunkId.equals(this.#trunkId)) this.#onElsewhere(slot, address);
        else if (error === null) this.#onFailed(slot, new PipeError('cancelled', 'trunk'));
        else this.#onFailed(slot, ofPeer(slot.way, error), isPermanent(error));
      }
      this.#turn.release();
    };
    slot.handshake(() => joinAsClient(socket, hello, key, clock, done));
  }

  /** Another slot is about to make the trunk. */
  #hold(slot: CarrierSlot, socket: IoPipe<'bytes'>, address: SocketAddress): void {
    slot.handshake(() => {
      const cancel = this.#turn.hold(() => this.#greet(slot, socket, address));
      return () => {
        cancel();
        socket.discard(new PipeError('cancelled', 'trunk'));
      };
    });
  }

  #onWelcome(
    slot: CarrierSlot,
    id: number,
    socket: IoPipe<'bytes'>,
    address: SocketAddress,
    welcome: Welcome,
  ): void {
    if (!this.#home.isHere(welcome.instance, formatAddress(address))) {
      socket.discard(new PipeError('cancelled', 'trunk'));
      this.#onElsewhere(slot, address);
      return;
    }
    this.#address = address;
    const trunk = this.#trunk ?? this.#makeTrunk(welcome);
    const carrier = trunk.addCarrier(id, this.#options.carrier(socket));
    // What came with the handshake may have ended it again.
    if (trunk.carriers.get(id) !== carrier) {
      this.#onFailed(slot, new PipeError('reset', 'trunk'));
      return;
    }
    if (slot.peer !== null) this.#failures.delete(slot.peer);
    slot.onJoined(carrier);
    this.#lastError = null;
    this.#reachLog.joined(trunk.carriers.size === this.#slots.length);
    this.#strangeAnswers = 0;
    this.#carrierLog?.joined();
    // It answers: no need for the others to wait.
    if (trunk.carriers.size === 1) for (const other of this.#slots) other.hurry();
    this.#waiting.admit((label) => trunk.open(label), address);
  }

  /** A process answered that does not know the trunk. */
  #onElsewhere(slot: CarrierSlot, address: SocketAddress): void {
    const where = formatAddress(address);
    const { log, peers } = this.#options;
    // Without streams there is nothing to wait for.
    const final = this.#home.hasAddress(where) || peers.length === 1 || !this.#hasStreams;
    const restarted = !this.#isUp && final;
    const words = `${where} leads to another tcp-proxy -s`;
    if (restarted) this.#trunk?.end(new PipeError('reset', 'trunk', RESTARTED));
    else if (!this.#home.hasAddress(where)) {
      if (this.#home.leadsElsewhere(where)) this.#reachLog.elsewhere(words);
    } else {
      // A machine that was switched off and on leaves carriers that look alive; a question makes it reset them.
      this.#trunk?.probe();
      if (++this.#strangeAnswers === STRANGE_ANSWERS)
        log.warn(
          `${words} each time: if there is a load balancer, let it keep to one server for each client`,
        );
    }
    this.#onFailed(slot, new PipeError('reset', 'trunk', restarted ? RESTARTED : words));
  }

  #makeTrunk(welcome: Welcome): Trunk {
    const { clock, graceMs, log, memory } = this.#options;
    const trunk = new Trunk({
      role: 'client',
      clock,
      graceMs,
      memory: memory.join(),
      streamWindow: memory.windows.stream,
      trunkWindow: memory.windows.trunk,
      peerStreamWindow: welcome.windows.stream,
      peerTrunkWindow: welcome.windows.trunk,
      // The server has nothing to open: it gets a reset.
      onStream: (stream) => stream.discard(new PipeError('refused', 'trunk', 'this side takes no streams')),
      onCarrierLost: (carrier, error) => this.#onCarrierLost(carrier, error),
      onEnd: (error) => this.#onTrunkEnd(error),
    });
    this.#trunk = trunk;
    this.#carrierLog = new CarrierLog({
      log,
      clock,
      whom: `to ${this.#name}`,
      wanted: this.#slots.length,
      graceMs,
      streams: () => trunk.streams.size,
    });
    return trunk;
  }

  #onCarrierLost(carrier: Carrier, error: PipeError | null): void {
    const slot = this.#slots.find((candidate) => candidate.carrier === carrier);
    if (slot === undefined) return;
    this.#carrierLog?.lost(slot.way === this.#name ? '' : slot.way, error);
    if (!this.#isUp) this.#reachLog.lost();
    slot.onLost();
  }

  #onTrunkEnd(error: PipeError): void {
    if (this.#trunk !== null) this.#past.add(this.#trunk.report);
    this.#trunk = null;
    this.#home.forget();
    this.#trunkId = randomBytes(TRUNK_ID_BYTES);
    this.#nextCarrierId = 0;
    this.#carrierLog?.over(this.#stopped ? null : error);
    this.#carrierLog = null;
    if (this.#stopped) return;
    for (const slot of this.#slots) if (slot.carrier !== null) slot.onLost();
  }

  #onFailed(slot: CarrierSlot, error: PipeError, hopeless = false): void {
    if (this.#stopped) return;
    if (error.code !== 'cancelled') this.#lastError = error;
    if (slot.peer !== null) this.#failures.set(slot.peer, { error, hopeless });
    const reason = this.#hopeless();
    slot.onFailed(hopeless && (this.#isUp || reason !== null), this.#waiting.size > 0);
    if (reason === null) {
      this.#sayFailed(slot, error, hopeless);
      this.#waiting.retry(error);
    } else this.#giveUp(reason);
  }

  #sayFailed(slot: CarrierSlot, error: PipeError, hopeless: boolean): void {
    if (this.#isUp) {
      // What is lost may fail once before it is there again, and that is no news.
      if (!slot.hasJoined || slot.failures > 1 || error.code === 'address-invalid')
        this.#reachLog.missing(error);
      // Most often the other addresses turn us away as well, and then nobody waits.
    } else if (!hopeless || this.#slots.every(({ failures }) => failures > 0))
      this.#reachLog.unreached(error);
  }

  /** Why no attempt can succeed until somebody changes something. Null while one may. */
  #hopeless(): PipeError | null {
    if (this.#isUp) return null;
    const failures = this.#options.paths.peers.map((peer) => this.#failures.get(peer));
    if (!failures.every((failure) => failure?.hopeless === true)) return null;
    const [first] = failures;
    if (first === undefined) return null;
    const reasons = new Set(failures.map((failure) => failure?.error.message));
    return new PipeError(first.error.code, first.error.layer, [...reasons].join('; '), first.error);
  }

  /** Apps are told at once; it is tried again behind their backs. */
  #giveUp(reason: PipeError): void {
    this.#reachLog.hopeless(reason);
    // Whoever is there now does not know it.
    this.#trunk?.end(reason);
    this.#waiting.fail(reason);
  }

  #notReached(): PipeError {
    const limit = formatDuration(this.#options.connectTimeoutMs);
    const last = this.#lastError;
    if (last !== null)
      return new PipeError(last.code, last.layer, `${last.message}; gave up after ${limit}`, last);
    return new PipeError('timeout', 'trunk', `${this.#name} did not answer within ${limit}`);
  }
}

/** An error of the handshake, with who is at the other end, and who refuses whom. */
function ofPeer(way: string, error: PipeError): PipeError {
  const refuses = error instanceof Refusal && error.byPeer;
  return new PipeError(
    error.code,
    error.layer,
    `${way}${refuses ? ' refuses' : ''}: ${error.message}`,
    error,
  );
}
