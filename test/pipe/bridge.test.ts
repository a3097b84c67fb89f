/** Goal: what a simulation does not do: bugs in layers, greedy sources, pipes that are broken or gone from the start. */
import { once } from 'node:events';
import t, { type Test } from 'tap';
import type { Chunk } from '../../src/core/chunk.ts';
import { PipeError } from '../../src/core/errors.ts';
import { SlabPool } from '../../src/core/pool.ts';
import { deferEventsWith, PipeBase } from '../../src/pipe/base.ts';
import { type BridgeEnd, IoBridge } from '../../src/pipe/bridge.ts';
import { FailedPipe } from '../../src/pipe/failed.ts';
import { memoryPair } from '../../src/pipe/memory.ts';
import type { IoPipe } from '../../src/pipe/pipe.ts';
import { OpenPipe } from '../helpers/open_pipe.ts';
import { PipeEnd } from '../helpers/pipe_end.ts';
import { eventually, GUARD_MS, pass, passes } from '../helpers/settle.ts';

const boom = () => new PipeError('cancelled', 'test', 'planted');

interface World {
  readonly pool: SlabPool;
  readonly app: PipeEnd;
  readonly target: PipeEnd;
  readonly bridge: IoBridge;
  readonly ends: BridgeEnd[];
}

interface Pipes {
  readonly app: IoPipe;
  readonly a: IoPipe;
  readonly b: IoPipe;
  readonly target: IoPipe;
}

const plain = (): Pipes => {
  const [app, a] = memoryPair('bytes');
  const [b, target] = memoryPair('bytes');
  return { app, a, b, target };
};

async function run(t: Test, pipes: Pipes, body: (world: World) => Promise<void>): Promise<void> {
  const pool = new SlabPool();
  const ends: BridgeEnd[] = [];
  const bridge = new IoBridge(pipes.a, pipes.b, { onEnd: (end) => ends.push(end) });
  const world = {
    pool,
    bridge,
    ends,
    app: new PipeEnd(pipes.app, pool),
    target: new PipeEnd(pipes.target, pool),
  };
  try {
    await body(world);
  } finally {
    bridge.abort();
    pipes.app.discard();
    pipes.target.discard();
  }
  t.equal(ends.length, 1, 'it ended once');
  t.equal(pool.out, 0, 'all slabs are back');
}

t.test('nothing happens inside the constructor, and an abort before the first look wins', (t) =>
  run(t, plain(), async ({ app, bridge, ends, target }) => {
    app.fill(Buffer.from('early'), 1);
    t.equal(bridge.forward.bytes, 0);
    bridge.abort();
    t.same(
      ends.map(({ error, side }) => [error?.code, side]),
      [['cancelled', null]],
    );
    await pass();
    t.equal(target.receivedBytes, 0);
    t.equal(app.pipe.broken?.code, 'reset');
    t.equal(target.pipe.broken?.code, 'reset');
  }),
);

t.test('the first look is an event like all others: a simulation governs it', async (t) => {
  const later: (() => void)[] = [];
  deferEventsWith((event) => later.push(event));
  try {
    await run(t, plain(), async ({ app, target, bridge }) => {
      app.fill(Buffer.from('early'), 1);
      await passes(2);
      t.equal(bridge.forward.bytes, 0, 'its turn has not come');
      for (let event = later.shift(); event !== undefined; event = later.shift()) event();
      t.equal(bridge.forward.bytes, 5);
      t.equal(target.pipe.readable, true);
    });
  } finally {
    deferEventsWith(null);
  }
});

t.test('what had arrived before it began is not forgotten: data, FIN and RST', async (t) => {
  const early = plain();
  early.app.send(new SlabPool().copy(Buffer.from('early')));
  early.app.sendFin();
  early.target.discard(boom());
  await pass();
  await run(t, early, async ({ ends, app }) => {
    await eventually('the end', () => ends.length > 0);
    t.equal(ends[0]?.side, 'b');
    t.equal(app.pipe.broken?.code, 'reset');
  });
});

t.test('a pipe that never came to be', (t) => {
  const [app, a] = memoryPair('bytes');
  const [, target] = memoryPair('bytes');
  const b = new FailedPipe('bytes', new PipeError('refused', 'tcp'));
  return run(t, { app, a, b, target }, async (world) => {
    await eventually('the end', () => world.ends.length > 0);
    t.same([world.ends[0]?.error?.code, world.ends[0]?.side], ['refused', 'b']);
    t.equal(world.app.pipe.broken?.code, 'reset');
  });
});

t.test(
  'a far pipe that is still connecting: data waits unread, and a reset of the app ends it',
  async (t) => {
    const [app, a] = memoryPair('bytes', { capacity: 10 });
    const [b, target] = memoryPair('bytes', { connecting: true });
    await run(t, { app, a, b, target }, async (world) => {
      world.app.fill(Buffer.from('0123456789'));
      await passes(3);
      t.equal(world.app.pipe.writable, false, 'nothing was read');
      app.discard(boom());
      await eventually('the end', () => world.ends.length > 0);
      t.equal(world.ends[0]?.side, 'a');
    });
  },
);

