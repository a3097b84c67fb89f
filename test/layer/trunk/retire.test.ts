/**
 * Goal: a carrier that is not wanted any more leaves without anybody noticing: what is on it arrives,
 * and neither side takes it for lost. What was only half of it is no less safe.
 */

import t from 'tap';
import type { Carrier } from '../../../src/layer/trunk/carrier.ts';
import type { Trunk } from '../../../src/layer/trunk/trunk.ts';
import { SimPair } from '../../sim/pair.ts';

const LINK = { rate: 1000, delayMs: 20, bufferBytes: 128 * 1024 };
const TOTAL = 4_000_000;

const carrierOf = (trunk: Trunk, id: number) => trunk.carriers.get(id) as Carrier;

/** Three links and a transfer, and something that happens to them. */
function busyPair(at: number, act: (pair: SimPair) => void) {
  const pair = new SimPair();
  for (let i = 0; i < 3; i++) pair.dial(LINK);
  const transfer = pair.send(TOTAL);
  pair.world.after(at, () => act(pair));
  return { pair, transfer };
}

t.test('in the middle of a transfer: all that is on it arrives, once, and then it is closed', async (t) => {
  const { pair } = busyPair(400, ({ client }) => {
    const carrier = carrierOf(client, 1);
    t.ok(carrier.inFlight > 0, 'it has something to bring');
    client.retire(carrier);
    t.ok(client.isRetired(carrier));
  });
  let report = pair.client.report;
  let sentThen = 0;
  pair.world.after(401, () => {
    sentThen = carrierOf(pair.client, 1).sentBytes;
  });
  pair.world.after(1000, () => {
    for (const trunk of [pair.client, pair.server]) t.same([...trunk.carriers.keys()], [0, 2]);
    report = pair.client.report;
  });
  pair.finish(60_000);
  t.ok(sentThen > 0);
  t.equal(report.lost.count, 0);
  t.ok(report.lost.bytes >= sentThen, 'what it carried is remembered');
});

t.test('it gets nothing new', async (t) => {
  let before = 0;
  const { pair } = busyPair(400, ({ client, world }) => {
    const carrier = carrierOf(client, 1);
    before = carrier.sentBytes;
    client.retire(carrier);
    world.after(15, () => t.ok(carrier.sentBytes - before < 100, `${carrier.sentBytes - before} bytes`));
  });
  pair.finish(60_000);
  t.ok(before > 0);
});

t.test('all others are lost before it has left: it goes on', async (t) => {
  const { pair } = busyPair(400, ({ client, links }) => {
    client.retire(carrierOf(client, 1));
    links[0]?.cut();
    links[2]?.cut();
  });
  pair.finish(60_000);
  t.pass('the transfer ends');
});

t.test('all others are lost when it is closed at one end: everything goes over a new one', async (t) => {
  for (const ms of [5, 30, 60, 100]) {
    const { pair } = busyPair(400, ({ client, links, world }) => {
      client.retire(carrierOf(client, 1));
      world.after(ms, () => {
        links[0]?.cut();
        links[2]?.cut();
        world.after(500, () => void pair.dial(LINK));
      });
    });
    pair.finish(60_000);
    t.pass(`the transfer ends, ${ms} ms`);
  }
});

t.test('it dies on its way out: what was on it is sent again', async (t) => {
  const { pair } = busyPair(400, ({ client, links }) => {
    client.retire(carrierOf(client, 1));
    links[1]?.cut();
  });
  let lost = 0;
  pair.world.after(1000, () => {
    lost = pair.client.report.lost.count;
  });
  pair.finish(60_000);
  t.equal(lost, 1);
});

t.test('a peer that never closes its end: it is given up after a while', async (t) => {
  const { pair } = busyPair(5000, ({ client, links }) => {
    t.equal(client.idle, true);
    client.retire(carrierOf(client, 1));
    links[1]?.freeze();
  });
  pair.world.after(25_000, () => t.same([...pair.client.carriers.keys()], [0, 2]));
  pair.send(1, 26_000);
  pair.finish(60_000);
});
