/**
 * ProxyService: a listening proxy of one of the three modes, with all its sessions.
 *
 * At its connection limit it stops accepting, and the kernel's queue holds who comes; a full process never fails those
 * that it already serves.
 */

import { formatEndpoint, formatEndpoints, type SocketAddress } from '../core/address.ts';
import { type Cancel, type Clock, systemClock } from '../core/clock.ts';
import { asPipeError, PipeError, type PipeErrorCode } from '../core/errors.ts';
import { formatDuration } from '../core/format.ts';
import { type DialHandlers, type DialOptions, dial } from '../layer/tcp/dial.ts';
import type { ConnectOptions } from '../layer/tcp/transport.ts';
import { FailedPipe } from '../pipe/failed.ts';
import type { IoPipe } from '../pipe/pipe.ts';
import { Capacity } from './capacity.ts';
import { namelessAt } from './client_name.ts';
import type { CompressCounters } from './compression.ts';
import { CompressionTotals } from './compression_totals.ts';
import { FrontDoor } from './front_door.ts';
import { Gate } from './gate.ts';
import { Idle } from './idle.ts';
import { checkKey } from './key.ts';
import { allowTime } from './last_words.ts';
import { PeerLinks } from './links.ts';
import { MemoryLog } from './memory_log.ts';
import { numbers } from './neighbours.ts';
import { Paths } from './paths.ts';
import type { RefusalCounts } from './refusal_log.ts';
import type { ServiceOptions } from './service_options.ts';
import { Session, type SessionHost } from './session.ts';
import { SessionLog } from './session_log.ts';
import { SessionTrace } from './session_trace.ts';
import { type ProxyMode, type Stack, stackFor } from './stack.ts';
import { count, noTotals } from './totals.ts';
import { TrunkClient } from './trunk_client.ts';
import type { TrunkHost } from './trunk_host.ts';
import { TrunkServer } from './trunk_server.ts';
import type { CarrierStatus, TrunkTotals } from './trunk_status.ts';

/** Said of an address. */
const ITSELF =
  'is where this tcp-proxy itself listens: connections would go round until no descriptor is left';
const STOPPED = new PipeError('cancelled', 'proxy', 'the proxy was stopped');

export class ProxyService implements SessionHost {
  readonly trace: SessionTrace;
  readonly name: string;
  readonly mode: ProxyMode;
  readonly totals = noTotals();
  readonly kernelPipes;
  readonly #options: ServiceOptions;
  readonly #stack: Stack;
  readonly #clock: Clock;
  readonly #capacity: Capacity;
  readonly #sessions = new Set<Session>();
  readonly #door: FrontDoor;
  readonly #log: SessionLog;
  readonly #compression = new CompressionTotals();
  readonly #links: PeerLinks;
  #startedAt = 0;
  readonly #nextId;
  readonly #gate: Gate;
  #draining = false;
  readonly #idle = new Idle();
  readonly #trunkClient: TrunkClient | null;
  readonly #trunkServer: TrunkServer | null;
  readonly #memoryLog: MemoryLog | null;
  /** The far end cannot be reached: said once, until it can be again. */
  #farTroubled = false;

