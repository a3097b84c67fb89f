/** Goal: what a service does apart from moving bytes: options, logs, stopping, and what others share with it. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { type Logger, lineLogger } from '../../src/core/log.ts';
import { SlabPool } from '../../src/core/pool.ts';
import { openTransport } from '../../src/layer/tcp/backend.ts';
import type { Transport } from '../../src/layer/tcp/transport.ts';
import type { PipeBase } from '../../src/pipe/base.ts';
import { memoryPair } from '../../src/pipe/memory.ts';
import { READY, WRITABLE } from '../../src/pipe/pipe.ts';
import { ProxyService } from '../../src/proxy/service.ts';
import type { ServiceOptions } from '../../src/proxy/service_options.ts';
import { stackFor } from '../../src/proxy/stack.ts';
import { OpenPipe } from '../helpers/open_pipe.ts';
import { eventually } from '../helpers/settle.ts';

const ANYWHERE = { host: '127.0.0.1', port: 0 };

interface Logged {
  readonly lines: string[];
  readonly log: Logger;
}

function logged(): Logged {
  const lines: string[] = [];
  return { lines, log: lineLogger('debug', (line) => lines.push(line.replace(/^\S+ /, ''))) };
}

function service(t: Test, part: Partial<ServiceOptions>): ProxyService {
  const made = new ProxyService({
    mode: 'relay',
    listen: ANYWHERE,
    dial: { host: '127.0.0.1', port: 1 },
    transport: openTransport().transport,
    log: logged().log,
    ...part,
  });
  t.teardown(() => made.stop());
  return made;
}

/** Throws as soon as it is read. */
class Faulty extends OpenPipe<'bytes'> {
  readonly kind = 'bytes';
  override get readable(): boolean {
    return true;
  }
  override recv(): null {
    throw new TypeError('a planted bug');
  }
  wake(): void {
    this.raiseLater(READY | WRITABLE);
  }
}

/** Takes no connection in but those that the test makes up. */
class FakeTransport implements Transport {
  localAddress(): null {
    return null;
  }
  accept: ((pipe: PipeBase<'bytes'>) => void) | null = null;
  readonly name = 'portable';
  readonly kernelPipes = null;
  connect(): PipeBase<'bytes'> {
    const pipe = new Faulty();
    pipe.wake();
    return pipe;
  }
  tuneCarrier(): void {}
  tuneJoined(): void {}
  tuneApp(): void {}
  localEndProblem(): null {
    return null;
  }
  congestionProblem(): null {
    return null;
  }
  /** What is counted where. */
  readonly into: [PipeBase<'bytes'>, SlabPool][] = [];
  readInto(pipe: PipeBase<'bytes'>, pool: SlabPool): void {
    this.into.push([pipe, pool]);
  }
  close(): void {}
  async listen(...[address, handlers]: Parameters<Transport['listen']>): ReturnType<Transport['listen']> {
    this.accept = (pipe) => handlers.onConnection(pipe, null);
    return { address, pause() {}, resume() {}, close() {} };
  }
}

t.test('a bug in a layer is an error in the log, with its stack', async (t) => {
  const { lines, log } = logged();
  const transport = new FakeTransport();
  const made = service(t, { transport, log });
  await made.start();
  transport.accept?.(new Faulty());
  await eventually(
    'the end',
    () => lines.some((line) => line.includes('closed after')),
    () => lines,
  );
  const errors = lines.filter((line) => line.startsWith('error'));
  t.match(errors[0], /^error c1 a bug in tcp-proxy ended this connection: TypeError: a planted bug$/);
  t.match(errors[1], /^error c1 +at .*recv/);
  t.equal(made.sessions.size, 0);
  t.equal(made.totals.broken, 1);
});

t.test('what an app sends is counted as --memory where it is striped, and nowhere else', async (t) => {
  for (const carriers of [0, 1]) {
    const transport = new FakeTransport();
    const made = service(t, { mode: 'client', carriers, transport });
    await made.start();
    const [app] = memoryPair('bytes');
    transport.accept?.(app);
    const pools = transport.into.filter(([pipe]) => pipe === app).map(([, pool]) => pool);
    t.same(pools, carriers === 0 ? [] : [made.memory.sendPool], `-n ${carriers}`);
    made.stop();
  }
});

t.test('options that are not possible are refused at once, and not with the first connection', async (t) => {
  for (const maxMessageBytes of [0, 1.5, 2 ** 32, Number.NaN]) {
    for (const mode of ['client', 'server', 'relay'] as const)
      t.throws(
        () => service(t, { mode, maxMessageBytes }),
        /maxMessageBytes is .*; it must be a whole number/,
      );
  }
});

t.test('carriers take what carriers send, however little an app connection may', async (t) => {
  const [a, b] = memoryPair('bytes');
  const sender = stackFor('client', true, { maxMessageBytes: 65_536 }).carrier(a);
  const receiver = stackFor('server', true, { maxMessageBytes: 65_536 }).carrier(b);
  sender.send(new SlabPool().take(sender.maxSend));
  await eventually('the message', () => receiver.readable);
  const message = receiver.recv();
  t.equal(message?.length, sender.maxSend);
  message?.release();
  for (const pipe of [sender, receiver]) pipe.discard();
});

