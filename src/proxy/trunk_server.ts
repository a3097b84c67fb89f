/**
 * TrunkServer: takes connections from peers, finds out who they are, and puts carriers into their trunks.
 *
 *     connection --> stranger --(HELLO, proof)--> carrier of a trunk --> streams
 *                       |
 *                       +--(anything else, or silence)--> the classic framing, where that is taken
 *
 * Nothing is dialled, and no more is read than a handshake takes, for a stranger. join.ts has the handshake.
 */

import { randomBytes } from 'node:crypto';
import type { SocketAddress } from '../core/address.ts';
import { PipeError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { protocolOf } from '../core/protocols.ts';
import type { Carrier } from '../layer/trunk/carrier.ts';
import { CarrierIds } from '../layer/trunk/carrier_ids.ts';
import { NotAPeer } from '../layer/trunk/greeting.ts';
import {
  type Hello,
  type JoinLimit,
  REFUSED_BUSY,
  REFUSED_CARRIER,
  REFUSED_FRAMING,
  REFUSED_UNKNOWN_TRUNK,
  Refusal,
  TRUNK_ID_BYTES,
} from '../layer/trunk/handshake.ts';
import { type Joining, joinAsServer, type Link } from '../layer/trunk/join.ts';
import type { StreamLimit } from '../layer/trunk/options.ts';
import { Trunk } from '../layer/trunk/trunk.ts';
import type { IoPipe } from '../pipe/pipe.ts';
import { BoundedLog } from './bounded_log.ts';
import { addressName } from './carrier_about.ts';
import { CarrierLog } from './carrier_log.ts';
import { hostOf, nameBeside, nameOf } from './client_name.ts';
import { type Limits, limitsOf } from './limits.ts';
import { lowestFree } from './lowest_free.ts';
import { type RefusalCounts, RefusalLog, type RefusalReason } from './refusal_log.ts';
import { ServerTrunkHost } from './server_trunk_host.ts';
import { Strangers, sourceOf } from './strangers.ts';
import type { TrunkHost } from './trunk_host.ts';
import type { TrunkServerOptions } from './trunk_server_options.ts';
import { type CarrierStatus, PastTrunks, statusOf, type TrunkTotals } from './trunk_status.ts';

/** Twice what a client keeps: a carrier that died unnoticed is still there when its successor comes. */
const MOST_CARRIERS = 128;

const DOES_NOT_STRIPE =
  'the server (-s -n 0) does not stripe: leave out its -n 0, or give the client (-c) -n 0 as well';

const NOT_THE_OWNER = 'the session that it belongs to was begun with the certificate of another client';

export type { TrunkServerOptions };

interface Entry {
  readonly trunk: Trunk;
  /** Of its first connection. */
  readonly source: string;
  /** Whose it is, where certificates tell one client from another: nobody else's connections join it. */
  readonly owner: string | null;
  /** The lowest that was free, from 1. */
  readonly number: number;
  /** Where its first carrier came from. */
  readonly peer: string;
  readonly ids: CarrierIds;
  onJoining(id: number, from: SocketAddress | null): void;
  onLost(carrier: Carrier, error: PipeError | null): void;
  leave(error: PipeError): void;
  onClosed(carrier: Carrier): void;
}

/** A limit of how many trunks there may be. */
interface Fullness {
  readonly limit: JoinLimit;
  readonly words: string;
  readonly full: () => boolean;
  /** Whether the end of this one would help. */
  readonly concerns: (entry: Entry) => boolean;
}

export class TrunkServer {
  readonly #options: TrunkServerOptions;
  readonly #limits: Limits;
  readonly #trunks = new Map<string, Entry>();
  readonly #strangers: Strangers;
  readonly #refusals: RefusalLog;
  readonly #trunkLog: Pick<Logger, 'info' | 'warn'>;
  readonly #closed: Refusal | null;
  readonly #joining = new Set<Joining>();
  /** Tells clients whether they still talk to the process that knows their trunk. */
  readonly #instance = randomBytes(TRUNK_ID_BYTES);
  readonly #past = new PastTrunks();
  #stopped = false;

  constructor(options: TrunkServerOptions) {
    this.#options = options;
    const { clock, encryption, key, limits = {}, log, nameless, striped } = options;
    const known = key !== null || encryption?.proves === true;
    this.#limits = limitsOf(limits, known);
    const { maxHandshakes, maxHandshakesPerSource } = this.#limits;
    this.#strangers = new Strangers({ most: maxHandshakes, mostOfOneSource: maxHandshakesPerSource });
    this.#refusals = new RefusalLog(log, clock, nameless);
    // Otherwise anybody can make trunks, and lose them again.
    this.#trunkLog = known ? log : new BoundedLog(log, clock);
    this.#closed = striped ? null : new Refusal(REFUSED_FRAMING, DOES_NOT_STRIPE);
  }

  /** What can be seen of them, and asked. */
  get host(): TrunkHost {
    return new ServerTrunkHost(this.#trunks.values());
  }

  get trunks(): Iterable<Trunk> {
    return [...this.#trunks.values()].map(({ trunk }) => trunk);
  }

  get carriers(): CarrierStatus[] {
    return [...this.#trunks.values()].flatMap(({ trunk, number }) => statusOf(trunk, number));
  }

  get totals(): TrunkTotals {
    return this.#past.totals([...this.#trunks.values()].map(({ trunk }) => trunk.report));
  }

  /** Connections that have not proved who they are. */
  get strangers(): number {
    return this.#strangers.size;
  }

  /** Who was not served, and why, from the beginning on. */
  get refusals(): RefusalCounts {
    return this.#refusals.counts;
  }

  /** Somebody else refused a stream. */
  countRefusal(reason: RefusalReason): void {
    this.#refusals.count(reason);
  }

  /** Connections that may turn out to be classic ones. */
  get undecided(): number {
    return this.#options.onClassic === null ? 0 : this.#strangers.size;
  }

  /** Descriptors of carriers, and of those who can become nothing else. */
  get descriptors(): number {
    let count = this.#joining.size - this.undecided;
    for (const { trunk } of this.#trunks.values()) count += trunk.carriers.size;
    return count;
  }

  /** Those of who is undecided, too, who may need two each. */
  get allDescriptors(): number {
    return this.descriptors + 2 * this.undecided;
  }

  /** There is a trunk. */
  get striping(): boolean {
    return this.#trunks.size > 0;
  }

  /** Takes a connection over, whoever it is. */
  accept(socket: IoPipe<'bytes'>, from: SocketAddress | null): void {
    const { key, clock, codecs = 0, memory, encryption, onClassic, onKnown } = this.#options;
    const leave = () => {
      leaveStrangers();
      this.#joining.delete(joining);
      if (!this.#stopped) onKnown();
    };
    const joining = joinAsServer(
      socket,
      {
        key,
        welcome: { instance: this.#instance, windows: memory.windows, codecs },
        closed: this.#closed,
        encryption,
        timeoutMs: this.#limits.handshakeTimeoutMs,
        // A flood of strangers cannot push out who has only to say what it joins. Its deadline stays.
        onProved: () => {
          if (this.#joining.size - this.#strangers.size < this.#limits.maxHandshakes) leaveStrangers();
        },
        admit: (hello, link) => this.#admit(hello, link, from),
        onJoined: (hello, link) => {
          this.#onJoined(hello, link, from);
          leave();
        },
        onFailed: (error) => {
          if (!this.#stopped) this.#refusals.failed(from, error);
          leave();
        },
        onOther:
          onClassic === null
            ? null
            : (first) => {
                this.#onOther(socket, first, from);
                leave();
              },
      },
      clock,
    );
    this.#joining.add(joining);
    const leaveStrangers = this.#strangers.add(from, () => joining.hurry());
  }

  /** Tells all peers that this is the end, and takes no more. */
  leave(error: PipeError): void {
    this.#stopped = true;
    for (const joining of [...this.#joining]) joining.cancel();
    for (const entry of [...this.#trunks.values()]) entry.leave(error);
  }

  /** Ends all trunks and everything in them. */
  stop(error: PipeError): void {
    this.leave(error);
    for (const { trunk } of [...this.#trunks.values()]) trunk.end(error);
  }

  /** @throws Refusal */
  #admit(hello: Hello, link: Link, from: SocketAddress | null): void {
    const entry = this.#trunks.get(hello.trunkId.toString('hex'));
    if (entry === undefined && !hello.mayCreate)
      throw new Refusal(
        REFUSED_UNKNOWN_TRUNK,
        'it belongs to a striped connection that this process does not know (any more)',
      );
    if (entry !== undefined && entry.owner !== ownerOf(link))
      throw new Refusal(REFUSED_CARRIER, NOT_THE_OWNER);
    if (entry?.ids.isUsed(hello.carrierId))
      throw new Refusal(REFUSED_CARRIER, 'this connection has been here before');
    if (entry !== undefined && entry.trunk.carriers.size >= MOST_CARRIERS)
      throw new Refusal(REFUSED_BUSY, 'too many connections to stripe over already', false, 'carriers');
    if (entry === undefined) this.#makeRoom(sourceOf(from));
  }

  /**
   * For one more trunk. Those without a connection or a stream, as restarted clients and strangers leave them, have to go.
   *
   * @throws Refusal
   */
  #makeRoom(source: string): void {
    for (const { limit, words, full, concerns } of this.#fullness(source)) {
      for (const entry of [...this.#trunks.values()]) {
        if (!full()) break;
        const { trunk } = entry;
        if (trunk.carriers.size === 0 && trunk.streams.size === 0 && concerns(entry))
          trunk.end(new PipeError('descriptors', 'trunk', 'it had no connection, and others need its place'));
      }
      if (full()) throw new Refusal(REFUSED_BUSY, words, false, limit);
    }
  }

  #fullness(source: string): Fullness[] {
    const { maxClients, maxClientsPerSource } = this.#limits;
    const isSame = (entry: Entry) => entry.source === source;
    const ofSource = () => [...this.#trunks.values()].filter(isSame).length;
    return [
      {
        limit: 'clients-per-source',
        words: `${maxClientsPerSource} clients of this address are served already (--max-clients-per-source)`,
        full: () => this.#trunks.size >= maxClientsPerSource && ofSource() >= maxClientsPerSource,
        concerns: isSame,
      },
      {
        limit: 'clients',
        words: `${maxClients} clients are served already (--max-clients)`,
        full: () => this.#trunks.size >= maxClients,
        concerns: () => true,
      },
      {
        limit: 'memory',
        words: 'too many clients: the memory of this proxy is promised to others (--memory)',
        full: () => !this.#options.memory.hasShare,
        concerns: () => true,
      },
    ];
  }

  #onJoined(hello: Hello, link: Link, from: SocketAddress | null): void {
    const id = hello.trunkId.toString('hex');
    let entry = this.#trunks.get(id);
    if (entry === undefined) {
      entry = this.#makeEntry(hello, ownerOf(link), from);
      this.#trunks.set(id, entry);
    }
    entry.ids.use(hello.carrierId);
    // Before it is the trunk's: it may be lost when that returns.
    entry.onJoining(hello.carrierId, from);
    const index = lowestFree([...entry.trunk.carriers.values()].map(({ trace }) => trace.index));
    const about = { index, local: addressName(this.#options.local?.(link)), remote: addressName(from) };
    entry.trunk.addCarrier(hello.carrierId, this.#options.carrier(link), about);
  }

  #onOther(socket: IoPipe<'bytes'>, first: Buffer, from: SocketAddress | null): void {
    if (protocolOf(first) === null) {
      this.#options.onClassic?.(socket, first, from);
      return;
    }
    const error = new NotAPeer(first);
    socket.discard(error);
    this.#refusals.failed(from, error);
  }

  #words(limit: StreamLimit): string {
    const { maxStreams, maxStreamRate } = this.#limits;
    if (limit === 'streams') return `it has more than ${maxStreams} open (--max-streams)`;
    return `it opens more than ${maxStreamRate} in a second (--max-stream-rate)`;
  }

  #makeEntry(hello: Hello, owner: string | null, from: SocketAddress | null): Entry {
    const { clock, graceMs, memory, name = '', nameless, onStream, scheduler } = this.#options;
    const number = lowestFree(
      [...this.#trunks.values()].map((entry) => entry.number),
      1,
    );
    const trunk = new Trunk({
      role: 'server',
      tag: { service: name, trunk: number },
      clock,
      memory: memory.join(),
      streamWindow: memory.windows.stream,
      trunkWindow: memory.windows.trunk,
      peerStreamWindow: hello.windows.stream,
      peerTrunkWindow: hello.windows.trunk,
      onStream: (stream) => onStream(stream, from),
      graceMs,
      scheduler,
      maxStreams: this.#limits.maxStreams,
      maxStreamRate: this.#limits.maxStreamRate,
      onRefused: (limit) => this.#refusals.stream(host, limit, this.#words(limit)),
      onCarrierLost: (carrier, error) => entry.onLost(carrier, error),
      onCarrierClosed: (carrier) => entry.onClosed(carrier),
      stallHandlers: {
        onStuck(carrier) {
          const { name, way } = wayOf(carrier);
          carrierLog.stalls.stuck(carrier, { whole: `the connection from ${name}`, way });
        },
        onMoving: (carrier) => carrierLog.stalls.moving(carrier),
      },
      onEnd: (error) => {
        this.#past.add(trunk.report);
        this.#trunks.delete(hello.trunkId.toString('hex'));
        carrierLog.over(this.#stopped ? null : error);
      },
    });
    const host = hostOf(from, nameless);
    const carrierLog = new CarrierLog({
      log: this.#trunkLog,
      clock,
      whom: `from ${host}`,
      wanted: null,
      graceMs,
      streams: () => trunk.streams.size,
    });
    /** Of the carriers that are there, by their ids. */
    const sources = new Map<number, SocketAddress | null>();
    const wayOf = ({ id }: Carrier) => {
      const source = sources.get(id) ?? null;
      return { name: nameOf(source, nameless), way: nameBeside(source, host, nameless) };
    };
    const entry = {
      trunk,
      source: sourceOf(from),
      owner,
      number,
      peer: host,
      ids: new CarrierIds(),
      onJoining(carrierId: number, source: SocketAddress | null) {
        sources.set(carrierId, source);
        carrierLog.joined();
      },
      onLost(carrier: Carrier, error: PipeError | null) {
        carrierLog.lost(carrier, wayOf(carrier).way, error);
        sources.delete(carrier.id);
      },
      leave(error: PipeError) {
        carrierLog.over(null);
        trunk.leave(error);
      },
      onClosed(carrier: Carrier) {
        carrierLog.closed(carrier);
        sources.delete(carrier.id);
      },
    };
    return entry;
  }
}

function ownerOf({ peer }: Link): string | null {
  return peer?.() ?? null;
}
