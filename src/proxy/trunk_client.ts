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
import { formatAddress, formatEndpoints, type SocketAddress } from '../core/address.ts';
import type { Cancel } from '../core/clock.ts';
import { PipeError } from '../core/errors.ts';
import type { Carrier } from '../layer/trunk/carrier.ts';
import { REFUSED_UNKNOWN_TRUNK, Refusal, TRUNK_ID_BYTES, type Welcome } from '../layer/trunk/handshake.ts';
import { joinAsClient } from '../layer/trunk/join.ts';
import type { Trunk } from '../layer/trunk/trunk.ts';
import { type Attempt, ofPeer, type Reached } from './attempt.ts';
import { AutoCarriers } from './auto_carriers.ts';
import { aboutCarrier } from './carrier_about.ts';
import { leastCarriers } from './carrier_count.ts';
import { CarrierLog } from './carrier_log.ts';
import { clientTrunk } from './client_trunk.ts';
import { ClientTrunkHost } from './client_trunk_host.ts';
import { traceDial } from './dial_trace.ts';
import { Failures } from './failures.ts';
import { FirstTurn } from './first_turn.ts';
import { Home } from './home.ts';
import { nameOfPath, type Path, wayBeside } from './paths.ts';
import { ReachLog } from './reach_log.ts';
import type { CarrierSlot } from './slot.ts';
import { Slots } from './slots.ts';
import type { TrunkClientOptions } from './trunk_client_options.ts';
import type { TrunkHost } from './trunk_host.ts';
import { type CarrierStatus, PastTrunks, statusOfClient, type TrunkTotals } from './trunk_status.ts';
import { type LabelOf, type OpenHandlers, openOn, WaitingOpens } from './waiting.ts';
import { TRY_AGAIN_MS, WayHome } from './way_home.ts';

const NONE: ReadonlySet<string> = new Set();
const RESTARTED = 'the peer was restarted';
const WORN = 'its numbers are used up, and a new one takes its place';

export class TrunkClient {
  readonly #options: TrunkClientOptions;
  readonly #name: string;
  readonly #slots: Slots;
  /** With `-n auto`. */
  readonly #auto: AutoCarriers | null;
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
  readonly #failures: Failures;
  readonly #wayHome: WayHome;
  #stopped = false;

  constructor(options: TrunkClientOptions) {
    this.#options = options;
    this.#name = formatEndpoints(options.peers);
    this.#waiting = new WaitingOpens(options.clock);
    this.#reachLog = new ReachLog(options.log, options.clock, this.#name, options.connectTimeoutMs);
    this.#turn = new FirstTurn(options.clock);
    this.#failures = new Failures(options.paths.peers);
    const { carriers, clock } = options;
    const wanted = carriers === 'auto' ? leastCarriers(options.paths.ways) : carriers;
    const auto = {
      peer: this.#name,
      least: wanted,
      up: () => this.#slots.up,
      resize: (wanted: number) => this.#resize(wanted),
    };
    this.#auto = carriers === 'auto' ? new AutoCarriers({ ...options, ...auto }) : null;
    this.#slots = new Slots(wanted, clock, (slot) => this.#dial(slot));
    this.#wayHome = new WayHome(clock, this.#slots);
  }

