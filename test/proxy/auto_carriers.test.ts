/**
 * Goal: a client with `-n auto` adds carriers and takes them away while an app is served; its server takes none of them for
 * lost, and none is dialled again. What the carriers carry is pretended here: test/sim/auto.test.ts has it over TCP.
 */

import t, { type Test } from 'tap';
import { TrunkWorld } from '../helpers/trunk_world.ts';

/** A client with one app, on a network that carries so much with so many carriers; bytes per millisecond. */
async function serving(t: Test, peers: string[], network: { rate: (carriers: number) => number }) {
  const world = new TrunkWorld(peers, 'auto');
  t.teardown(() => world.end());
  const server = world.serve(...peers);
  world.client.start();
  await world.clock.advance(1000);
  const app = world.app();
  pretend(world, network);
  return { world, server, app };
}

function pretend({ client, clock }: TrunkWorld, network: { rate: (carriers: number) => number }): void {
  const { trunk } = client;
  let bytes = 0;
  let at = clock.now();
  const carriedBytes = () => {
    bytes += network.rate(trunk?.carriers.size ?? 0) * (clock.now() - at);
    at = clock.now();
    return bytes;
  };
  Object.defineProperty(trunk, 'carriedBytes', { get: carriedBytes });
  Object.defineProperty(trunk, 'backlogged', { value: true });
}

t.test('it begins with two, or with one for each address', async (t) => {
  for (const [peers, count] of [
    [['10.0.0.1'], 2],
    [['10.0.0.1', '10.0.0.2', '10.0.0.3'], 3],
  ] as const) {
    const world = new TrunkWorld([...peers], 'auto');
    world.serve(...peers);
    world.client.start();
    await world.clock.advance(60_000);
    t.equal(world.up, count);
    t.equal(world.clock.pending > 0, true);
    world.end();
    await world.clock.advance(60_000);
    t.equal(world.clock.pending, 0, 'no timer is left');
  }
});

t.test('grows while that is of use, and shrinks when it is not', async (t) => {
  const network = { rate: (carriers: number) => 1000 * carriers };
  const { world, app } = await serving(t, ['10.0.0.1', '10.0.0.2'], network);
  await world.clock.advance(20_000);
  t.equal(world.up, 16);
  t.same(world.ways, { '10.0.0.1:1': 8, '10.0.0.2:1': 8 });
  t.same(
    world.lines.filter((line) => line.includes('now')),
    [
      'info  striping to 10.0.0.1:1 or 10.0.0.2:1 over 3 connections now: 24.0 Mbit/s, 16.0 with 2',
      'info  striping to 10.0.0.1:1 or 10.0.0.2:1 over 5 connections now: 40.0 Mbit/s, 24.0 with 3',
      'info  striping to 10.0.0.1:1 or 10.0.0.2:1 over 8 connections now: 64.0 Mbit/s, 40.0 with 5',
      'info  striping to 10.0.0.1:1 or 10.0.0.2:1 over 12 connections now: 96.0 Mbit/s, 64.0 with 8',
      'info  striping to 10.0.0.1:1 or 10.0.0.2:1 over 16 connections now: 128.0 Mbit/s, 96.0 with 12',
    ],
  );
  t.equal(world.lines.length, 6, 'and that it began');
  network.rate = () => 20_000;
  await world.clock.advance(120_000);
  t.equal(world.up, 2);
  t.equal(world.client.carriers.length, 2);
  t.match(world.lines.at(-1), /over 2 connections now: 160\.0 Mbit\/s, and 3 were no faster$/);
  const dialled = world.dialled.length;
  await world.clock.advance(5000);
  t.equal(world.dialled.length, dialled, 'nothing is dialled in their place');
  t.notMatch([...world.lines, ...world.serverLines].join('\n'), /lost|missing/);
  t.equal(world.serverLines.at(-1), 'info  2 connections from 192.0.2.7 are up');
  t.equal(app.length, 1, 'the app noticed nothing');
});

t.test('one that is lost is dialled again, and those that are tried as well', async (t) => {
  const network = { rate: (carriers: number) => 1000 * Math.min(carriers, 3) };
  const { world } = await serving(t, ['10.0.0.1'], network);
  await world.clock.advance(10_000);
  t.equal(world.up, 3);
  world.cut(null, 1);
  await world.clock.advance(2000);
  t.equal(world.up, 3);
  t.match(world.lines.join('\n'), /lost a connection to .*; 2 of 3 connections are up\n.*3 of 3 connections/);
});

t.test('its peer is restarted: as many as before, and judged anew', async (t) => {
  const network = { rate: (carriers: number) => 1000 * Math.min(carriers, 5) };
  const { world, server } = await serving(t, ['10.0.0.1'], network);
  await world.clock.advance(10_000);
  t.equal(world.up, 5);
  world.kill(server);
  await world.clock.advance(3000);
  world.serve('10.0.0.1');
  await world.clock.advance(10_000);
  t.equal(world.up, 5);
  world.app();
  network.rate = (carriers) => 1000 * carriers;
  pretend(world, network);
  await world.clock.advance(20_000);
  t.equal(world.up, 16);
});

t.test('what is on its way out is shown', async (t) => {
  const network = { rate: () => 1000 };
  const { world } = await serving(t, ['10.0.0.1'], network);
  while (world.client.carriers.length < 3) await world.clock.advance(10);
  await world.clock.advance(500);
  const release = world.hold();
  while (world.client.carriers.every(({ state }) => state !== 'closing')) await world.clock.advance(10);
  t.equal(world.client.carriers.length, 3);
  release();
  await world.clock.advance(1000);
  t.equal(world.client.carriers.length, 2);
});
