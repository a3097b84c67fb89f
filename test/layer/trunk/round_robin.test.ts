/** Goal: round robin is what it says: strictly in turn, and nobody goes in the place of one that has no room. */
import t from 'tap';
import { SlabPool } from '../../../src/core/pool.ts';
import type { Carrier } from '../../../src/layer/trunk/carrier.ts';
import { RoundRobin } from '../../../src/layer/trunk/round_robin.ts';
import { memoryPair } from '../../../src/pipe/memory.ts';
import { carrierOf } from '../../helpers/carrier_of.ts';
import { SimPair } from '../../sim/pair.ts';

function world(count: number) {
  const pool = new SlabPool();
  const carriers = new Map<number, Carrier>();
  for (let id = 0; id < count; id++)
    carriers.set(id, carrierOf(id, memoryPair('messages', { capacity: 1000 })[0]));
  const turns = new RoundRobin();
  const fill = (id: number) => carriers.get(id)?.send(pool.take(1000), true, null, [], 0);
  const take = () => {
    const carrier = turns.next(carriers);
    if (carrier !== null) turns.onSent(carrier);
    return carrier?.id ?? null;
  };
  return { carriers, fill, take };
}

t.test('one after the other, and from the beginning again', async (t) => {
  const { carriers, take } = world(3);
  t.same([take(), take(), take(), take()], [0, 1, 2, 0]);
  carriers.delete(1);
  t.same([take(), take(), take()], [2, 0, 2], 'one that is lost has no turn any more');
  carriers.clear();
  t.equal(take(), null);
});

t.test('it waits for the one whose turn it is', async (t) => {
  const { carriers, fill, take } = world(3);
  fill(1);
  t.same([take(), take(), take()], [0, null, null]);
  carriers.delete(1);
  t.equal(take(), 2);
});

t.test('a trunk that is told so gives its slowest carrier as much as the others', async (t) => {
  for (const [scheduler, least, most] of [
    ['round-robin', 0.45, 0.55],
    ['earliest', 0, 0.2],
  ] as const) {
    const pair = new SimPair({ scheduler });
    for (const rate of [1000, 50]) pair.dial({ rate, delayMs: 10, bufferBytes: 200_000 });
    pair.send(20_000_000);
    pair.finish(1_000_000);
    const [fast = 0, slow = 0] = pair.client.report.carriers.map(({ bytes }) => bytes);
    const share = slow / (fast + slow);
    t.ok(share >= least && share <= most, `${scheduler}: the slow one had ${share}`);
  }
});

t.test('what was sent is accounted for: data once, what was sent again, and little around it', async (t) => {
  const pair = new SimPair();
  for (let i = 0; i < 4; i++) pair.dial({ rate: 2500, delayMs: 25, bufferBytes: 200_000 });
  pair.send(20_000_000);
  pair.finish(60_000);
  const { sentBytes, dataBytes, repeatedBytes } = pair.client.report;
  t.equal(dataBytes, 20_000_000);
  const around = sentBytes - dataBytes - repeatedBytes;
  t.ok(around > 0 && around < 0.002 * dataBytes, `${around} bytes around ${dataBytes}`);
  const { peakEarlyBytes } = pair.server.report;
  t.ok(peakEarlyBytes > 0 && peakEarlyBytes < dataBytes / 2, `${peakEarlyBytes} bytes came early`);
});
