/** Goal: a peer that breaks the framing breaks the pipe, with its reason, and never ends it as if in peace. */
import t, { type Test } from 'tap';
import { PipeError } from '../../src/core/errors.ts';
import { SlabPool } from '../../src/core/pool.ts';
import { DatagramPipe } from '../../src/layer/datagram/pipe.ts';
import { CheckedPipe } from '../../src/pipe/checked.ts';
import { type MemoryPipe, memoryPair } from '../../src/pipe/memory.ts';
import { BROKEN } from '../../src/pipe/pipe.ts';
import { PipeEnd } from '../helpers/pipe_end.ts';
import { passes } from '../helpers/settle.ts';

interface Setup {
  /** Speaks raw bytes to the datagram pipe. */
  readonly raw: PipeEnd<'bytes'>;
  readonly end: PipeEnd<'messages'>;
  readonly pool: SlabPool;
}

async function setup(
  t: Test,
  options: { max?: number; cut?: (n: number) => number },
  body: (s: Setup) => Promise<void>,
) {
  const pool = new SlabPool();
  const [a, b] = memoryPair('bytes', { cut: options.cut ?? ((available) => available) });
  const datagrams = new CheckedPipe(new DatagramPipe(b, { maxMessageBytes: options.max ?? 1000, pool }));
  const raw = new PipeEnd<'bytes'>(new CheckedPipe(a), pool);
  const end = new PipeEnd<'messages'>(datagrams, pool);
  try {
    await body({ raw, end, pool });
  } finally {
    raw.pipe.discard();
    end.pipe.discard();
  }
  await passes(2);
  t.same(datagrams.violations, []);
  t.equal(pool.out, 0, 'all slabs are back');
}

const STREAM = Buffer.from([3, 97, 98, 99, 0, 0xc8, 1, ...Buffer.alloc(200, 120), 1, 122]);
/** Where a message ends, and the stream may. */
const BORDERS = new Map([
  [0, 0],
  [4, 1],
  [5, 2],
  [207, 3],
  [209, 4],
]);

t.test('FIN at every byte: an end between messages, truncated within one', async (t) => {
  for (let at = 0; at <= STREAM.length; at++) {
    const pool = new SlabPool();
    const [a, b] = memoryPair('bytes');
    const end = new PipeEnd(new CheckedPipe(new DatagramPipe(b, { pool })), pool);
    const raw = new PipeEnd(a, pool);
    await raw.send(STREAM.subarray(0, at));
    await raw.fin();
    const ending = await end.recvToEnd();
    const messages = BORDERS.get(at);
    if (ending !== (messages === undefined ? 'broken' : 'fin')) t.fail(`cut at ${at}: ${ending}`);
    if (messages === undefined) {
      if (end.pipe.broken?.code !== 'truncated' || end.pipe.finReceived)
        t.fail(`cut at ${at}: ${end.describe()}`);
      if ((await raw.untilBroken()).code !== 'reset') t.fail(`cut at ${at}: the sender sees no reset`);
    } else if (end.received.length !== messages) t.fail(`cut at ${at}: ${end.received.length} messages`);
    end.pipe.discard();
    a.discard();
    if (pool.out !== 0) t.fail(`cut at ${at}: leak`);
  }
});

t.test('a reset at every byte: broken, and no FIN', async (t) => {
  for (let at = 0; at <= STREAM.length; at++) {
    const pool = new SlabPool();
    const [a, b] = memoryPair('bytes', { cut: (n) => Math.ceil(n / 2) });
    const end = new PipeEnd(new CheckedPipe(new DatagramPipe(b, { pool })), pool);
    await new PipeEnd(a, pool).send(STREAM.subarray(0, at));
    a.discard(new PipeError('cancelled', 'test'));
    const ending = await end.recvToEnd();
    if (ending !== 'broken' || end.pipe.broken?.code !== 'reset') t.fail(`cut at ${at}: ${end.describe()}`);
    end.pipe.discard();
    if (pool.out !== 0) t.fail(`cut at ${at}: leak`);
  }
});

for (const [name, header, code] of [
  ['a length above the maximum', [0xe9, 7], 'too-large'],
  ['the largest length there is', [0xff, 0xff, 0xff, 0xff, 0x0f], 'too-large'],
  ['a length that is no LEB128 number', [0xff, 0xff, 0xff, 0xff, 0xff], 'malformed'],
] as const) {
  t.test(`${name}: what came before is delivered, then ${code}`, (t) =>
    setup(t, {}, async ({ raw, end, pool }) => {
      await raw.send(Buffer.from([2, 104, 105, ...header, 1, 2, 3]));
      t.equal(await end.recvToEnd(), 'broken');
      t.same(end.received.map(String), ['hi']);
      t.equal(end.pipe.broken?.code, code);
      t.equal(end.pipe.broken?.layer, 'datagram');
      t.equal(end.pipe.finReceived, false);
      t.same([end.pipe.ready, end.pipe.readable, end.pipe.writable], [false, false, false]);
      await end.until('the event', () => end.events.some((events) => events & BROKEN));
      t.equal((await raw.untilBroken()).code, 'reset', 'the peer is told by a reset');
      t.equal(pool.out, 0);
      end.pipe.sendFin();
      t.equal(end.pipe.finSent, false);
    }),
  );
}

t.test('a reset behind a malformed message: one event, one error, the first', (t) =>
  setup(t, {}, async ({ raw, end }) => {
    await raw.send(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]));
    raw.pipe.discard(new PipeError('cancelled', 'test'));
    await end.untilBroken();
    await passes(2);
    end.drain();
    await passes(2);
    t.equal(end.pipe.broken?.code, 'reset');
    t.equal(end.events.filter((events) => events & BROKEN).length, 1);
  }),
);

t.test('a peer that announces much and sends little holds one message of memory, not more', (t) =>
  setup(t, { max: 100_000 }, async ({ raw, end, pool }) => {
    await raw.send(Buffer.from([0xa0, 0x8d, 6])); // 100,000
    for (let i = 0; i < 50; i++) {
      await raw.send(Buffer.from('x'));
      await end.until('readable', () => end.pipe.readable);
      end.drain();
    }
    t.equal(pool.out, 1);
    t.equal(end.received.length, 0);
  }),
);

t.test('sendFin() before ready throws, and may be called again when it is', async (t) => {
  const pool = new SlabPool();
  const [a, b] = memoryPair('bytes', { connecting: true });
  const pipe = new DatagramPipe(a, { pool });
  const end = new PipeEnd<'messages'>(new CheckedPipe(pipe), pool);
  t.throws(() => pipe.sendFin(), /before ready/);
  t.same([pipe.ready, pipe.writable], [false, false]);
  (a as MemoryPipe<'bytes'>).connect();
  await end.until('ready', () => end.pipe.ready && end.pipe.writable);
  await end.fin();
  t.equal(pipe.finSent, true);
  pipe.discard();
  b.discard();
  t.equal(pool.out, 0);
});

t.test('options are checked at once', async (t) => {
  const [lower] = memoryPair('bytes');
  for (const options of [
    { maxMessageBytes: 0 },
    { maxMessageBytes: 2 ** 32 },
    { maxMessageBytes: 1.5 },
    { maxMessageBytes: Number.NaN },
    { maxSendBytes: -1 },
    { maxSendBytes: 0 },
  ]) {
    t.throws(() => new DatagramPipe(lower, options), RangeError, JSON.stringify(options));
  }
  t.equal(
    new DatagramPipe(lower, { maxMessageBytes: 1000 }).maxSend,
    1000,
    'never more than we would take ourselves',
  );
});
