/** Goal: in bulk, one read fills several chunks; nothing is lost, reordered or left behind by that. */
import t, { type Test } from 'tap';
import { PipeError } from '../../src/core/errors.ts';
import { HEADROOM, SlabPool } from '../../src/core/pool.ts';
import type { TcpPipe } from '../../src/layer/tcp/pipe.ts';
import { Random, SEED } from '../helpers/random.ts';
import { eventually, passes } from '../helpers/settle.ts';
import { type BytesPipe, nativeTransport, socketPair } from '../helpers/transports.ts';

const PIECE = 60_000;

async function test(
  name: string,
  body: (t: Test, near: TcpPipe, far: BytesPipe, pool: SlabPool) => Promise<void>,
): Promise<void> {
  await t.test(name, async (t) => {
    const pool = new SlabPool();
    const [near, far] = (await socketPair(nativeTransport(pool))) as [TcpPipe, BytesPipe];
    await body(t, near, far, pool);
    near.discard();
    far.discard();
    t.equal(pool.out, 0, 'all pooled memory is back');
  });
}

/** Byte number i of what is sent. */
const byteAt = (i: number) => (i * 7 + (i >> 8)) & 0xff;

function send(far: BytesPipe, pool: SlabPool, from: number, length: number): void {
  const chunk = pool.take(length);
  for (let i = 0; i < length; i++) chunk.memory[chunk.start + i] = byteAt(from + i);
  far.send(chunk);
}

/** Reads one chunk that must be there, checks it, and returns its length. */
async function read(t: Test, near: TcpPipe, at: number, max: number): Promise<number> {
  await eventually('bytes', () => near.readable);
  const chunk = near.recv(max);
  if (chunk === null) return 0;
  const { length } = chunk;
  t.ok(length <= max && chunk.headroom <= HEADROOM);
  const wrong = chunk.view().findIndex((byte, i) => byte !== byteAt(at + i));
  if (wrong >= 0) t.fail(`the byte at ${at + wrong} is wrong`);
  // Writing in front of a chunk must not touch the one before it: layers put their headers there.
  chunk.memory.fill(0xee, chunk.start - chunk.headroom, chunk.start);
  chunk.release();
  return length;
}

await test(`bytes come whole and in order, whatever is asked for (seed ${SEED})`, async (t, near, far, pool) => {
  const random = new Random(SEED);
  const total = 6_000_000;
  let sent = 0;
  let got = 0;
  while (got < total) {
    while (sent < total && far.writable) {
      const length = Math.min(total - sent, random.int(1, 200_000));
      send(far, pool, sent, length);
      sent += length;
    }
    got += await read(t, near, got, random.int(0, 3) === 0 ? random.int(1, PIECE) : PIECE);
  }
  t.equal(got, total);
});

await test('what was read ahead stays readable behind FIN, and FIN comes last', async (t, near, far, pool) => {
  const total = 4 * PIECE;
  send(far, pool, 0, total);
  far.sendFin();
  let got = 0;
  while (got < total) {
    t.equal(near.finReceived, false);
    got += await read(t, near, got, PIECE);
  }
  t.equal(near.recv(PIECE), null);
  t.equal(near.finReceived, true);
});

/** So little that it crosses loopback at once. */
const SMALL = 16 * 1024;

await test('what was read ahead stays readable behind a reset', async (t, near, far, pool) => {
  send(far, pool, 0, 3 * SMALL);
  let got = await read(t, near, 0, SMALL);
  got += await read(t, near, got, SMALL);
  t.ok(near.readable, 'two pieces came with the second read');
  far.discard(new PipeError('cancelled', 'test'));
  await eventually('reset', () => near.broken !== null);
  t.ok(near.readable);
  got += await read(t, near, got, SMALL);
  t.equal(got, 3 * SMALL);
});

await test('nothing splices past what was read ahead', async (t, near, far, pool) => {
  send(far, pool, 0, 4 * PIECE);
  let got = await read(t, near, 0, PIECE);
  t.equal(near.canSplice, true);
  got += await read(t, near, got, PIECE);
  t.equal(near.canSplice, false);
  while (got < 4 * PIECE) got += await read(t, near, got, PIECE);
  t.equal(near.canSplice, true);
});

await test('discard lets go of what was read ahead', async (t, near, far, pool) => {
  send(far, pool, 0, 4 * PIECE);
  const got = await read(t, near, 0, PIECE);
  await read(t, near, got, PIECE);
  t.ok(pool.out > 0);
  near.discard();
  t.equal(near.readable, false);
  t.equal(near.recv(), null);
});

await test('a read that brings one piece pins no more than it needs', async (t, near, far, pool) => {
  for (let attempt = 0; attempt < 100; attempt++) {
    send(far, pool, 0, PIECE);
    send(far, pool, PIECE, PIECE / 2 + 6000);
    await passes(5);
    const first = near.recv(PIECE);
    const whole = first?.length === PIECE;
    first?.release();
    const held = pool.heldBytes;
    const second = near.recv(PIECE);
    const length = second?.length ?? 0;
    if (whole && length > 33_000 && !near.readable) {
      t.ok(pool.heldBytes - held <= 66_000, `${pool.heldBytes - held} bytes for ${length}`);
      second?.release();
      return;
    }
    // It came in other pieces: once more.
    second?.release();
    for (let i = 0; i < 5; i++) {
      for (let chunk = near.recv(); chunk !== null; chunk = near.recv()) chunk.release();
      await passes(5);
    }
  }
  t.fail('two pieces never came at once');
});
