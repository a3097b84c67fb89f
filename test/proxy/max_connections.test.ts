/** Goal: a striping server at its --max-connections refuses further streams, serves those it has, and new ones after them. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { silentLogger } from '../../src/core/log.ts';
import { openTransport } from '../../src/layer/tcp/backend.ts';
import { Capacity, type CapacityOptions } from '../../src/proxy/capacity.ts';
import { ProxyService } from '../../src/proxy/service.ts';
import { eventually } from '../helpers/settle.ts';

const HOST = '127.0.0.1';
const MOST = 2;
const CARRIERS = 2;

async function start(t: Test, mode: 'client' | 'server', port: number, limits: CapacityOptions = {}) {
  const service = new ProxyService({
    mode,
    listen: { host: HOST, port: 0 },
    dial: { host: HOST, port },
    transport: openTransport().transport,
    log: silentLogger,
    carriers: CARRIERS,
    ...limits,
  });
  await service.start();
  t.teardown(() => service.stop());
  return { service, port: (service.addresses[0] as { port: number }).port };
}

async function echo(socket: Socket, word: string): Promise<string> {
  socket.write(word);
  const [data] = (await once(socket, 'data')) as [Buffer];
  return data.toString();
}

/** app - client - server - target, which sends back what it gets. */
async function pair(t: Test, serverLimits: CapacityOptions, clientLimits: CapacityOptions = {}) {
  const target = createServer((socket) => void socket.on('error', () => {}).pipe(socket)).listen(0, HOST);
  t.teardown(() => target.close());
  await once(target, 'listening');
  const server = await start(t, 'server', (target.address() as AddressInfo).port, serverLimits);
  const client = await start(t, 'client', server.port, clientLimits);
  await eventually('all carriers', () => server.service.carriers.length === CARRIERS);
  const app = () => {
    const socket = connect(client.port, HOST);
    socket.on('error', () => {});
    t.teardown(() => socket.destroy());
    return socket;
  };
  return { server, client, app };
}

t.test('a stream takes one descriptor, another session two, and one is always served', async (t) => {
  const capacity = new Capacity({ descriptors: 5 });
  t.ok(capacity.hasRoom(2, 0, 100), 'the first');
  capacity.add(2);
  capacity.add(2);
  t.same([capacity.hasRoom(2), capacity.hasRoom(1), capacity.hasRoom(1, 0, 1)], [false, true, false]);
  t.equal(capacity.limit, 'limit of its descriptors, with 2 connections');
  capacity.remove(2);
  t.same([capacity.hasRoom(2), capacity.hasRoom(1, 1)], [true, true]);
  t.same([capacity.hasRoom(2, 1), capacity.hasRoom(1, 2)], [false, false], 'others may become sessions');
  const most = new Capacity({ maxConnections: 1 });
  most.add(1);
  t.notOk(most.hasRoom(1));
  t.equal(most.limit, 'limit of 1 connection');
});

t.test('descriptors are enough for as many apps on each side of a striped pair', async (t) => {
  const most = 5;
  const { server, client, app } = await pair(t, { descriptors: most + CARRIERS }, { descriptors: most });
  const served = Array.from({ length: most }, app);
  for (const socket of served) t.equal(await echo(socket, 'served'), 'served');
  t.same([server.service.sessions.size, client.service.sessions.size], [most, most]);
  const late = app();
  const answer = echo(late, 'late');
  served[0]?.destroy();
  t.equal(await answer, 'late', 'who does not fit waits in front of the client');
});

t.test('beyond --max-connections streams are reset, and nothing else is', async (t) => {
  const { server, app } = await pair(t, { maxConnections: MOST });
  const served = Array.from({ length: MOST }, app);
  for (const socket of served) t.equal(await echo(socket, 'served'), 'served');

  for (let i = 0; i < 3; i++) {
    const refused = app();
    refused.write('refused');
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    t.equal(error.code, 'ECONNRESET');
  }
  t.equal(server.service.sessions.size, MOST);
  for (const socket of served) t.equal(await echo(socket, 'still'), 'still');

  served[0]?.destroy();
  await eventually(
    'a place is free',
    () => server.service.sessions.size < MOST,
    () => [server.service.sessions.size],
  );
  t.equal(await echo(app(), 'next'), 'next');
});
