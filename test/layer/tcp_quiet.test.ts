/** Goal: a socket that nobody reads stops waking the process, and loses nothing by it: bytes, room, FIN and RST. */
import { PipeError } from '../../src/core/errors.ts';
import type { SlabPool } from '../../src/core/pool.ts';
import { BROKEN, READABLE, WRITABLE } from '../../src/pipe/pipe.ts';
import { Poller } from '../../src/sys/poller.ts';
import { eventually, passes } from '../helpers/settle.ts';
import type { BytesPipe } from '../helpers/transports.ts';
import { countingPair, poolTest } from '../helpers/wake_ups.ts';

/** One end that counts what the poller and the pipe tell, and its peer. */
async function quietPair(pool: SlabPool) {
  const { near, far, told } = await countingPair(pool);
  near.onActivity = (events) => {
    told.events |= events;
  };
  return { near, far, told };
}

/** `count` pieces of one byte, each in a turn of its own, so that each is an event at the other end. */
async function drip(far: BytesPipe, pool: SlabPool, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    far.send(pool.copy(Buffer.from('x')));
    await passes(1);
  }
}

/** Reads whatever there is; the bytes read. */
function drain(pipe: BytesPipe): number {
  let bytes = 0;
  for (let chunk = pipe.recv(); chunk !== null; chunk = pipe.recv()) {
    bytes += chunk.length;
    chunk.release();
  }
  return bytes;
}

await poolTest(
  'an unread socket tells twice, however much comes, and again once it was read',
  async (t, pool) => {
    const { near, far, told } = await quietPair(pool);
    for (let round = 0; round < 3; round++) {
      told.wakeUps = 0;
      told.events = 0;
      await drip(far, pool, 100);
      await eventually('told that it is readable', () => (told.events & READABLE) !== 0);
      t.ok(told.wakeUps <= 2, `${told.wakeUps} wake-ups for 100 arrivals`);
      let got = drain(near);
      await eventually('all bytes', () => {
        got += drain(near);
        return got === 100;
      });
    }
    near.discard();
    far.discard();
  },
);

await poolTest('FIN and RST are noticed by a socket that was told to be quiet', async (t, pool) => {
  const ended = await quietPair(pool);
  await drip(ended.far, pool, 5);
  ended.far.sendFin();
  let got = 0;
  await eventually('the end', () => {
    got += drain(ended.near);
    return ended.near.finReceived;
  });
  t.equal(got, 5);
  ended.near.discard();
  ended.far.discard();

  const reset = await quietPair(pool);
  await drip(reset.far, pool, 5);
  reset.far.discard(new PipeError('reset', 'test'));
  await eventually('the reset', () => reset.near.broken !== null);
  t.equal(reset.near.broken?.code, 'reset');
  t.equal(reset.told.events & BROKEN, BROKEN);
  drain(reset.near);
  reset.near.discard();
});

await poolTest(
  'room is told again after a full socket, also when it was not listened for',
  async (t, pool) => {
    const { near, far, told } = await quietPair(pool);
    // Read at once each time, so that the wake-ups which follow tell of nothing but room.
    for (let i = 0; i < 20; i++) {
      await drip(far, pool, 1);
      drain(near);
    }
    told.events = 0;
    for (let round = 0; round < 3; round++) {
      let sent = 0;
      while (near.writable) {
        const chunk = pool.copy(Buffer.alloc(65_536, round));
        sent += chunk.length;
        near.send(chunk);
      }
      t.equal(told.events & WRITABLE, 0);
      let got = 0;
      await eventually('everything at the other end', () => {
        got += drain(far);
        return got === sent;
      });
      await eventually('told that there is room', () => near.writable && (told.events & WRITABLE) !== 0);
      told.events = 0;
    }
    near.discard();
    far.discard();
  },
);

/** So little that it crosses loopback at once, and as much as a piece has. */
const PIECE = 16 * 1024;

await poolTest('what comes behind what was read ahead changes nothing in the poller', async (t, pool) => {
  const { near, far } = await quietPair(pool);
  const changes = t.capture(Poller.prototype, 'setInterest', Poller.prototype.setInterest);
  let last = 0;
  for (let round = 0; round < 20; round++) {
    far.send(pool.copy(Buffer.alloc(3 * PIECE)));
    await passes(3);
    for (let i = 0; i < 2; i++) near.recv(PIECE)?.release();
    t.ok(near.readable, 'a piece was read ahead');
    await drip(far, pool, 1);
    await passes(2);
    t.equal(drain(near), PIECE + 1);
    // What has nothing to do with it is settled in the first rounds.
    if (round < 3) changes();
    else last += changes().length;
  }
  t.ok(last <= 2, `${last} changes in 17 rounds`);
  near.discard();
  far.discard();
});
