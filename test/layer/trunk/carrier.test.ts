/** Goal: a carrier learns how far away its peer is, also when it takes a longer way for a stall; and who never answers is dead. */
import t from 'tap';
import { SlabPool } from '../../../src/core/pool.ts';
import { memoryPair } from '../../../src/pipe/memory.ts';
import { carrierOf } from '../../helpers/carrier_of.ts';

function world() {
  const pool = new SlabPool();
  const [near, far] = memoryPair('messages', { capacity: 1 << 24 });
  const carrier = carrierOf(0, near);
  const send = (now: number, bytes = 1000) => carrier.send(pool.take(bytes), true, null, [], now);
  let count = 0;
  const acknowledge = (now: number) => carrier.acknowledge(++count, now, () => {});
  return { carrier, far, send, acknowledge };
}

t.test('a path that gets longer is a stall at first, and then the way it is', async (t) => {
  const { carrier, send, acknowledge } = world();
  for (let now = 0; now < 200; now += 10) {
    send(now);
    acknowledge(now + 1);
  }
  let stalls = 0;
  for (let now = 200; now < 4000; now += 60) {
    send(now);
    if (now + 50 > carrier.overdueAt) {
      stalls++;
      carrier.onOverdue(
        carrier.overdueAt,
        1000,
        () => {},
        () => {},
      );
    }
    acknowledge(now + 50);
  }
  t.ok(stalls > 0, 'nobody could know');
  t.ok(stalls < 10, `${stalls} of 64 were taken for stalls`);
  t.equal(carrier.stalled, false);
});

t.test('the length of a stall is no distance', async (t) => {
  const { carrier, send, acknowledge } = world();
  for (let now = 0; now < 200; now += 10) {
    send(now);
    acknowledge(now + 1);
  }
  for (let i = 0; i < 5; i++) send(200 + i);
  carrier.onOverdue(
    400,
    1000,
    () => {},
    () => {},
  );
  for (let i = 0; i < 5; i++) acknowledge(8200);
  t.ok(carrier.estimate.srttMs < 100, `${carrier.estimate.srttMs} ms`);
  t.ok(carrier.estimate.patienceMs(0) < 1000, `${carrier.estimate.patienceMs(0)} ms`);
});

t.test('who is asked again and again and never answers is dead', async (t) => {
  const { carrier } = world();
  carrier.onPing(5000);
  t.equal(carrier.deadAt(15_000), 20_000);
  carrier.onPing(10_000);
  t.equal(carrier.deadAt(15_000), 20_000, 'asking once more gives it no more time');
  carrier.onDatagram(16, false, 12_000);
  t.equal(carrier.deadAt(15_000), Number.POSITIVE_INFINITY);
  carrier.onPing(17_000);
  t.equal(carrier.deadAt(15_000), 32_000);
});

t.test('who talks and never acknowledges is dead as well', async (t) => {
  const { carrier, send } = world();
  send(1000);
  for (let now = 2000; now < 16_000; now += 1000) carrier.onDatagram(16, false, now);
  t.equal(carrier.deadAt(15_000), 16_000);
});
