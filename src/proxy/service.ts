/**
 * ProxyService: a listening proxy of one of the three modes, with all its sessions.
 *
 * At its connection limit it stops accepting, and the kernel's queue holds who comes; a full process never fails those
 * that it already serves.
 */

import { type Endpoint, formatAddress, formatEndpoint, type SocketAddress } from '../core/address.ts';
import { type Cancel, type Clock, systemClock } from '../core/clock.ts';
import { asPipeError, PipeError } from '../core/errors.ts';
import { formatBytes, formatDuration, plural } from '../core/format.ts';
import type { Logger } from '../core/log.ts';
import { type DialHandlers, type DialOptions, dial } from '../layer/tcp/dial.ts';
import { type LookupFamily, resolveAll } from '../layer/tcp/resolve.ts';
import type { Listener, Transport } from '../layer/tcp/transport.ts';
import type { IoPipe } from '../pipe/pipe.ts';
import { Session, type SessionHost } from './session.ts';
import { type ProxyMode, type Stack, type StackOptions, stackFor } from './stack.ts';
import { type CarrierHandlers, TrunkClient } from './trunk_client.ts';
import { TrunkServer } from './trunk_server.ts';
import { pathToBind, removeStaleSocket, SocketFile } from './unix_socket.ts';

export interface ServiceOptions extends StackOptions {
  readonly mode: ProxyMode;
  readonly listen: Endpoint;
  /** The peer in client mode, else the target. */
  readonly dial: Endpoint;
  readonly transport: Transport;
  readonly log: Logger;
  /** Milliseconds to reach the far end. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** Sessions at the same time. Default no limit. */
  readonly maxConnections?: number;
  /** Connections that the pair stripes over; 0, the default, is the classic framing. A server only looks whether it is 0. */
  readonly carriers?: number;
  /** The key that both proxies share; without one anybody may join a trunk. Only with `carriers`. */
  readonly key?: Buffer | null;
  /** False sends every byte through buffers. Default true. */
  readonly splice?: boolean;
  readonly clock?: Clock;
  readonly lookup?: LookupFamily;
}

/** The label of a stream, for a server that has one target only. */
const NO_LABEL = Buffer.alloc(0);
/** At the end, what is on its way to the peer gets so long to arrive. */
const LAST_WORDS_MS = 1000;

export interface Totals {
  connections: number;
  /** Their far end was never reached. */
  failed: number;
  /** Ended by a reset or another error, after they had been open. */
  broken: number;
  bytesForward: number;
  bytesBackward: number;
}

export class ProxyService implements SessionHost {
  readonly mode: ProxyMode;
  readonly totals: Totals = { connections: 0, failed: 0, broken: 0, bytesForward: 0, bytesBackward: 0 };
  readonly kernelPipes;
  readonly #options: ServiceOptions;
  readonly #stack: Stack;
  readonly #clock: Clock;
  readonly #maxConnections: number;
  readonly #sessions = new Set<Session>();
  #listeners: Listener[] = [];
  #socketFile: SocketFile | null = null;
  #startedAt = 0;
  #nextId = 1;
  #atLimit = false;
  /** Who waits for the last session to end. */
  readonly #onIdle = new Set<() => void>();
  readonly #trunkClient: TrunkClient | null;
  readonly #trunkServer: TrunkServer | null;
  /** The far end cannot be reached: said once, until it can be again. */
  #farTroubled = false;

  constructor(options: ServiceOptions) {
    this.mode = options.mode;
    this.kernelPipes = options.splice === false ? null : options.transport.kernelPipes;
    this.#options = options;
    const striped = (options.carriers ?? 0) > 0;
    this.#stack = stackFor(options.mode, striped, options);
    this.#clock = options.clock ?? systemClock;
    this.#trunkClient = striped && options.mode === 'client' ? this.#makeTrunkClient() : null;
    this.#trunkServer = striped && options.mode === 'server' ? this.#makeTrunkServer() : null;
    this.#maxConnections = options.maxConnections ?? Number.POSITIVE_INFINITY;
  }

  get sessions(): ReadonlySet<Session> {
    return this.#sessions;
  }

  /** Milliseconds since start(). */
  get uptimeMs(): number {
    return this.#clock.now() - this.#startedAt;
  }

  /** Addresses that it listens on, with their real ports. */
  get addresses(): SocketAddress[] {
    return this.#listeners.map((listener) => listener.address);
  }