/** A pipe with a bug. */
class Faulty extends PipeBase<'bytes'> {
  readonly kind = 'bytes';
  readonly maxSend = Number.POSITIVE_INFINITY;
  readonly congestion = null;
  readonly broken = null;
  readonly readable = false;
  readonly finReceived = false;
  readonly finSent = false;
  ready = true;
  writable = true;
  discarded: PipeError | undefined | null = null;
  recv(): null {
    return null;
  }
  send(_chunk: Chunk): void {
    throw new TypeError('a planted bug');
  }
  sendFin(): void {}
  discard(error?: PipeError): void {
    this.discarded = error;
    this.ready = this.writable = false;
    this.silence();
  }
}

t.test('a bug in a layer ends this one connection, with a reset, and leaks nothing', (t) => {
  const [app, a] = memoryPair('bytes');
  const b = new Faulty();
  const [, target] = memoryPair('bytes');
  return run(t, { app, a, b, target }, async (world) => {
    await world.app.send(Buffer.from('x'));
    await eventually('the end', () => world.ends.length > 0);
    t.equal(world.ends[0]?.error?.message, 'a planted bug');
    t.match(
      (world.ends[0]?.bug as Error | undefined)?.stack,
      /TypeError: a planted bug\n +at .*send/,
      'whoever logs it can say where',
    );
    t.equal(world.app.pipe.broken?.code, 'reset');
    t.equal(b.discarded?.message, 'a planted bug');
  });
});

t.test('a message that the destination cannot take', (t) => {
  const [app, a] = memoryPair('messages');
  const [b, target] = memoryPair('messages', { maxSend: 10 });
  return run(t, { app, a, b, target }, async (world) => {
    await world.app.send(Buffer.alloc(10));
    await world.target.recvBytes(10);
    await world.app.send(Buffer.alloc(11));
    await eventually('the end', () => world.ends.length > 0);
    t.match(world.ends[0]?.error?.message, /maxSend is 10/);
    t.equal(world.target.pipe.broken?.code, 'reset');
  });
});

t.test('an error in onEnd is not swallowed', async (t) => {
  const { app, a, b, target } = plain();
  new IoBridge(a, b, {
    onEnd() {
      throw new Error('planted in onEnd');
    },
  });
  // tap listens too, and would take it for its own.
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const caught = once(process, 'uncaughtException');
  app.discard(boom());
  const guard = setTimeout(() => process.emit('uncaughtException', new Error('it was swallowed')), GUARD_MS);
  const [error] = await caught;
  clearTimeout(guard);
  for (const listener of listeners) process.on('uncaughtException', listener);
  t.equal(error.message, 'planted in onEnd');
  t.equal(target.broken?.code, 'reset');
  target.discard();
});

/** Has always more, and takes everything. */
class Endless extends OpenPipe<'bytes'> {
  readonly kind = 'bytes';
  readonly #pool: SlabPool;
  readonly #size: number;
  sent = 0;
  constructor(pool: SlabPool, size: number) {
    super();
    this.#pool = pool;
    this.#size = size;
  }
  override get readable(): boolean {
    return true;
  }
  override recv(): Chunk {
    return this.#pool.take(this.#size);
  }
  override send(chunk: Chunk): void {
    this.sent += chunk.length;
    chunk.release();
  }
}

for (const size of [1, 2048, 262_144]) {
  t.test(
    `sources without end, ${size} bytes a chunk: all bridges move on equally, and so does the loop`,
    async (t) => {
      const pool = new SlabPool();
      const pipes = Array.from(
        { length: 4 },
        () => [new Endless(pool, size), new Endless(pool, size)] as const,
      );
      const [app, a] = memoryPair('bytes');
      const [b, target] = memoryPair('bytes');
      const bridges = [...pipes, [a, b] as const].map(([one, other]) => new IoBridge(one, other));
      const [ping, pong] = [new PipeEnd(app, pool), new PipeEnd(target, pool)];
      for (let i = 1; i <= 20; i++) {
        await ping.send(Buffer.of(i));
        await pong.recvBytes(i);
        await pong.send(Buffer.of(i));
        await ping.recvBytes(i);
      }
      await passes(10);
      const moved = pipes.flatMap((pair) => pair.map(({ sent }) => sent));
      const turn = Math.min(64 * size, 1024 * 1024 + size);
      t.ok(Math.min(...moved) > 0);
      t.ok(
        Math.max(...moved) - Math.min(...moved) <= 2 * turn,
        `from ${Math.min(...moved)} to ${Math.max(...moved)} bytes`,
      );
      for (const bridge of bridges) bridge.abort();
      app.discard();
      target.discard();
      await passes(2);
      t.equal(pool.out, 0);
    },
  );
}

t.test('bytes and congestions are counted, each way', (t) => {
  const [app, a] = memoryPair('bytes');
  const [b, target] = memoryPair('bytes', { capacity: 5 });
  return run(t, { app, a, b, target }, async ({ app, target, bridge }) => {
    await app.sendAll([Buffer.from('12345'), Buffer.from('678'), Buffer.from('90')]);
    await target.recvBytes(5);
    t.ok(bridge.forward.congestions >= 1);
    await target.recvBytes(10);
    await target.send(Buffer.from('abc'));
    await app.recvBytes(3);
    t.same([bridge.forward.bytes, bridge.backward.bytes, bridge.backward.congestions], [10, 3, 0]);
  });
});
