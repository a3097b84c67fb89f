/** Goal: what a service does apart from moving bytes: options, logs, stopping, and what others share with it. */
import t, { type Test } from 'tap';
import { type Logger, lineLogger } from '../../src/core/log.ts';
import { SlabPool } from '../../src/core/pool.ts';
import { openTransport } from '../../src/layer/tcp/backend.ts';
import type { Transport } from '../../src/layer/tcp/transport.ts';
import { PipeBase } from '../../src/pipe/base.ts';
import { memoryPair } from '../../src/pipe/memory.ts';
import { READY, WRITABLE } from '../../src/pipe/pipe.ts';
import { ProxyService, type ServiceOptions } from '../../src/proxy/service.ts';
import { stackFor } from '../../src/proxy/stack.ts';
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
class Faulty extends PipeBase<'bytes'> {
  readonly kind = 'bytes';
  readonly maxSend = Number.POSITIVE_INFINITY;
  readonly congestion = null;
  readonly broken = null;
  readonly readable = true;
  readonly finReceived = false;
  readonly finSent = false;
  readonly ready = true;
  readonly writable = true;
  recv(): null {
    throw new TypeError('a planted bug');
  }
  send(): void {}
  sendFin(): void {}
  discard(): void {
    this.silence();
  }
  wake(): void {
    this.raiseLater(READY | WRITABLE);
  }
}

/** Takes no connection in but those that the test makes up. */
class FakeTransport implements Pick<Transport, 'listen'> {
  accept: ((pipe: PipeBase<'bytes'>) => void) | null = null;
  readonly name = 'portable';
  readonly kernelPipes = null;
  connect(): PipeBase<'bytes'> {
    const pipe = new Faulty();
    pipe.wake();
    return pipe;
  }
  tuneCarrier(): void {}
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
