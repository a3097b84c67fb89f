/** Goal: nobody is woken for a part of a message; and the whole of it, FIN and RST wake as ever. */
import { PipeError } from '../../src/core/errors.ts';
import type { SlabPool } from '../../src/core/pool.ts';
import { DatagramPipe } from '../../src/layer/datagram/pipe.ts';
import { BROKEN, READABLE } from '../../src/pipe/pipe.ts';
import { eventually, passes } from '../helpers/settle.ts';
import type { BytesPipe } from '../helpers/transports.ts';
import { countingPair, poolTest } from '../helpers/wake_ups.ts';

const PIECE = 1400;

/** Messages on one end, a bare socket on the other, and how often the poller has told the first of anything. */
async function pair(pool: SlabPool) {
  const { near, far, told } = await countingPair(pool);
  const messages = new DatagramPipe(near, { pool });
  const got: number[] = [];
  const read = () => {
    for (let message = messages.recv(); message !== null; message = messages.recv()) {
      got.push(message.length);
      message.release();
    }
  };
  messages.onActivity = (events) => {
    told.events |= events;
    read();
  };
  return { messages, far, told, got, read };
}

/** The framing of one message of `length` bytes, in pieces as a slow network delivers them. */
async function trickle(far: BytesPipe, pool: SlabPool, length: number, bytes = length + 3): Promise<void> {
  const framed = Buffer.alloc(length + 3);
  framed.set([(length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14]);
  for (let at = 0; at < bytes; at += PIECE) {
    far.send(pool.copy(framed.subarray(at, Math.min(bytes, at + PIECE))));
    await passes(2);
  }
}

await poolTest(
  'a message that comes in forty pieces wakes twice or so, and the next one too',
  async (t, pool) => {
    const { messages, far, told, got } = await pair(pool);
    for (let round = 1; round <= 3; round++) {
      told.wakeUps = 0;
      await trickle(far, pool, 40 * PIECE);
      await eventually('the message', () => got.length === round);
      t.equal(got[round - 1], 40 * PIECE);
      t.ok(told.wakeUps <= 6, `${told.wakeUps} wake-ups for 41 arrivals`);
    }
    messages.discard();
    far.discard();
  },
);

await poolTest('a small message behind a large one is told at once', async (t, pool) => {
  const { messages, far, got } = await pair(pool);
  await trickle(far, pool, 40 * PIECE);
  await eventually('the large one', () => got.length === 1);
  far.send(pool.copy(Buffer.from([2, 1, 2])));
  await eventually('the small one', () => got.length === 2);
  t.equal(got[1], 2);
  messages.discard();
  far.discard();
});

await poolTest('a message that is larger than a socket should hold still comes', async (t, pool) => {
  const { messages, far, got } = await pair(pool);
  await trickle(far, pool, 180 * PIECE);
  await eventually('the message', () => got.length === 1);
  t.equal(got[0], 180 * PIECE);
  messages.discard();
  far.discard();
});

await poolTest('who read nothing meanwhile finds what came', async (t, pool) => {
  const { messages, far, got, read } = await pair(pool);
  messages.onActivity = null;
  await trickle(far, pool, 20 * PIECE);
  await eventually('readable', () => messages.readable);
  read();
  await eventually('the message', () => {
    read();
    return got.length === 1;
  });
  t.equal(got[0], 20 * PIECE);
  messages.discard();
  far.discard();
});

for (const [end, word] of [
  ['FIN', 'truncated'],
  ['RST', 'reset'],
] as const) {
  await poolTest(`${end} in the middle of a message wakes`, async (t, pool) => {
    const { messages, far, told, got } = await pair(pool);
    await trickle(far, pool, 40 * PIECE, 10 * PIECE);
    await eventually('some of it', () => (told.events & READABLE) !== 0);
    if (end === 'FIN') far.sendFin();
    else far.discard(new PipeError('reset', 'tcp'));
    await eventually('the failure', () => (told.events & BROKEN) !== 0);
    t.equal(messages.broken?.code, word);
    t.same(got, []);
    messages.discard();
    if (end === 'FIN') far.discard();
  });
}