  /** What can be seen of it, and asked. */
  get host(): TrunkHost {
    const closed = (carrier: Carrier) => this.#carrierLog?.closed(carrier);
    return new ClientTrunkHost(this.#name, this.#trunk, this.#slots, closed);
  }

  /** The trunk, while there is one. */
  get trunk(): Trunk | null {
    return this.#trunk;
  }

  /** One for each carrier that is wanted, whether it is there or not, and for each that is there still. */
  get carriers(): CarrierStatus[] {
    return statusOfClient(this.#slots, this.#trunk);
  }

  get totals(): TrunkTotals {
    return this.#past.totals(this.#trunk === null ? [] : [this.#trunk.report]);
  }

  start(): void {
    this.#slots.dial();
  }

  /** Opens a stream, at once or as soon as there is something to carry it. */
  open(label: LabelOf, handlers: OpenHandlers): Cancel {
    if (this.#trunk?.worn && !this.#hasStreams) this.#trunk.end(new PipeError('cancelled', 'trunk', WORN));
    if (this.#trunk !== null && this.#isUp && this.#address !== null) {
      openOn(this.#trunk, label, this.#address, handlers);
      this.#auto?.wake(this.#trunk);
      return () => {};
    }
    const hopeless = this.#hopeless;
    if (hopeless !== null) {
      handlers.onFailed(hopeless);
      return () => {};
    }
    const { connectTimeoutMs } = this.#options;
    const late = () => this.#failures.gaveUp(this.#name, connectTimeoutMs);
    const cancel = this.#waiting.add(label, connectTimeoutMs, handlers, late);
    if (this.#failures.last !== null) handlers.onRetry?.(this.#failures.last);
    this.#slots.hurry();
    return cancel;
  }

  /** Tells the peer that this is the end, and dials no more. */
  leave(error: PipeError): void {
    this.#stopped = true;
    this.#slots.stop();
    this.#auto?.stop();
    this.#turn.end();
    this.#wayHome.stop();
    this.#reachLog.stop();
    this.#carrierLog?.over(null);
    this.#waiting.fail(error);
    this.#trunk?.leave(error);
  }

  /** Ends the trunk and everything in it. */
  stop(error: PipeError): void {
    this.leave(error);
    this.#trunk?.end(error);
  }

  get #isUp(): boolean {
    return this.#trunk !== null && this.#trunk.carriers.size > 0;
  }

  get #hasStreams(): boolean {
    return this.#trunk !== null && this.#trunk.streams.size > 0;
  }

  #dial(slot: CarrierSlot): Cancel {
    const avoid = this.#isUp || this.#hasStreams ? this.#home.elsewhere : NONE;
    const own = this.#options.paths.of(slot.number, 0, avoid);
    const detour = slot.detour(this.#isUp, this.#failures.isHopeless(own.peer));
    const path = this.#options.paths.of(slot.number, detour, avoid);
    const attempt = { slot, own, path, beside: this.#isUp };
    traceDial(slot.number, path, this.#options.name);
    return this.#options.dialCarrier(path, avoid, {
      onReady: (link, address) =>
        this.#join({ ...attempt, link, address, way: nameOfPath(address, path.from) }),
      onFailed: (error) => this.#onFailed(attempt, error),
    });
  }

  #join(reached: Reached): void {
    const { slot, way } = reached;
    if (slot.carrier === null) slot.way = way;
    if (this.#trunk === null && this.#turn.isTaken) this.#hold(reached);
    else {
      if (this.#trunk === null) this.#turn.take(slot);
      this.#greet(reached);
    }
  }

  #greet(reached: Reached): void {
    const { key, clock, memory, codecs = 0 } = this.#options;
    const { slot, link, way } = reached;
    const id = this.#nextCarrierId++;
    const trunkId = this.#trunkId;
    const mayCreate = this.#trunk === null;
    const hello = { trunkId, carrierId: id, mayCreate, windows: memory.windows, codecs };
    const done = (error: PipeError | null, welcome: Welcome | null) => {
      if (this.#stopped) return;
      this.#turn.over(slot);
      // One that might have made the trunk anew joins only where others show that it is still the same.
      const isSame = trunkId.equals(this.#trunkId) && !(mayCreate && this.#trunk !== null && !this.#isUp);
      if (error === null && welcome !== null && isSame) this.#onWelcome(reached, id, welcome);
      else {
        if (error === null) link.pipe.discard(new PipeError('cancelled', 'trunk'));
        const unknown = error instanceof Refusal && error.refusal === REFUSED_UNKNOWN_TRUNK;
        if (unknown && trunkId.equals(this.#trunkId)) this.#onElsewhere(reached);
        else if (error === null) this.#onFailed(reached, new PipeError('cancelled', 'trunk'));
        else this.#onFailed(reached, ofPeer(way, error), this.#failures.isFinal(error, link.secret !== null));
      }
      this.#turn.release();
    };
    slot.handshake(() => joinAsClient(link, hello, key, clock, done));
  }

  /** Another slot is about to make the trunk. */
  #hold(reached: Reached): void {
    reached.slot.handshake(() => {
      const cancel = this.#turn.hold(() => this.#greet(reached));
      return () => {
        cancel();
        reached.link.pipe.discard(new PipeError('cancelled', 'trunk'));
      };
    });
  }

  #onWelcome(reached: Reached, id: number, welcome: Welcome): void {
    const { path, link, address } = reached;
    if (!this.#home.isHere(welcome.instance, formatAddress(address))) {
      link.pipe.discard(new PipeError('cancelled', 'trunk'));
      this.#onElsewhere(reached);
      return;
    }
    this.#address = address;
    const trunk = this.#trunk ?? this.#makeTrunk(welcome);
    const about = aboutCarrier(reached, this.#options.local);
    const carrier = trunk.addCarrier(id, this.#options.carrier(link), about);
    // What came with the handshake may have ended it again.
    if (trunk.carriers.get(id) !== carrier) {
      this.#onFailed(reached, new PipeError('reset', 'trunk'));
      return;
    }
    this.#failures.succeeded(path.peer);
    this.#onCarrier(trunk, carrier, reached);
    // It answers: no need for the others to wait.
    if (trunk.carriers.size === 1) this.#slots.hurry();
    this.#waiting.admit(trunk, address);
    this.#auto?.wake(trunk);
  }

  /** A slot has its carrier, or one that goes its own way beside another that does not. */
  #onCarrier(trunk: Trunk, carrier: Carrier, { slot, own, path, way, beside }: Reached): void {
    const before = slot.carrier;
    const isTried = slot.isExtra && !slot.hasJoined;
    const away = path.peer !== own.peer;
    slot.way = way;
    slot.onJoined(carrier, away);
    this.#reachLog.joined(this.#slots.whole);
    if (!away) this.#reachLog.taken(nameOfPath(own.peer, own.from));
    else if (beside) this.#staysAway(own);
    // The whole peer was gone: its own way may be as good.
    else this.#wayHome.soon();
    if (isTried) this.#carrierLog?.tried(1);
    else if (before === null) this.#carrierLog?.joined();
    else {
      this.#carrierLog?.stalls.lost(before);
      trunk.retire(before);
      this.#wayHome.next();
    }
  }

  #staysAway(own: Path): void {
    this.#reachLog.left(nameOfPath(own.peer, own.from), TRY_AGAIN_MS);
    this.#wayHome.later();
  }

  /** A process answered that does not know the trunk. */
  #onElsewhere(reached: Reached): void {
    const where = formatAddress(reached.address);
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
      if (this.#home.answersStrangely())
        log.warn(
          `${words} each time: if there is a load balancer, let it keep to one server for each client`,
        );
    }
    this.#onFailed(reached, new PipeError('reset', 'trunk', restarted ? RESTARTED : words));
  }

  #makeTrunk(welcome: Welcome): Trunk {
    const { clock, graceMs, log } = this.#options;
    const trunk = clientTrunk(this.#options, welcome, {
      onCarrierLost: (carrier, error) => this.#onCarrierLost(carrier, error),
      stallHandlers: {
        onStuck: (carrier) => this.#onStuck(carrier),
        onMoving: (carrier) => this.#carrierLog?.stalls.moving(carrier),
      },
      onEnd: (error) => this.#onTrunkEnd(error),
    });
    this.#trunk = trunk;
    this.#carrierLog = new CarrierLog({
      log,
      clock,
      whom: `to ${this.#name}`,
      wanted: () => this.#slots.wanted,
      graceMs,
      streams: () => trunk.streams.size,
    });
    return trunk;
  }

