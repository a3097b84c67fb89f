/**
 * Goal: a trunk's carriers over simulated time: dialled, lost, dialled again, restarted servers, other servers in their
 * stead, apps that wait, and what the log says about it.
 */
import t from 'tap';
import { formatAddress, type SocketAddress } from '../../src/core/address.ts';
import { PipeError } from '../../src/core/errors.ts';
import { lineLogger } from '../../src/core/log.ts';
import { TrunkMemory } from '../../src/layer/trunk/memory.ts';
import { IoBridge } from '../../src/pipe/bridge.ts';
import { memoryPair } from '../../src/pipe/memory.ts';
import type { IoPipe } from '../../src/pipe/pipe.ts';
import { Paths } from '../../src/proxy/paths.ts';
import { stackFor } from '../../src/proxy/stack.ts';
import { TrunkClient } from '../../src/proxy/trunk_client.ts';
import { TrunkServer } from '../../src/proxy/trunk_server.ts';
import { SimClock } from '../helpers/sim_clock.ts';

const RTT_MS = 2;
const FROM: SocketAddress = { family: 4, host: '192.0.2.7', port: 40000 };
const address = (host: string): SocketAddress => ({ family: 4, host, port: 1 });

/** One or several machines, by address; what listens where can change at any time. */
class World {
  readonly clock = new SimClock();
  readonly lines: string[] = [];
  readonly serverLines: string[] = [];
  readonly dialled: string[] = [];
  readonly #servers = new Map<string, TrunkServer>();
  readonly #cables = new Map<IoBridge, string>();
  readonly client: TrunkClient;