/** A connection through a service: both ends of it. */
async function through(made: ProxyService, target: Server): Promise<[Socket, Socket]> {
  const { port } = made.addresses[0] as { port: number };
  const app = connect(port, '127.0.0.1');
  const [far] = (await once(target, 'connection')) as [Socket];
  for (const socket of [app, far]) socket.on('error', () => {});
  return [app, far];
}

async function listening(t: Test): Promise<{ target: Server; dial: { host: string; port: number } }> {
  const target = createServer().listen(0, '127.0.0.1');
  await once(target, 'listening');
  t.teardown(() => target.close());
  return { target, dial: { host: '127.0.0.1', port: (target.address() as AddressInfo).port } };
}

t.test('a service that stops leaves the transport to the others', async (t) => {
  const { transport } = openTransport();
  const { target, dial } = await listening(t);
  const first = service(t, { transport, dial });
  const second = service(t, { transport, dial });
  await first.start();
  await second.start();
  first.stop();
  const [app, far] = await through(second, target);
  const pipe = transport.kernelPipes?.acquire() ?? null;
  t.equal(pipe !== null, transport.name === 'native', 'splicing goes on');
  if (pipe !== null) transport.kernelPipes?.release(pipe);
  transport.close();
  t.equal(transport.kernelPipes?.acquire() ?? null, null);
  app.end('x');
  t.equal(String((await once(far, 'data'))[0]), 'x', 'a closed transport still moves bytes');
  far.destroy();
  app.destroy();
});

t.test('draining twice: both hear of the end', async (t) => {
  const { target, dial } = await listening(t);
  const made = service(t, { dial });
  await made.start();
  const [app, far] = await through(made, target);
  await eventually('the session', () => made.sessions.size === 1);
  const drains = [made.drain(100_000), made.drain(100_000)];
  far.destroy();
  app.destroy();
  t.same(await Promise.all(drains), [0, 0]);
});

t.test('a server that drains takes no new streams, and finishes those that it has', async (t) => {
  const { target, dial } = await listening(t);
  const { lines, log } = logged();
  const server = service(t, { mode: 'server', dial, log });
  await server.start();
  const { port } = server.addresses[0] as { port: number };
  const client = service(t, { mode: 'client', carriers: 2, dial: { host: '127.0.0.1', port } });
  await client.start();
  const [app, far] = await through(client, target);
  await eventually('the session', () => server.sessions.size === 1);
  const drained = server.drain(100_000);
  const late = connect((client.addresses[0] as { port: number }).port, '127.0.0.1');
  await t.rejects(once(late, 'data'), { code: 'ECONNRESET' });
  app.end('x');
  t.equal(String((await once(far, 'data'))[0]), 'x');
  far.end('y');
  t.equal(String((await once(app, 'data'))[0]), 'y');
  t.equal(await drained, 0);
  t.equal(server.totals.connections, 1);
  await eventually(
    'the client hears of it',
    () => client.carriers.every(({ carrier }) => carrier === null),
    () => lines,
  );
  for (const { memory } of [client, server]) t.equal(memory.out, 0);
});

t.test('draining again with less patience ends the first, too', async (t) => {
  const { target, dial } = await listening(t);
  const made = service(t, { dial });
  await made.start();
  const [app, far] = await through(made, target);
  await eventually('the session', () => made.sessions.size === 1);
  const first = made.drain(100_000);
  t.equal(await made.drain(1), 1, 'one had to be reset');
  t.equal(await first, 0);
  far.destroy();
  app.destroy();
});

t.test('an address that leads back to the service', async (t) => {
  const { target, dial } = await listening(t);
  target.close();
  await once(target, 'close');
  const { port } = dial;
  for (const [listen, host] of [
    ['127.0.0.1', '127.0.0.1'],
    ['0.0.0.0', 'localhost'],
    ['', ''],
    ['localhost', '::ffff:127.0.0.1'],
  ] as const) {
    const made = service(t, { listen: { host: listen, port }, dial: { host, port } });
    await t.rejects(made.start(), { code: 'loop', message: /itself listens/ }, `${listen} and ${host}`);
    t.same(made.addresses, [], 'it has let go of its port');
  }
});

for (const carriers of [0, 1]) {
  t.test(`a name that comes to lead back to a client, -n ${carriers}`, async (t) => {
    const { lines, log } = logged();
    // A port that is free, as far as can be known.
    const { target, dial } = await listening(t);
    target.close();
    await once(target, 'close');
    const { port } = dial;
    const made = service(t, {
      mode: 'client',
      log,
      carriers,
      connectTimeoutMs: 300,
      listen: { host: '0.0.0.0', port },
      dial: { host: 'me.example', port },
      lookup: async (_host, family) => (family === 4 ? ['127.0.0.1'] : []),
    });
    await made.start();
    await new Promise((closed) => {
      connect(port, '127.0.0.1')
        .on('error', () => {})
        .on('close', closed);
    });
    const said = () =>
      lines.find((line) => /warn {2}c1 failed after .*me\.example.*itself listens/.test(line));
    await eventually(
      'the reason',
      () => said() !== undefined,
      () => lines,
    );
    t.equal(made.totals.connections, 1, 'and it did not dial itself');
  });
}
