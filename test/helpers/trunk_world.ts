/**
 * TrunkWorld: a trunk's client and its servers over simulated time and memory pipes.
 */

import { formatAddress, type SocketAddress } from '../../src/core/address.ts';
import { PipeError } from '../../src/core/errors.ts';
import { lineLogger } from '../../src/core/log.ts';
import { defaultPool } from '../../src/core/pool.ts';
import { TrunkMemory } from '../../src/layer/trunk/memory.ts';
import { IoBridge } from '../../src/pipe/bridge.ts';
import { memoryPair } from '../../src/pipe/memory.ts';
import { type IoPipe, READABLE, WRITABLE } from '../../src/pipe/pipe.ts';
import { Paths } from '../../src/proxy/paths.ts';
import { stackFor } from '../../src/proxy/stack.ts';
import { TrunkClient } from '../../src/proxy/trunk_client.ts';
import { TrunkServer } from '../../src/proxy/trunk_server.ts';
import { SimClock } from './sim_clock.ts';

export const RTT_MS = 2;
export const FROM: SocketAddress = { family: 4, host: '192.0.2.7', port: 40000 };
export const address = (host: string): SocketAddress => ({ family: 4, host, port: 1 });

/** One or several machines, by address; what listens where can change at any time. */
export class TrunkWorld {
  readonly clock = new SimClock();
  readonly lines: string[] = [];
  readonly serverLines: string[] = [];
  readonly dialled: string[] = [];
  readonly #servers = new Map<string, TrunkServer>();
  readonly #cables = new Map<IoBridge, string>();
  readonly #ends = new WeakMap<IoBridge, [IoPipe<'bytes'>, IoPipe<'bytes'>]>();
  readonly client: TrunkClient;

  constructor(peers: string[], carriers: number | 'auto', options: { graceMs?: number; key?: Buffer } = {}) {
    const { clock } = this;
    const endpoints = peers.map((host) => ({ host, port: 1 }));
    const log = (lines: string[]) => lineLogger('info', (line) => lines.push(line.replace(/^\S+ /, '')));
    this.client = new TrunkClient({
      memory: new TrunkMemory(),
      peers: endpoints,
      paths: new Paths(endpoints, []),
      graceMs: options.graceMs ?? 30_000,
      carriers,
      key: options.key ?? null,
      clock,
      log: log(this.lines),
      connectTimeoutMs: 10_000,
      carrier: ({ pipe }) => stackFor('client', true).carrier(pipe),
      dialCarrier: ({ peer }, _avoid, handlers) =>
        clock.after(RTT_MS, () => {
          const to = address(peer.host as string);
          this.dialled.push(`${Math.floor(clock.now())} ${formatAddress(to)}`);
          const socket = this.#connect(formatAddress(to));
          if (socket === null) handlers.onFailed(new PipeError('refused', 'tcp', `nothing at ${peer.host}`));
          else handlers.onReady({ socket, pipe: socket, secret: null }, to);
        }),
    });
  }

  #connect(where: string): IoPipe<'bytes'> | null {
    const server = this.#servers.get(where);
    if (server === undefined) return null;
    const [near, a] = memoryPair('bytes');
    const [b, far] = memoryPair('bytes');
    const cable = new IoBridge(a, b, { kernelPipes: null, onEnd: () => void this.#cables.delete(cable) });
    this.#cables.set(cable, where);
    this.#ends.set(cable, [a, b]);
    server.accept(far, FROM);
    return near;
  }

  /** A new process that listens at these addresses. */
  serve(...hosts: string[]): TrunkServer {
    return this.serveWith(null, ...hosts);
  }

  /** One that takes clients with this key only. */
  serveWith(key: Buffer | null, ...hosts: string[]): TrunkServer {
    const { clock, serverLines } = this;
    const server = new TrunkServer({
      memory: new TrunkMemory(),
      key,
      encryption: null,
      clock,
      log: lineLogger('info', (line) => serverLines.push(line.replace(/^\S+ /, ''))),
      graceMs: 30_000,
      striped: true,
      nameless: 'a client already gone',
      carrier: ({ pipe }) => stackFor('server', true).carrier(pipe),
      onClassic: null,
      onKnown() {},
      onStream() {},
    });
    this.listen(server, ...hosts);
    return server;
  }

  listen(server: TrunkServer, ...hosts: string[]): void {
    for (const host of hosts) this.#servers.set(formatAddress(address(host)), server);
  }

  /** Something else listens there, and says so much. */
  pretend(host: string, words: string): void {
    const accept = (socket: IoPipe<'bytes'>) => {
      if (words !== '') socket.send(defaultPool.copy(Buffer.from(words)));
    };
    this.listen({ accept, stop() {} } as unknown as TrunkServer, host);
  }

  /** As kill -9 does it. */
  kill(server: TrunkServer): void {
    for (const [where, one] of [...this.#servers]) {
      if (one !== server) continue;
      this.#servers.delete(where);
      for (const [cable, to] of [...this.#cables])
        if (to === where) cable.abort(new PipeError('reset', 'tcp'));
    }
    server.stop(new PipeError('cancelled', 'test'));
  }

  /** Nothing listens there any more; connections stay. */
  close(host: string): void {
    this.#servers.delete(formatAddress(address(host)));
  }

  /** Breaks the connections to an address, or all, or only so many. */
  cut(host: string | null = null, most = 99): void {
    const hit = [...this.#cables].filter(
      ([, where]) => host === null || where === formatAddress(address(host)),
    );
    for (const [cable] of hit.slice(0, most)) cable.abort(new PipeError('reset', 'tcp'));
  }

  /** Those to an address, or all, or only so many, carry nothing any more. @returns lets them go on */
  hold(host: string | null = null, most = 99): () => void {
    const held = [...this.#cables]
      .filter(([, where]) => host === null || where === formatAddress(address(host)))
      .slice(0, most)
      .flatMap(([cable]) => this.#ends.get(cable) ?? [])
      .map((end) => ({ end, onActivity: end.onActivity }));
    for (const { end } of held) end.onActivity = () => {};
    return () => {
      for (const { end, onActivity } of held) {
        end.onActivity = onActivity;
        onActivity?.(READABLE | WRITABLE);
      }
    };
  }

  /** How many connections lead where. */
  get ways(): Record<string, number> {
    const ways: Record<string, number> = {};
    for (const where of this.#cables.values()) ways[where] = (ways[where] ?? 0) + 1;
    return ways;
  }

  get up(): number {
    return this.client.trunk?.carriers.size ?? 0;
  }

  /** An app that comes now, and says so much as soon as it can: what becomes of it. */
  app(words = ''): string[] {
    const events: string[] = [];
    this.client.open(() => Buffer.alloc(0), {
      onReady: (stream) => {
        events.push(`${Math.floor(this.clock.now())} ready`);
        if (words !== '') stream.send(defaultPool.copy(Buffer.from(words)));
        stream.onActivity = () => {
          if (stream.broken !== null) events.push(`${Math.floor(this.clock.now())} ${stream.broken.message}`);
        };
      },
      onFailed: (error) => void events.push(`${Math.floor(this.clock.now())} ${error.message}`),
    });
    return events;
  }

  end(): void {
    this.client.stop(new PipeError('cancelled', 'test'));
    for (const server of new Set(this.#servers.values())) server.stop(new PipeError('cancelled', 'test'));
  }
}