  constructor(peers: string[], carriers: number, options: { graceMs?: number } = {}) {
    const { clock } = this;
    const endpoints = peers.map((host) => ({ host, port: 1 }));
    const log = (lines: string[]) => lineLogger('info', (line) => lines.push(line.replace(/^\S+ /, '')));
    this.client = new TrunkClient({
      memory: new TrunkMemory(),
      peers: endpoints,
      paths: new Paths(endpoints, []),
      graceMs: options.graceMs ?? 30_000,
      carriers,
      key: null,
      clock,
      log: log(this.lines),
      connectTimeoutMs: 10_000,
      carrier: (socket) => stackFor('client', true).carrier(socket),
      dialCarrier: ({ peer }, _avoid, handlers) =>
        clock.after(RTT_MS, () => {
          const to = address(peer.host as string);
          this.dialled.push(`${Math.floor(clock.now())} ${formatAddress(to)}`);
          const socket = this.#connect(formatAddress(to));
          if (socket === null) handlers.onFailed(new PipeError('refused', 'tcp', `nothing at ${peer.host}`));
          else handlers.onReady(socket, to);
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
    server.accept(far, FROM);
    return near;
  }

  /** A new process that listens at these addresses. */
  serve(...hosts: string[]): TrunkServer {
    const { clock, serverLines } = this;
    const server = new TrunkServer({
      memory: new TrunkMemory(),
      key: null,
      clock,
      log: lineLogger('info', (line) => serverLines.push(line.replace(/^\S+ /, ''))),
      graceMs: 30_000,
      striped: true,
      carrier: (socket) => stackFor('server', true).carrier(socket),
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

  /** How many connections lead where. */
  get ways(): Record<string, number> {
    const ways: Record<string, number> = {};
    for (const where of this.#cables.values()) ways[where] = (ways[where] ?? 0) + 1;
    return ways;
  }

  get up(): number {
    return this.client.trunk?.carriers.size ?? 0;
  }

  /** An app that comes now: what becomes of it. */
  app(): string[] {
    const events: string[] = [];
    this.client.open(Buffer.alloc(0), {
      onReady: (stream) => {
        events.push(`${Math.floor(this.clock.now())} ready`);
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

t.test('carriers come, over all addresses, and both sides say so once', async (t) => {
  const world = new World(['10.0.0.1', '10.0.0.2'], 4);
  world.serve('10.0.0.1', '10.0.0.2');
  world.client.start();
  await world.clock.advance(1000);
  t.same(world.ways, { '10.0.0.1:1': 2, '10.0.0.2:1': 2 });
  t.same(world.lines, ['info  striping to 10.0.0.1:1 or 10.0.0.2:1 over 4 connections']);
  t.same(world.serverLines, ['info  striping from 192.0.2.7 over 4 connections']);
  world.end();
  await world.clock.advance(60_000);
  t.equal(world.clock.pending, 0, 'no timer is left');
});

t.test('one is lost: it comes back at once, to the address that was its own', async (t) => {
  const world = new World(['10.0.0.1', '10.0.0.2'], 4);
  world.serve('10.0.0.1', '10.0.0.2');
  world.client.start();
  await world.clock.advance(5000);
  world.cut('10.0.0.2', 1);
  await world.clock.advance(5000);
  t.same(world.ways, { '10.0.0.1:1': 2, '10.0.0.2:1': 2 });
  t.match(
    world.lines[1],
    /^info {2}lost a connection to .* \(10\.0\.0\.2:1: connection reset\); 3 of 4 connections are up$/,
  );
  t.match(world.lines[2], /^info {2}4 of 4 connections to .* are up$/);
  t.match(world.serverLines[1], /^info {2}lost a connection from 192\.0\.2\.7 \(.*\); 3 connections are up$/);
  t.equal(world.lines.length, 3);
  world.end();
});

t.test('all are lost and come back within the grace period: the app notices nothing', async (t) => {
  const world = new World(['10.0.0.1'], 3);
  const server = world.serve('10.0.0.1');
  world.client.start();
  await world.clock.advance(5000);
  const app = world.app();
  const trunk = world.client.trunk;
  world.close('10.0.0.1');
  world.cut();
  await world.clock.advance(10_000);
  t.match(
    world.lines.join('\n'),
    /warn {2}lost all connections to 10\.0\.0\.1:1 \(3 x connection reset\); 1 app connection waits up to 30\.0s/,
  );
  t.match(world.lines.join('\n'), /warn {2}nothing at 10\.0\.0\.1; connections wait while it is tried again/);
  const before = world.clock.now();
  const late = world.app();
  const hurried = world.app();
  await world.clock.advance(8000);
  t.same(late, [], 'it waits');
  await world.clock.advance(500);
  world.listen(server, '10.0.0.1');
  await world.clock.advance(1100);
  t.equal(world.client.trunk, trunk, 'the trunk is the same');
  t.equal(world.up, 3);
  t.same(app, ['5000 ready'], 'and so is the connection of the app');
  t.match(late[0], / ready$/);
  t.equal(hurried.length, 1);
  t.ok(Number.parseInt(late[0] as string, 10) <= before + 10_000);
  t.match(world.lines.join('\n'), /10\.0\.0\.1:1 can be reached again/);
  t.match(
    world.lines.join('\n'),
    /info {2}again connected to 10\.0\.0\.1:1 after 1[89]\.\ds: \d of 3 connections .*up, and \d app connections go on/,
  );
  world.end();
});

t.test('nobody comes back: new apps wait for --connect-timeout, old ones for the grace period', async (t) => {
  const world = new World(['10.0.0.1'], 3, { graceMs: 12_000 });
  const server = world.serve('10.0.0.1');
  world.client.start();
  await world.clock.advance(5000);
  const app = world.app();
  world.kill(server);
  await world.clock.advance(1);
  const late = world.app();
  await world.clock.advance(60_000);
  t.match(app[1], /^170\d\d all its connections were lost, and none came back in time$/);
  t.same(late, ['15001 nothing at 10.0.0.1; gave up after 10.0s']);
  t.match(
    world.lines.join('\n'),
    /warn {2}the striped connection to 10\.0\.0\.1:1 is over: all its connections/,
  );
  t.equal(world.client.trunk, null);
  world.end();
});

t.test('a restart: streams are reset at once, and new connections work', async (t) => {
  const world = new World(['10.0.0.1'], 4);
  const server = world.serve('10.0.0.1');
  world.client.start();
  await world.clock.advance(5000);
  const app = world.app();
  world.kill(server);
  await world.clock.advance(20);
  world.serve('10.0.0.1');
  await world.clock.advance(200);
  t.match(app[1], / the peer was restarted$/);
  await world.clock.advance(1500);
  t.equal(world.up, 4);
  t.match(
    world.lines.join('\n'),
    /warn {2}the striped connection to 10\.0\.0\.1:1 is over: the peer was restarted/,
  );
  t.match(world.app()[0], /ready$/);
  world.end();
});

t.test('a second process behind another address: not used, and said once', async (t) => {
  const world = new World(['10.0.0.1', '10.0.0.2'], 4);
  world.serve('10.0.0.1');
  world.serve('10.0.0.2');
  world.client.start();
  await world.clock.advance(30_000);
  t.same(world.ways, { '10.0.0.1:1': 4 }, 'all carriers lead to one process');
  const warned = world.lines.filter((line) => line.includes('leads to another tcp-proxy -s'));
  t.equal(warned.length, 1, world.lines.join('\n'));
  t.match(warned[0], /warn {2}10\.0\.0\.2:1 leads to another tcp-proxy -s .*have to lead to the same one/);
  world.end();
});

t.test(
  'the second process takes over: at once from a trunk without streams, else after the grace period',
  async (t) => {
    for (const busy of [false, true]) {
      const world = new World(['10.0.0.1', '10.0.0.2'], 4);
      const first = world.serve('10.0.0.1');
      world.serve('10.0.0.2');
      world.client.start();
      await world.clock.advance(5000);
      const app = busy ? world.app() : [];
      world.kill(first);
      await world.clock.advance(20_000);
      t.same(Object.keys(world.ways), busy ? [] : ['10.0.0.2:1']);
      if (busy) t.equal(app.length, 1, 'its own process may come back');
      await world.clock.advance(20_000);
      // Some slots go on asking at the first.
      t.same(Object.keys(world.ways), ['10.0.0.2:1']);
      if (busy) t.match(app[1], /^350\d\d all its connections were lost/);
      t.match(world.app()[0], /ready$/);
      world.end();
    }
  },
);

t.test('the first address is dead from the start: one carrier finds the second', async (t) => {
  const world = new World(['10.0.0.1', '10.0.0.2'], 1);
  world.serve('10.0.0.2');
  world.client.start();
  await world.clock.advance(1000);
  t.same(world.ways, { '10.0.0.2:1': 1 });
  world.end();
});

t.test('an address that accepts and says nothing keeps nobody from a good one', async (t) => {
  const world = new World(['10.0.0.1', '10.0.0.2'], 4);
  const silent = { accept() {}, stop() {} } as unknown as TrunkServer;
  world.listen(silent, '10.0.0.1');
  world.serve('10.0.0.2');
  world.client.start();
  await world.clock.advance(600);
  t.equal(world.up, 2);
  world.end();
});

t.test('pauses grow to five seconds, and an app that waits shortens them to one', async (t) => {
  const world = new World(['10.0.0.1'], 1);
  world.client.start();
  await world.clock.advance(60_000);
  const times = () => world.dialled.map((line) => Number.parseInt(line, 10));
  const gaps = times().map((at, i) => at - (times()[i - 1] ?? 0));
  t.ok(
    gaps.slice(8).every((gap) => gap >= 2500 && gap <= 5010),
    gaps.join(' '),
  );
  t.ok(new Set(gaps.slice(8)).size > 1, 'jittered');
  await world.clock.advance(1100);
  const count = world.dialled.length;
  const app = world.app();
  await world.clock.advance(RTT_MS);
  t.ok(world.dialled.length <= count + 1);
  await world.clock.advance(12_000);
  t.match(app[0], /nothing at 10\.0\.0\.1; gave up after 10\.0s/);
  t.equal(world.lines.length, 1, 'a peer that is not there is said once');
  world.end();
  t.equal(world.clock.pending, 0);
});

t.test('a network that flaps does not fill the log', async (t) => {
  const world = new World(['10.0.0.1'], 64);
  world.serve('10.0.0.1');
  world.client.start();
  await world.clock.advance(2000);
  for (let i = 0; i < 400; i++) {
    world.cut(null, 7);
    await world.clock.advance(50);
  }
  t.ok(world.lines.length <= 1 + 23, `${world.lines.length} lines in 20 s`);
  t.ok(world.serverLines.length <= 1 + 23, `${world.serverLines.length} lines of the server`);
  t.match(
    world.lines[2],
    /^info {2}lost \d+ connections to 10\.0\.0\.1:1 \(\d+ x connection reset\); \d+ of 64 connections are up$/,
  );
  world.end();
});
