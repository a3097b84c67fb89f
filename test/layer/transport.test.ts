/** Goal: both backends listen, connect and fail alike, and say why; and what only the native one has, works. */
import { existsSync, rmSync } from 'node:fs';
import t, { type Test } from 'tap';
import type { SocketAddress } from '../../src/core/address.ts';
import { PipeError } from '../../src/core/errors.ts';
import { SlabPool } from '../../src/core/pool.ts';
import type { Listener, Transport } from '../../src/layer/tcp/transport.ts';
import { IoBridge } from '../../src/pipe/bridge.ts';
import { CheckedPipe } from '../../src/pipe/checked.ts';
import { PipeEnd } from '../helpers/pipe_end.ts';
import { eventually, openDescriptors, passes } from '../helpers/settle.ts';
import {
  type BytesPipe,
  nativeTransport,
  socketPair,
  TRANSPORTS,
  unixAddress,
  V4,
  V6,
} from '../helpers/transports.ts';

interface Accepted {
  readonly pipe: BytesPipe;
  readonly peer: SocketAddress | null;
}

/** Listens and remembers who came. */
async function listen(
  transport: Transport,
  where: SocketAddress,
): Promise<{ listener: Listener; accepted: Accepted[] }> {
  const accepted: Accepted[] = [];
  const listener = await transport.listen(where, {
    onConnection: (pipe, peer) => void accepted.push({ pipe, peer }),
    onTrouble() {},
  });
  return { listener, accepted };
}