  constructor(options: ServiceOptions) {
    this.name = options.name ?? '';
    this.mode = options.mode;
    this.kernelPipes = options.splice === false ? null : options.transport.kernelPipes;
    this.#options = options;
    const striped = (options.carriers ?? 0) !== 0;
    checkKey(options);
    const mayStripe = options.mode === 'server' ? options.carriers !== 0 : striped;
    this.#links = new PeerLinks(options, mayStripe, (address, how) => this.#connect(address, how));
    this.#stack = stackFor(options.mode, striped, options);
    this.#clock = options.clock ?? systemClock;
    this.trace = new SessionTrace(options.name ?? '', this.#clock);
    this.#log = new SessionLog(options.mode, namelessAt(options.listen), options.log);
    this.#door = new FrontDoor(options.log, (socket, peer) => this.#onConnection(socket, peer));
    this.#trunkClient = striped && options.mode === 'client' ? this.#makeTrunkClient() : null;
    this.#trunkServer = options.mode === 'server' ? this.#makeTrunkServer() : null;
    this.#capacity = new Capacity(options);
    this.#gate = new Gate(this.#door, this.#capacity, options.log);
    this.#nextId = options.nextId ?? numbers();
    this.#memoryLog = options.memory ? null : new MemoryLog(options.log, this.#clock, this.#stack.memory);
  }

  get sessions(): ReadonlySet<Session> {
    return this.#sessions;
  }

  /** The connections that it stripes over: those of a client also while they are not there. */
  get carriers(): CarrierStatus[] {
    return this.#trunkClient?.carriers ?? this.#trunkServer?.carriers ?? [];
  }

  /** Its trunks, and what can be asked of them; null where it has none. */
  get trunkHost(): TrunkHost | null {
    return this.#trunkClient?.host ?? this.#trunkServer?.host ?? null;
  }

  /** What has become of them from the beginning on; null when there has been no trunk. */
  get trunkTotals(): TrunkTotals | null {
    const totals = this.#trunkClient?.totals ?? this.#trunkServer?.totals ?? null;
    return totals === null || totals.trunks === 0 ? null : totals;
  }

  /** Of a server: connections that have not proved who they are, and who was not served from the beginning on, and why. */
  get strangers(): number {
    return this.#trunkServer?.strangers ?? 0;
  }
  get refusals(): RefusalCounts | null {
    return this.#trunkServer?.refusals ?? null;
  }

  /** What compression has done, for all connections from the beginning on; null: for none. */
  get compression(): CompressCounters | null {
    return this.#compression.of(this.#sessions);
  }

  /** What its trunks share. */
  get memory(): Stack['memory'] {
    return this.#stack.memory;
  }

  /** Milliseconds since start(). */
  get uptimeMs(): number {
    return this.#clock.now() - this.#startedAt;
  }

  /** File descriptors that it has for sessions and those who may become some. */
  get descriptors(): number {
    return this.#capacity.used + (this.#trunkServer?.allDescriptors ?? 0);
  }

  /** Another service has closed a connection, and this one may have waited for its descriptors. */
  onRoomElsewhere(): void {
    if (this.#gate.closed && !this.#draining) this.#checkLimit();
  }

  /** Addresses that it listens on, with their real ports. */
  get addresses(): SocketAddress[] {
    return this.#door.addresses;
  }

  /**
   * Begins to listen, on every address that the host stands for.
   *
   * @throws PipeError with a message that names the address: `loop` when it is plainly the one to be dialled, too
   */
  async start(): Promise<void> {
    this.#startedAt = this.#clock.now();
    await this.#door.open(this.#options.listen, this.#options.transport, this.#options.lookup);
    const itself = this.#door.among([this.#options.dial].flat());
    if (itself !== undefined) {
      this.#door.close();
      throw new PipeError('loop', 'proxy', `${formatEndpoint(itself)} ${ITSELF}`);
    }
    this.#trunkClient?.start();
  }

  /**
   * Accepts no more, and waits until the last session has ended; those that have not after `timeoutMs` are reset.
   *
   * @returns how many had to be reset
   */
  async drain(timeoutMs: number): Promise<number> {
    this.#draining = true;
    this.#door.close();
    if (this.#sessions.size > 0) await this.#idle.wait(this.#clock, timeoutMs);
    const left = this.#sessions.size;
    const trunks = [this.#trunkClient?.trunk ?? [], ...(this.#trunkServer?.trunks ?? [])].flat();
    // What the last sessions said may still be on its way to the peer.
    if (left === 0) await allowTime(this.#clock, trunks, (trunk) => trunk.idle);
    this.#resetSessions();
    // The peer closes the connections when it has heard. If we did, what it sends meanwhile could make a reset of that,
    // which takes back what is not sent yet.
    this.#trunkClient?.leave(STOPPED);
    this.#trunkServer?.leave(STOPPED);
    await allowTime(this.#clock, trunks, (trunk) => trunk.carriers.size === 0);
    this.stop();
    return left;
  }

  /** Resets everything now. The transport is not closed: others may use it. */
  stop(): void {
    this.#draining = true;
    this.#door.close();
    this.#resetSessions();
    this.#trunkClient?.stop(STOPPED);
    this.#trunkServer?.stop(STOPPED);
    this.#memoryLog?.stop();
  }

  /** Accepts no more; who is there is served on. */
  shut(): void {
    this.#door.close();
  }

  #resetSessions(): void {
    for (const session of [...this.#sessions]) session.abort(STOPPED);
  }

  dial(handlers: DialHandlers): Cancel {
    if (this.#trunkClient !== null)
      return this.#trunkClient.open((codecs) => this.#stack.compression.label(codecs), handlers);
    // The peer may be restarting, and the app can wait for it. A target that refuses is an answer, and so is a peer that
    // was reached and closed. To be out of descriptors is neither: others will close theirs.
    const answers: readonly PipeErrorCode[] = ['reset', 'loop'];
    const retry = ({ code }: PipeError) =>
      code === 'descriptors' || (this.mode === 'client' && !answers.includes(code));
    return dial(this.#options.dial, this.#dialOptions(retry), handlers);
  }

  #dialOptions(retry: (error: PipeError) => boolean): DialOptions {
    const { connectTimeoutMs = 10_000, lookup } = this.#options;
    const options = { transport: this.#links.next(), clock: this.#clock, timeoutMs: connectTimeoutMs, retry };
    return lookup === undefined ? options : { ...options, lookup };
  }

  /** A name may come to lead to ourselves at any time. */
  #connect(address: SocketAddress, options: ConnectOptions): IoPipe<'bytes'> {
    if (!this.#door.isAt(address)) return this.#options.transport.connect(address, options);
    return new FailedPipe('bytes', new PipeError('loop', 'proxy', `it ${ITSELF}`));
  }

  dialled(socket: IoPipe<'bytes'>, near: IoPipe): IoPipe {
    if (this.#isStream(near)) this.#tuneApp(socket);
    return this.#stack.dialled(socket);
  }

  onOpen(session: Session): void {
    if (this.#farTroubled) {
      this.#farTroubled = false;
      this.#options.log.info(`${formatEndpoints([this.#options.dial].flat())} can be reached again`);
    }
    this.#log.open(session);
  }

  onRetry(session: Session, error: PipeError): void {
    this.#log.retry(session, error);
    // Of a striped one the trunk's client says it, whether anybody waits or not.
    if (this.#farTroubled || this.#trunkClient !== null) return;
    this.#farTroubled = true;
    const wait = formatDuration(this.#options.connectTimeoutMs ?? 10_000);
    this.#options.log.warn(`${error.message}; it is tried again, and connections wait up to ${wait} for it`);
  }

  onBug(session: Session, bug: unknown): void {
    this.#log.bug(session, bug);
  }

  onClosed(session: Session, error: PipeError | null, side: 'near' | 'far' | null): void {
    // It may have ended before it was one of them: without a descriptor, for example.
    if (this.#sessions.delete(session)) this.#capacity.remove(this.#descriptorsOf(session.near));
    count(this.totals, session, error);
    this.#compression.closed(session);
    this.#log.closed(session, error, side, this.#clock.now());
    this.#checkLimit();
    this.#options.onRoom?.();
    if (this.#sessions.size === 0) this.#idle.reached();
  }

  #onConnection(socket: IoPipe<'bytes'>, peer: SocketAddress | null): void {
    if (this.#trunkClient !== null) this.#tuneApp(socket);
    if (this.#trunkServer !== null) this.#trunkServer.accept(socket, peer);
    else this.#begin(this.#stack.accepted(socket), peer);
    this.#checkLimit();
  }

  /** What it sends will wait in a trunk. */
  #tuneApp(socket: IoPipe<'bytes'>): void {
    const { transport } = this.#options;
    transport.tuneApp(socket);
    transport.readInto(socket, this.#stack.memory.sendPool);
  }

  #carrier({ socket, pipe }: ReturnType<Stack['link']>): IoPipe<'messages'> {
    this.#options.transport.readInto(socket, this.#stack.memory.receivePool);
    this.#options.transport.tuneJoined(socket);
    return this.#stack.carrier(pipe);
  }

  #onStream(stream: Parameters<Stack['opened']>[0], from: SocketAddress | null): void {
    let near: IoPipe<'bytes'>;
    try {
      near = this.#stack.opened(stream);
    } catch (error) {
      stream.discard(asPipeError(error, 'proxy'));
      return;
    }
    this.#onPeer(near, from);
  }

  /** What a peer opens is an app that it has accepted already: it cannot wait in the kernel's queue, and hears why. */
  #onPeer(near: IoPipe, from: SocketAddress | null): void {
    if (this.#draining) near.discard(new PipeError('cancelled', 'proxy', 'the server is being stopped'));
    else if (this.#hasRoom(this.#descriptorsOf(near))) this.#begin(near, from);
    else {
      this.#trunkServer?.countRefusal('connections');
      near.discard(new PipeError('descriptors', 'proxy', `the server is at the ${this.#capacity.limit}`));
    }
    this.#checkLimit();
  }

  #begin(near: IoPipe, from: SocketAddress | null): void {
    const id = this.#nextId();
    this.totals.connections++;
    const session = new Session(id, near, from, this.#clock.now(), this);
    if (session.state === 'closed') return;
    this.#sessions.add(session);
    this.#capacity.add(this.#descriptorsOf(near));
  }

  #descriptorsOf(near: IoPipe): number {
    return this.#trunkClient !== null || this.#isStream(near) ? 1 : 2;
  }

  /** The classic framing has messages; bytes at a server are a stream of a trunk. */
  #isStream(near: IoPipe): boolean {
    return this.mode === 'server' && near.kind === 'bytes';
  }

  #hasRoom(descriptors: number, coming = 0): boolean {
    const besides = (this.#trunkServer?.descriptors ?? 0) + (this.#options.descriptorsElsewhere?.() ?? 0);
    return this.#capacity.hasRoom(descriptors, coming, besides);
  }

  /**
   * Stops accepting at the limit, and goes on below it. Who may turn out to be a session counts as one. A trunk may need
   * new carriers for the sessions that it has: then what is too much is refused.
   */
  #checkLimit(): void {
    const next = this.#trunkClient === null ? 2 : 1;
    const striping = this.#trunkServer?.striping === true;
    const full = !striping && !this.#hasRoom(next, this.#trunkServer?.undecided);
    this.#gate.set(full, !this.#hasRoom(striping ? 1 : next));
  }

  #makeTrunkClient(): TrunkClient {
    const { carriers = 0, key = null, log, connectTimeoutMs = 10_000, graceMs = 30_000 } = this.#options;
    const peers = [this.#options.dial].flat();
    return new TrunkClient({
      peers,
      paths: new Paths(peers, this.#options.via ?? []),
      graceMs,
      carriers,
      key,
      codecs: this.#stack.compression.codecs,
      dialCarrier: (path, avoid, { onReady, onFailed }) =>
        this.#links.dialCarrier(path, avoid, this.#clock, this.#options.lookup, {
          onReady: (socket, address) => onReady(this.#stack.link(socket, path.peer), address),
          onFailed,
        }),
      carrier: (link) => this.#carrier(link),
      local: ({ socket }) => this.#options.transport.localAddress(socket),
      name: this.#options.name ?? '',
      clock: this.#clock,
      memory: this.#stack.memory,
      log,
      connectTimeoutMs,
      scheduler: this.#options.scheduler,
    });
  }

  #makeTrunkServer(): TrunkServer {
    const { key = null, carriers, graceMs = 30_000, limits, log } = this.#options;
    const takesClassic = key === null && this.#stack.encryption === null && (carriers ?? 0) === 0;
    return new TrunkServer({
      key,
      clock: this.#clock,
      memory: this.#stack.memory,
      log,
      graceMs,
      limits,
      striped: carriers !== 0,
      nameless: namelessAt(this.#options.listen),
      encryption: this.#stack.encryption,
      carrier: (link) => {
        this.#links.tuneAccepted(link.socket);
        return this.#carrier(link);
      },
      local: ({ socket }) => this.#options.transport.localAddress(socket),
      name: this.#options.name ?? '',
      codecs: this.#stack.compression.codecs,
      onStream: (stream, from) => this.#onStream(stream, from),
      onClassic: takesClassic
        ? (socket, first, from) => this.#onPeer(this.#stack.accepted(socket, first), from)
        : null,
      onKnown: () => this.#checkLimit(),
      scheduler: this.#options.scheduler,
    });
  }
}
