/** Goal: a connection that carries nothing is said once, with its way and what it means, and once when it moves again. */
import t from 'tap';
import { lineLogger } from '../../src/core/log.ts';
import type { Carrier } from '../../src/layer/trunk/carrier.ts';
import { StallLog } from '../../src/proxy/stall_log.ts';
import { SimClock } from '../helpers/sim_clock.ts';
import { TrunkWorld } from '../helpers/trunk_world.ts';

function world(up: number) {
  const clock = new SimClock();
  const lines: string[] = [];
  const log = new StallLog({
    log: lineLogger('info', (line) => lines.push(line.replace(/^\S+ /, ''))),
    clock,
    whom: 'to server:1',
    up: () => up,
  });
  const carriers = Array.from({ length: up }, () => ({}) as Carrier);
  const name = (i: number) => ({ whole: `connection ${i + 1} of ${up} to a:1`, way: `a:1 via eth${i}` });
  return {
    clock,
    log,
    async after(ms: number): Promise<string[]> {
      await clock.advance(ms);
      return lines.splice(0);
    },
    stuck: (i: number) => log.stuck(carriers[i] as Carrier, name(i)),
    moving: (i: number) => log.moving(carriers[i] as Carrier),
    lost: (i: number) => log.lost(carriers[i] as Carrier),
  };
}

t.test('one of several', async (t) => {
  const { stuck, moving, after, clock } = world(4);
  stuck(1);
  t.same(await after(50), [
    'warn  connection 2 of 4 to a:1 has carried nothing for 2.0s; its traffic goes over the others',
  ]);
  moving(1);
  t.same(await after(1000), ['info  connection 2 of 4 to a:1 carries again']);
  t.equal(clock.pending, 0);
});

t.test('several together are one line, and all of them leave nobody to take over', async (t) => {
  const { stuck, moving, after } = world(4);
  for (const i of [1, 2]) stuck(i);
  t.same(await after(50), [
    'warn  2 of 4 connections to server:1 (a:1 via eth1, a:1 via eth2) have carried nothing for 2.0s; ' +
      'their traffic goes over the others',
  ]);
  for (const i of [0, 3]) stuck(i);
  t.match(await after(1000), [
    /^warn {2}none of the 4 connections .* has carried anything for 2\.0s; what they should carry waits$/,
  ]);
  for (const i of [0, 1, 2, 3]) moving(i);
  t.match(await after(1000), [/^info {2}4 of 4 connections to server:1 \(.*, \.\.\.\) carry again$/]);
  for (const i of [0, 1, 2, 3]) stuck(i);
  t.match(await after(1000), [
    /^warn {2}none of the 4 connections to server:1 has carried anything for 2\.0s/,
  ]);
});

t.test('several that go the same way: the peer is named once', async (t) => {
  const world = new TrunkWorld(['10.0.0.1'], 4);
  world.serve('10.0.0.1');
  world.client.start();
  await world.clock.advance(5000);
  const release = world.hold('10.0.0.1', 2);
  for (let i = 0; i < 8; i++) world.app('what is this');
  await world.clock.advance(4000);
  for (const line of [...world.lines, ...world.serverLines])
    t.ok(line.split(/10\.0\.0\.1|192\.0\.2\.7/).length <= 2, line);
  t.ok(world.lines.length > 1, 'there are lines about it');
  release();
  world.end();
});

t.test('the only one', async (t) => {
  const { stuck, after } = world(1);
  stuck(0);
  t.match(await after(50), [/connection 1 of 1 to a:1 has carried nothing for 2\.0s; what .* waits$/]);
});

t.test('one that is lost is not said to move, nor one that moved before the line to be stuck', async (t) => {
  const { stuck, moving, lost, after, log, clock } = world(4);
  stuck(0);
  await after(50);
  lost(0);
  moving(0);
  stuck(1);
  moving(1);
  t.same(await after(5000), []);
  stuck(2);
  log.over();
  t.same(await after(5000), []);
  t.equal(clock.pending, 0);
});

t.test('it comes about while it happens: in the log of a client with four carriers', async (t) => {
  const world = new TrunkWorld(['10.0.0.1', '10.0.0.2'], 4);
  world.serve('10.0.0.1', '10.0.0.2');
  world.client.start();
  await world.clock.advance(5000);
  const release = world.hold();
  world.app('what is this');
  await world.clock.advance(1900);
  t.equal(world.lines.length, 1);
  await world.clock.advance(1500);
  t.match(world.lines[1], /^warn {2}.*10\.0\.0\.\d:1.* carried (nothing|anything) for 2\.0s; /);
  release();
  await world.clock.advance(2000);
  t.match(world.lines.at(-1), /^info {2}.* (carries|carry) again$/);
  world.end();
  await world.clock.advance(60_000);
  t.equal(world.clock.pending, 0);
});
