/** Native sockets that count how often the poller wakes them. */

import t, { type Test } from 'tap';
import { SlabPool } from '../../src/core/pool.ts';
import type { TcpPipe } from '../../src/layer/tcp/pipe.ts';
import { type BytesPipe, nativeTransport, socketPair } from './transports.ts';

/** One end that counts what the poller tells it, and its peer. */
export async function countingPair(pool: SlabPool) {
  const [near, far] = (await socketPair(nativeTransport(pool))) as [TcpPipe, BytesPipe];
  const told = { wakeUps: 0, events: 0 };
  const onPoll = near.onPoll.bind(near);
  near.onPoll = (mask) => {
    told.wakeUps++;
    onPoll(mask);
  };
  return { near, far, told };
}

/** A test with a pool of its own, which it gives back whole. */
export async function poolTest(
  name: string,
  body: (t: Test, pool: SlabPool) => Promise<void>,
): Promise<void> {
  await t.test(name, async (t) => {
    const pool = new SlabPool();
    await body(t, pool);
    t.equal(pool.out, 0, 'all pooled memory is back');
  });
}