const CASES: Record<string, (t: Test, transport: Transport, pool: SlabPool) => Promise<void>> = {
  'connecting: not ready, then ready, with one event': async (t, transport, pool) => {
    const { listener, accepted } = await listen(transport, V4);
    const raw = transport.connect(listener.address);
    const end = new PipeEnd(new CheckedPipe(raw), pool);
    t.same([raw.ready, raw.readable, raw.writable], [false, false, false]);
    const chunk = pool.copy(Buffer.from('x'));
    t.throws(() => raw.send(chunk), /not writable/);
    t.throws(() => raw.sendFin(), /before ready/);
    await end.until('ready', () => raw.ready);
    t.same(end.events, [1 | 8]);
    t.equal(raw.writable, true);
    end.pipe.send(chunk);
    await eventually('accepted', () => accepted.length > 0);
    const other = new PipeEnd((accepted[0] as Accepted).pipe, pool);
    await other.recvBytes(1);
    await end.fin();
    t.equal(await other.recvToEnd(), 'fin', 'the refused sendFin() did not count');
    listener.close();
    raw.discard();
    other.pipe.discard();
  },
  'a server that speaks first and closes at once': async (t, transport, pool) => {
    const listener = await transport.listen(V4, {
      onConnection(pipe) {
        pipe.send(pool.copy(Buffer.from('220 hello')));
        pipe.sendFin();
        const end = new PipeEnd(pipe, pool);
        void end.recvToEnd().then(() => pipe.discard());
      },
      onTrouble() {},
    });
    for (let i = 0; i < 20; i++) {
      const pipe = transport.connect(listener.address);
      const end = new PipeEnd(new CheckedPipe(pipe), pool);
      if (i % 2 === 0) await passes(i);
      t.equal(await end.recvToEnd(), 'fin');
      t.equal(end.bytes.toString(), '220 hello');
      pipe.discard();
    }
    listener.close();
  },
  'nobody listens: refused, in words, by one event': async (t, transport, pool) => {
    const { listener } = await listen(transport, V4);
    listener.close();
    await passes(2);
    for (const address of [listener.address, unixAddress()]) {
      const end = new PipeEnd(new CheckedPipe(transport.connect(address)), pool);
      const error = await end.untilBroken();
      t.equal(error.code, 'refused');
      t.match(error.message, /nothing listens/);
      t.same(
        [end.pipe.ready, end.pipe.readable, end.pipe.writable, end.pipe.recv()],
        [false, false, false, null],
      );
      await passes(3);
      t.same(end.events, [2]);
      end.pipe.sendFin();
      end.pipe.discard();
    }
  },
  'discarded while connecting, with and without an error': async (t, transport, pool) => {
    const { listener, accepted } = await listen(transport, V4);
    for (const error of [undefined, new PipeError('cancelled', 'test')]) {
      const end = new PipeEnd(new CheckedPipe(transport.connect(listener.address)), pool);
      end.pipe.discard(error);
      await passes(10);
      t.same(end.events, []);
      t.equal(end.pipe.ready, false);
    }
    listener.close();
    for (const { pipe } of accepted) {
      await new PipeEnd(pipe, pool).recvToEnd();
      pipe.discard();
    }
  },
  'given up while connecting: who accepted it sees a reset and no end': async (t, transport, pool) => {
    const { listener, accepted } = await listen(transport, V4);
    let made = 0;
    // From a connect that has not been made to one that this end is just being told of.
    for (let round = 0; round < 40; round++) {
      const pipe = transport.connect(listener.address);
      for (let tick = 0; tick < round % 4; tick++) await new Promise<void>((done) => process.nextTick(done));
      if (round % 8 >= 4) await Promise.resolve();
      if (!pipe.ready) made++;
      pipe.discard(new PipeError('cancelled', 'test'));
      await passes(3);
    }
    t.equal(made, 40, 'none was ready');
    await eventually('most have been accepted', () => accepted.length >= 20);
    for (const { pipe } of accepted) {
      t.equal(await new PipeEnd(pipe, pool).recvToEnd(), 'broken');
      pipe.discard();
    }
    listener.close();
  },
  'discarded while connecting to where nobody answers: its descriptor is back at once': async (
    t,
    transport,
  ) => {
    // 192.0.2.1 is for documentation (RFC 5737). Whether it is silent or refuses, the socket must not wait for it.
    const before = openDescriptors();
    const { listener } = await listen(transport, V4);
    const address = listener.address;
    listener.close();
    await eventually('closed', () => openDescriptors() <= before);
    const pipe = transport.connect({ ...address, host: '192.0.2.1' } as SocketAddress);
    await passes(2);
    pipe.discard(new PipeError('cancelled', 'test'));
    await eventually('the descriptor is back', () => openDescriptors() <= before);
    t.pass();
  },
  'the address is in use': async (t, transport) => {
    const { listener } = await listen(transport, V4);
    await t.rejects(listen(transport, listener.address), { code: 'address-in-use' });
    listener.close();
  },
  'an address that this machine has not': async (t, transport) => {
    await t.rejects(listen(transport, { family: 4, host: '192.0.2.1', port: 0 }), {
      code: 'address-invalid',
    });
  },
  'the wildcard of IPv6 takes IPv4 too, and says so in plain addresses': async (t, transport, pool) => {
    const { listener, accepted } = await listen(transport, { family: 6, host: '::', port: 0 });
    const { port } = listener.address as { port: number };
    t.ok(port > 0, 'the real port');
    const ends = [];
    for (const address of [
      { ...V4, port },
      { ...V6, port },
    ] as SocketAddress[]) {
      const end = new PipeEnd(transport.connect(address), pool);
      await end.until('ready', () => end.pipe.ready);
      ends.push(end);
      await eventually('accepted', () => accepted.length === ends.length);
    }
    t.match(
      accepted.map(({ peer }) => peer),
      [
        { family: 4, host: '127.0.0.1' },
        { family: 6, host: '::1' },
      ],
    );
    listener.close();
    for (const { pipe } of [...ends, ...accepted]) pipe.discard();
  },
  'paused, it accepts nobody; resumed, all who waited': async (t, transport, pool) => {
    const { listener, accepted } = await listen(transport, V4);
    listener.pause();
    const ends = Array.from({ length: 40 }, () => new PipeEnd(transport.connect(listener.address), pool));
    for (const end of ends) await end.until('ready', () => end.pipe.ready);
    await passes(10);
    t.equal(accepted.length, 0);
    listener.resume();
    listener.resume();
    await eventually('all', () => accepted.length === ends.length);
    listener.close();
    listener.close();
    for (const { pipe } of [...ends, ...accepted]) pipe.discard();
  },
  'paused from inside onConnection, it stops there': async (t, transport, pool) => {
    let count = 0;
    const pipes: BytesPipe[] = [];
    const listener: Listener = await transport.listen(V4, {
      onConnection(pipe) {
        pipes.push(pipe);
        count++;
        listener.pause();
      },
      onTrouble() {},
    });
    const ends = Array.from({ length: 3 }, () => new PipeEnd(transport.connect(listener.address), pool));
    for (const end of ends) await end.until('ready', () => end.pipe.ready);
    for (let i = 1; i <= 3; i++) {
      await eventually(`connection ${i}`, () => count === i);
      await passes(5);
      t.equal(count, i);
      listener.resume();
    }
    listener.close();
    for (const pipe of [...pipes, ...ends.map((end) => end.pipe)]) pipe.discard();
  },
  'a Unix socket, its client without a name': async (t, transport, pool) => {
    const where = unixAddress() as { family: 'unix'; path: string };
    const { listener, accepted } = await listen(transport, where);
    t.same(listener.address, where);
    const end = new PipeEnd(transport.connect(where), pool);
    await end.until('ready', () => end.pipe.ready);
    await eventually('accepted', () => accepted.length === 1);
    t.equal(accepted[0]?.peer, null);
    t.equal(end.pipe.congestion, null, 'no TCP_INFO there');
    listener.close();
    if (existsSync(where.path)) rmSync(where.path);
    for (const { pipe } of [end, ...accepted]) pipe.discard();
  },
};