  #resize(wanted: number): void {
    for (const carrier of this.#slots.resize(wanted)) {
      this.#carrierLog?.stalls.lost(carrier);
      this.#carrierLog?.tried(-1);
      this.#trunk?.retire(carrier);
    }
  }

  #onStuck(carrier: Carrier): void {
    const slot = this.#slots.of(carrier);
    if (slot === undefined) return;
    const whole = `connection ${slot.number + 1} of ${this.#slots.wanted} to ${slot.way}`;
    this.#carrierLog?.stalls.stuck(carrier, { whole, way: wayBeside(slot.way, this.#name) });
  }

  #onCarrierLost(carrier: Carrier, error: PipeError | null): void {
    const slot = this.#slots.of(carrier);
    if (slot === undefined || this.#stopped) return;
    this.#carrierLog?.lost(carrier, wayBeside(slot.way, this.#name), error);
    slot.onLost();
    if (!this.#isUp) {
      this.#reachLog.lost();
      this.#slots.onAllLost();
    }
    // It may have been the one that was on its way home.
    if (this.#slots.away) this.#wayHome.later();
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
    this.#auto?.over();
  }

  #onFailed({ slot, own, path, beside }: Attempt, error: PipeError, hopeless = false): void {
    if (this.#stopped) return;
    this.#failures.add(path.peer, error, hopeless);
    if (slot.carrier !== null) {
      slot.staysAway();
      this.#staysAway(own);
      return;
    }
    const reason = this.#hopeless;
    slot.onFailed(reason !== null, this.#waiting.size > 0 || (!this.#isUp && this.#hasStreams), beside);
    if (reason === null) {
      if (!this.#isUp) this.#reachLog.unreached(error);
      else if (slot.isNews(error)) this.#reachLog.missing(error);
      this.#waiting.retry(error);
    } else this.#giveUp(reason);
  }

  /** Why no attempt can succeed until somebody changes something. Null while one may. */
  get #hopeless(): PipeError | null {
    return this.#isUp ? null : this.#failures.hopeless;
  }

  /** Apps are told at once; it is tried again behind their backs. */
  #giveUp(reason: PipeError): void {
    this.#reachLog.hopeless(reason);
    // One strange answer, of a captive portal for example, says nothing of what comes within the grace period.
    if (!this.#hasStreams) this.#trunk?.end(reason);
    this.#waiting.fail(reason);
  }
}
