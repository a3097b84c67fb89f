/** Goal: a striping server at its --max-connections refuses further streams, serves those it has, and new ones after them. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { silentLogger } from '../../src/core/log.ts';
import { openTransport } from '../../src/layer/tcp/backend.ts';
import { ProxyService } from '../../src/proxy/service.ts';
import { eventually } from '../helpers/settle.ts';

const HOST = '127.0.0.1';
const MOST = 2;

async function start(t: Test, mode: 'client' | 'server', port: number, maxConnections?: number) {
  const service = new ProxyService({
    mode,
    listen: { host: HOST, port: 0 },
    dial: { host: HOST, port },
    transport: openTransport().transport,
    log: silentLogger,
    carriers: 2,
    ...(maxConnections === undefined ? {} : { maxConnections }),
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

t.test('beyond --max-connections streams are reset, and nothing else is', async (t) => {
  const target = createServer((socket) => void socket.on('error', () => {}).pipe(socket)).listen(0, HOST);
  t.teardown(() => target.close());
  await once(target, 'listening');
  const server = await start(t, 'server', (target.address() as AddressInfo).port, MOST);
  const client = await start(t, 'client', server.port);
  const app = () => {
    const socket = connect(client.port, HOST);
    t.teardown(() => socket.destroy());
    return socket;
  };
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