for (const [name, make] of Object.entries(TRANSPORTS)) {
  t.test(name, async (t) => {
    for (const pipe of await socketPair(make(new SlabPool()))) pipe.discard();
    await passes(5);
    for (const [goal, body] of Object.entries(CASES)) {
      await t.test(goal, async (t) => {
        const pool = new SlabPool();
        const before = openDescriptors();
        await body(t, make(pool), pool);
        await eventually(
          'all slabs back',
          () => pool.out === 0,
          () => pool.out,
        );
        await eventually('all descriptors back', () => openDescriptors() <= before, openDescriptors);
      });
    }
  });
}

t.test('native: an error in one handler takes no event from the others', async (t) => {
  const pool = new SlabPool();
  const transport = nativeTransport(pool);
  const pairs = [await socketPair(transport), await socketPair(transport), await socketPair(transport)];
  const heard: number[] = [];
  pairs.forEach(([, b], i) => {
    b.onActivity = () => {
      heard.push(i);
      if (i === 1) throw new Error('planted');
    };
  });
  // tap listens too, and would take it for its own.
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const errors: Error[] = [];
  process.on('uncaughtException', (error) => errors.push(error));
  for (const [a] of pairs) a.send(pool.copy(Buffer.from('x')));
  await eventually('all events', () => heard.length >= 3);
  await passes(3);
  process.removeAllListeners('uncaughtException');
  for (const listener of listeners) process.on('uncaughtException', listener);
  t.same(heard.sort(), [0, 1, 2]);
  t.same(
    errors.map((error) => error.message),
    ['planted'],
  );
  for (const pipe of pairs.flat()) pipe.discard();
  t.equal(pool.out, 0);
});

t.test('native: without kernel pipes a bridge uses buffers', async (t) => {
  const pool = new SlabPool();
  const transport = nativeTransport(pool);
  transport.kernelPipes.close();
  const [app, a] = await socketPair(transport);
  const [b, target] = await socketPair(transport);
  const bridge = new IoBridge(a, b, { kernelPipes: transport.kernelPipes });
  const [from, to] = [new PipeEnd(app, pool), new PipeEnd(target, pool)];
  const bytes = Buffer.alloc(3_000_000, 'abcdefg');
  await Promise.all([from.send(bytes).then(() => from.fin()), to.recvToEnd()]);
  t.ok(to.bytes.equals(bytes));
  await to.fin();
  t.equal(await from.recvToEnd(), 'fin');
  await eventually('the end', () => bridge.ended);
  t.equal(transport.kernelPipes.out, 0);
  app.discard();
  target.discard();
  t.equal(pool.out, 0);
});

t.test('native: what the kernel knows, until the pipe is gone', async (t) => {
  const pool = new SlabPool();
  const [a, b] = await socketPair(nativeTransport(pool));
  t.ok((a.congestion?.cwndSegments ?? 0) > 0);
  a.discard();
  t.equal(a.congestion, null);
  b.discard();
});

t.test('native: a small read keeps a small slab', async (t) => {
  const pool = new SlabPool();
  const [a, b] = await socketPair(nativeTransport(pool));
  const end = new PipeEnd(b, pool);
  a.send(pool.copy(Buffer.from('x')));
  await end.until('readable', () => b.readable);
  const chunk = b.recv();
  t.ok((chunk?.memory.length ?? 0) < 4096);
  chunk?.release();
  a.discard();
  b.discard();
  t.equal(pool.out, 0);
});