  /**
   * Begins to listen, on every address that the host stands for.
   *
   * @throws PipeError with a message that names the address
   */
  async start(): Promise<void> {
    const { listen, transport, lookup } = this.#options;
    this.#startedAt = this.#clock.now();
    try {
      if (listen.path !== undefined) await removeStaleSocket(listen.path);
      const where = listen.path === undefined ? listen : { path: pathToBind(listen.path) };
      let unusable: unknown = null;
      for (const address of await resolveAll(where, lookup)) {
        try {
          this.#listeners.push(await this.#listenOn(withPort(address, this.#listeners[0]), transport));
        } catch (error) {
          // A name may stand for addresses that the machine does not have: `localhost` for ::1, without IPv6.
          if (asPipeError(error, 'tcp').code !== 'address-invalid') throw error;
          unusable = error;
        }
      }
      if (this.#listeners.length === 0) throw unusable;
      if (where.path !== undefined) this.#socketFile = new SocketFile(where.path);
      this.#trunkClient?.start();
    } catch (error) {
      this.#closeListeners();
      const cause = asPipeError(error, 'tcp');
      throw new PipeError(
        cause.code,
        cause.layer,
        `cannot listen on ${formatEndpoint(listen)}: ${cause.message}`,
        cause,
      );
    }
  }

  /**
   * Accepts no more, and waits until the last session has ended; those that have not after `timeoutMs` are reset.
   *
   * @returns how many had to be reset
   */
  async drain(timeoutMs: number): Promise<number> {
    this.#closeListeners();
    if (this.#sessions.size > 0) await this.#sessionsOver(timeoutMs);
    const left = this.#sessions.size;
    if (left === 0) await this.#trunksIdle();
    this.stop();
    return left;
  }

  async #sessionsOver(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const over = () => {
        cancel();
        this.#onIdle.delete(over);
        resolve();
      };
      const cancel = this.#clock.after(timeoutMs, over);
      this.#onIdle.add(over);
    });
  }

  /** What the last sessions said may still be on its way to the peer. */
  async #trunksIdle(): Promise<void> {
    const trunks = [this.#trunkClient?.trunk ?? null, ...(this.#trunkServer?.trunks ?? [])];
    const busy = () => trunks.some((trunk) => trunk !== null && !trunk.ended && !trunk.idle);
    for (let waited = 0; waited < LAST_WORDS_MS && busy(); waited += 10) {
      await new Promise<void>((resolve) => this.#clock.after(10, resolve));
    }
  }

  /** Resets everything now. The transport is not closed: others may use it. */
  stop(): void {
    this.#closeListeners();
    const error = new PipeError('cancelled', 'proxy', 'the proxy was stopped');
    for (const session of [...this.#sessions]) session.abort(error);
    this.#trunkClient?.stop(error);
    this.#trunkServer?.stop(error);
  }

  dial(handlers: DialHandlers): Cancel {
    if (this.#trunkClient !== null) return this.#trunkClient.open(NO_LABEL, handlers);
    // The peer may be restarting, and the app can wait for it. A target that refuses is an answer. To be out of
    // descriptors is neither: others will close theirs.
    const retry = (error: PipeError) => this.mode === 'client' || error.code === 'descriptors';
    return dial(this.#options.dial, this.#dialOptions(retry), handlers);
  }

  #dialOptions(retry: (error: PipeError) => boolean): DialOptions {
    const { transport, connectTimeoutMs = 10_000, lookup } = this.#options;
    const options = { transport, clock: this.#clock, timeoutMs: connectTimeoutMs, retry };
    return lookup === undefined ? options : { ...options, lookup };
  }

  dialled(socket: IoPipe<'bytes'>): IoPipe {
    return this.#stack.dialled(socket);
  }

  onOpen(session: Session): void {
    if (this.#farTroubled) {
      this.#farTroubled = false;
      this.#options.log.info(`${formatEndpoint(this.#options.dial)} can be reached again`);
    }
    this.#logAbout(session).info(`open: ${this.#describe(session)}`);
  }

  onRetry(session: Session, error: PipeError): void {
    this.#logAbout(session).debug(`${error.message}; trying again`);
    if (this.#farTroubled) return;
    this.#farTroubled = true;
    this.#options.log.warn(`${error.message}; connections wait while it is tried again`);
  }

  onBug(session: Session, bug: unknown): void {
    const log = this.#logAbout(session);
    const stack = bug instanceof Error ? (bug.stack ?? String(bug)) : String(bug);
    for (const line of `a bug in tcp-proxy ended this connection: ${stack}`.split('\n')) log.error(line);
  }

  onClosed(session: Session, error: PipeError | null, side: 'near' | 'far' | null): void {
    this.#sessions.delete(session);
    this.totals.bytesForward += session.bytesForward;
    this.totals.bytesBackward += session.bytesBackward;
    if (session.to === null) this.totals.failed++;
    else if (error !== null) this.totals.broken++;
    this.#logClose(session, error, side);
    if (this.#atLimit && this.#sessions.size < this.#maxConnections) {
      this.#atLimit = false;
      for (const listener of this.#listeners) listener.resume();
    }
    if (this.#sessions.size === 0) for (const over of [...this.#onIdle]) over();
  }

  #listenOn(address: SocketAddress, transport: Transport): Promise<Listener> {
    const { log } = this.#options;
    const handlers = {
      onConnection: (socket: IoPipe<'bytes'>, peer: SocketAddress | null) => this.#onConnection(socket, peer),
      onTrouble: (error: PipeError | null) => {
        if (error === null) log.warn('accepting connections again');
        else log.error(`cannot accept connections for now: ${error.message}`);
      },
    };
    return transport.listen(address, handlers).catch((error: unknown) => {
      // A machine without IPv6 still has all its IPv4 addresses.
      const wildcard = address.family === 6 && address.host === '::';
      if (!wildcard || asPipeError(error, 'tcp').code !== 'address-invalid') throw error;
      return transport.listen({ family: 4, host: '0.0.0.0', port: address.port }, handlers);
    });
  }

  #onConnection(socket: IoPipe<'bytes'>, peer: SocketAddress | null): void {
    if (this.#trunkServer !== null) {
      this.#options.transport.tuneCarrier(socket);
      this.#trunkServer.accept(this.#stack.carrier(socket), peer);
    } else this.#begin(this.#stack.accepted(socket), peer);
  }

  #begin(near: IoPipe, from: SocketAddress | null): void {
    const id = this.#nextId++;
    this.totals.connections++;
    const session = new Session(id, near, from, this.#clock.now(), this);
    // It may have ended already: without a descriptor, for example.
    if (session.state !== 'closed') this.#sessions.add(session);
    if (this.#sessions.size >= this.#maxConnections && !this.#atLimit) {
      this.#atLimit = true;
      this.#options.log.warn(`at the limit of ${plural(this.#maxConnections, 'connection')}; new ones wait`);
      for (const listener of this.#listeners) listener.pause();
    }
  }

  #makeTrunkClient(): TrunkClient {
    const { dial: peer, carriers = 0, key = null, log, connectTimeoutMs = 10_000 } = this.#options;
    return new TrunkClient({
      peer,
      carriers,
      key,
      dialCarrier: (handlers) => this.#dialCarrier(handlers),
      clock: this.#clock,
      log,
      connectTimeoutMs,
    });
  }

  #dialCarrier(handlers: CarrierHandlers): Cancel {
    return dial(
      this.#options.dial,
      this.#dialOptions(() => false),
      {
        onReady: (socket, address) => {
          this.#options.transport.tuneCarrier(socket);
          handlers.onReady(this.#stack.carrier(socket), address);
        },
        onFailed: (error) => handlers.onFailed(error),
      },
    );
  }

  #makeTrunkServer(): TrunkServer {
    const { key = null, log } = this.#options;
    const onStream = (stream: IoPipe, from: SocketAddress | null) => this.#begin(stream, from);
    return new TrunkServer({ key, clock: this.#clock, log, onStream });
  }

  #closeListeners(): void {
    for (const listener of this.#listeners) listener.close();
    this.#listeners = [];
    this.#socketFile?.remove();
    this.#socketFile = null;
  }

  #logAbout(session: Session): Logger {
    return this.#options.log.about(`c${session.id}`);
  }

  #logClose(session: Session, error: PipeError | null, side: 'near' | 'far' | null): void {
    const log = this.#logAbout(session);
    const opened = session.to !== null;
    const age = formatDuration(this.#clock.now() - session.startedAt);
    if (!opened) {
      const reason = error?.message ?? 'closed';
      log.warn(
        `failed after ${age}: ${this.#describe(session)}: ${side === 'near' ? `the client gave up: ${reason}` : reason}`,
      );
      return;
    }
    const volume = `${formatBytes(session.bytesForward)} sent, ${formatBytes(session.bytesBackward)} received`;
    const stops = `congested ${session.congestionsForward}/${session.congestionsBackward} times`;
    const line = `closed after ${age}: ${this.#describe(session)}: ${volume}, ${stops}`;
    if (error === null) log.info(line);
    else log.info(`${line}; ${this.#blame(side)}${error.message}`);
  }

  /** `127.0.0.1:40000 -> 127.0.0.1:22`. */
  #describe(session: Session): string {
    // A TCP client has no address any more when it was gone before it was accepted.
    const nameless = this.#options.listen.path === undefined ? 'a client already gone' : 'unix client';
    const from = session.from === null ? nameless : formatAddress(session.from);
    return session.to === null ? from : `${from} -> ${formatAddress(session.to)}`;
  }

  #blame(side: 'near' | 'far' | null): string {
    if (side === null) return '';
    const names = { client: ['app', 'peer'], server: ['peer', 'target'], relay: ['client', 'target'] }[
      this.mode
    ];
    return `${side === 'near' ? names[0] : names[1]}: `;
  }
}

/** With port 0 asked for and several addresses, all get the port that the first one got. */
function withPort(address: SocketAddress, first: Listener | undefined): SocketAddress {
  if (first === undefined || address.family === 'unix' || first.address.family === 'unix') return address;
  return address.port === 0 ? { ...address, port: first.address.port } : address;
}
