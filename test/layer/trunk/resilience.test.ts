/** Goal: what is under way survives the loss of carriers over real sockets, and a restart of the server ends it at once. */
import { createHash } from 'node:crypto';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { silentLogger } from '../../../src/core/log.ts';
import { openTransport } from '../../../src/layer/tcp/backend.ts';
import { ProxyService } from '../../../src/proxy/service.ts';
import { Random, SEED } from '../../helpers/random.ts';
import { eventually } from '../../helpers/settle.ts';

const HOST = '127.0.0.1';

const portOf = (server: Server) => (server.address() as AddressInfo).port;

async function listen(t: Test, onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return portOf(server);
}

async function service(
  t: Test,
  mode: 'client' | 'server',
  dialPort: number,
): Promise<[ProxyService, number]> {
  const made = new ProxyService({
    mode,
    listen: { host: HOST, port: 0 },
    dial: { host: HOST, port: dialPort },
    transport: openTransport().transport,
    log: silentLogger,
    carriers: 3,
    key: Buffer.alloc(32, 'key'),
    // Longer than any test: what ends, ends by something else.
    graceMs: 3_600_000,
  });
  await made.start();
  t.teardown(() => made.stop());
  return [made, (made.addresses[0] as { port: number }).port];
}

/** app - client - network that can be cut - server - target, which sends back what it gets. */
async function world(t: Test) {
  const target = await listen(t, (socket) => void socket.pipe(socket));
  let [server, serverPort] = await service(t, 'server', target);
  const carriers = new Set<[Socket, Socket]>();
  const network = await listen(t, (near) => {
    const far = connect(serverPort, HOST);
    const both: [Socket, Socket] = [near, far];
    carriers.add(both);
    near.pipe(far).pipe(near);
    for (const socket of both) {
      socket.on('error', () => {});
      socket.on('close', () => {
        carriers.delete(both);
        near.destroy();
        far.destroy();
      });
    }
  });
  const cut = (most: number) => {
    for (const both of [...carriers].slice(0, most)) for (const socket of both) socket.resetAndDestroy();
  };
  const [client, port] = await service(t, 'client', network);
  const app = () => {
    const socket = connect({ port, host: HOST, allowHalfOpen: true });
    t.teardown(() => socket.destroy());
    return socket;
  };
  await eventually('three carriers', () => carriers.size === 3);
  return {
    client,
    carriers,
    cut,
    app,
    async restart() {
      server.stop();
      [server, serverPort] = await service(t, 'server', target);
    },
  };
}

const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Sends and gets back; `at` runs once when so many bytes have come. */
async function echo(
  socket: Socket,
  bytes: Buffer,
  at: readonly (readonly [number, () => void])[] = [],
): Promise<string> {
  const due = [...at];
  const parts: Buffer[] = [];
  let count = 0;
  socket.end(bytes);
  for await (const part of socket as AsyncIterable<Buffer>) {
    parts.push(part);
    count += part.length;
    if (due[0] !== undefined && count >= due[0][0]) due.shift()?.[1]();
  }
  return hash(Buffer.concat(parts));
}

for (const [name, most] of [
  ['one carrier', 1],
  ['all carriers', 99],
] as const) {
  t.test(`${name} reset in the middle of a transfer, three times`, async (t) => {
    const { cut, app } = await world(t);
    const bytes = new Random(SEED).bytes(24 << 20);
    const cuts = [2, 8, 16].map((mib) => [mib << 20, () => cut(most)] as const);
    t.equal(await echo(app(), bytes, cuts), hash(bytes), 'every byte came back, once');
  });
}

t.test('a restarted server: streams are reset at once, and a new trunk works', async (t) => {
  const { restart, app } = await world(t);
  const old = app();
  const ended = new Promise<string>((resolve) => {
    old.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    old.on('end', () => resolve('end'));
  });
  const first = new Promise<void>((resolve) => old.once('data', () => resolve()));
  old.write('hello');
  await first;
  await restart();
  t.equal(await ended, 'ECONNRESET');
  const bytes = new Random(SEED).bytes(1 << 20);
  t.equal(await echo(app(), bytes), hash(bytes));
});
