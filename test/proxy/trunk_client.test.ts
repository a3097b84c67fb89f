/**
 * Goal: a trunk's carriers over simulated time: dialled, lost, dialled again, restarted servers, other servers in their
 * stead, apps that wait, and what the log says about it.
 */
import t from 'tap';
import { PipeError } from '../../src/core/errors.ts';
import type { Trunk } from '../../src/layer/trunk/trunk.ts';
import type { IoPipe } from '../../src/pipe/pipe.ts';
import type { TrunkClient } from '../../src/proxy/trunk_client.ts';
import { RTT_MS, TrunkWorld } from '../helpers/trunk_world.ts';

/** An app's connection that a test looks at. */
class StreamOf {
  stream: IoPipe<'bytes'> | null = null;

  constructor(client: TrunkClient) {
    client.open(() => Buffer.alloc(0), {
      onReady: (stream) => {
        this.stream = stream;
      },
      onFailed() {},
    });
  }
}

t.test('carriers come, over all addresses, and both sides say so once', async (t) => {
  const world = new TrunkWorld(['10.0.0.1', '10.0.0.2'], 4);
  world.serve('10.0.0.1', '10.0.0.2');
  world.client.start();
  await world.clock.advance(1000);
  t.same(world.ways, { '10.0.0.1:1': 2, '10.0.0.2:1': 2 });
  t.same(world.lines, ['info  striping to 10.0.0.1:1 or 10.0.0.2:1 over 4 connections']);
  t.same(world.serverLines, ['info  striping from 192.0.2.7 over 4 connections']);
  world.end();
  await world.clock.advance(60_000);
  t.equal(world.clock.pending, 0, 'no timer is left');
});

t.test('one is lost: it comes back at once, to the address that was its own', async (t) => {
  const world = new TrunkWorld(['10.0.0.1', '10.0.0.2'], 4);
  world.serve('10.0.0.1', '10.0.0.2');
  world.client.start();
  await world.clock.advance(5000);
  world.cut('10.0.0.2', 1);
  await world.clock.advance(5000);
  t.same(world.ways, { '10.0.0.1:1': 2, '10.0.0.2:1': 2 });
  t.match(
    world.lines[1],
    /^info {2}lost a connection to .* \(10\.0\.0\.2:1: connection reset\); 3 of 4 connections are up$/,
  );
  t.match(world.lines[2], /^info {2}4 of 4 connections to .* are up$/);
  t.match(world.serverLines[1], /^info {2}lost a connection from 192\.0\.2\.7 \(.*\); 3 connections are up$/);
  t.equal(world.lines.length, 3);
  world.end();
});

t.test('all are lost and come back within the grace period: the app notices nothing', async (t) => {
  const world = new TrunkWorld(['10.0.0.1'], 3);
  const server = world.serve('10.0.0.1');
  world.client.start();
  await world.clock.advance(5000);
  const app = world.app();
  const trunk = world.client.trunk;
  world.close('10.0.0.1');
  world.cut();
  await world.clock.advance(10_000);
  t.match(
    world.lines.join('\n'),
    /warn {2}lost all connections to 10\.0\.0\.1:1 \(3 x connection reset\); 1 app connection waits up to 30\.0s/,
  );
  t.match(
    world.lines.join('\n'),
    /warn {2}nothing at 10\.0\.0\.1; it is tried again, and app connections wait up to 10\.0s for it/,
  );
  const before = world.clock.now();
  const late = world.app();
  const hurried = world.app();
  await world.clock.advance(8000);
  t.same(late, [], 'it waits');
  await world.clock.advance(500);
  world.listen(server, '10.0.0.1');
  await world.clock.advance(1100);
  t.equal(world.client.trunk, trunk, 'the trunk is the same');
  t.equal(world.up, 3);
  t.same(app, ['5000 ready'], 'and so is the connection of the app');
  t.match(late[0], / ready$/);
  t.equal(hurried.length, 1);
  t.ok(Number.parseInt(late[0] as string, 10) <= before + 10_000);
  t.match(world.lines.join('\n'), /10\.0\.0\.1:1 can be reached again/);
  t.match(
    world.lines.join('\n'),
    /info {2}again connected to 10\.0\.0\.1:1 after 1[89]\.\ds: \d of 3 connections .*up, and \d app connections go on/,
  );
  world.end();
});

t.test('nobody comes back: new apps wait for --connect-timeout, old ones for the grace period', async (t) => {
  const world = new TrunkWorld(['10.0.0.1'], 3, { graceMs: 12_000 });
  const server = world.serve('10.0.0.1');
  world.client.start();
  await world.clock.advance(5000);
  const app = world.app();
  world.kill(server);
  await world.clock.advance(1);
  const late = world.app();
  await world.clock.advance(60_000);
  t.match(app[1], /^170\d\d all its connections were lost, and none came back in time$/);
  t.same(late, ['15001 nothing at 10.0.0.1; gave up after 10.0s']);
  t.match(
    world.lines.join('\n'),
    /warn {2}the striped connection to 10\.0\.0\.1:1 is over: all its connections/,
  );
  t.equal(world.client.trunk, null);
  world.end();
});

t.test('a restart: streams are reset at once, and new connections work', async (t) => {
  const world = new TrunkWorld(['10.0.0.1'], 4);
  const server = world.serve('10.0.0.1');
  world.client.start();
  await world.clock.advance(5000);
  const app = world.app();
  world.kill(server);
  await world.clock.advance(20);
  world.serve('10.0.0.1');
  await world.clock.advance(200);
  t.match(app[1], / the peer was restarted$/);
  await world.clock.advance(1500);
  t.equal(world.up, 4);
  t.match(
    world.lines.join('\n'),
    /warn {2}the striped connection to 10\.0\.0\.1:1 is over: the peer was restarted/,
  );
  t.match(world.app()[0], /ready$/);
  world.end();
});

t.test('a second process behind another address: not used, and said once', async (t) => {
  const world = new TrunkWorld(['10.0.0.1', '10.0.0.2'], 4);
  world.serve('10.0.0.1');
  world.serve('10.0.0.2');
  world.client.start();
  await world.clock.advance(30_000);
  t.same(world.ways, { '10.0.0.1:1': 4 }, 'all carriers lead to one process');
  const warned = world.lines.filter((line) => line.includes('leads to another tcp-proxy -s'));
  t.equal(warned.length, 1, world.lines.join('\n'));
  t.match(warned[0], /warn {2}10\.0\.0\.2:1 leads to another tcp-proxy -s .*have to lead to the same one/);
  world.end();
});

t.test(
  'the second process takes over: at once from a trunk without streams, else after the grace period',
  async (t) => {
    for (const busy of [false, true]) {
      const world = new TrunkWorld(['10.0.0.1', '10.0.0.2'], 4);
      const first = world.serve('10.0.0.1');
      world.serve('10.0.0.2');
      world.client.start();
      await world.clock.advance(5000);
      const app = busy ? world.app() : [];
      world.kill(first);
      await world.clock.advance(20_000);
      t.same(Object.keys(world.ways), busy ? [] : ['10.0.0.2:1']);
      if (busy) t.equal(app.length, 1, 'its own process may come back');
      await world.clock.advance(20_000);
      // Some slots go on asking at the first.
      t.same(Object.keys(world.ways), ['10.0.0.2:1']);
      if (busy) t.match(app[1], /^350\d\d all its connections were lost/);
      t.match(world.app()[0], /ready$/);
      world.end();
    }
  },
);

t.test('an address that is dead for a while: its slots go to the others, and come back to it', async (t) => {
  const world = new TrunkWorld(['10.0.0.1', '10.0.0.2'], 4);
  const server = world.serve('10.0.0.1', '10.0.0.2');
  world.client.start();
  await world.clock.advance(5000);
  const app = world.app();
  world.close('10.0.0.2');
  world.cut('10.0.0.2');
  await world.clock.advance(500);
  t.ok(world.up >= 2, 'those that work go on');
  await world.clock.advance(3000);
  t.same(world.ways, { '10.0.0.1:1': 4 });
  const before = world.dialled.length;
  await world.clock.advance(95_000);
  t.equal(world.dialled.length - before, 3, 'one slot asks now and then');
  t.same(world.ways, { '10.0.0.1:1': 4 }, 'and keeps the carrier that it has');
  world.listen(server, '10.0.0.2');
  await world.clock.advance(31_000);
  t.same(world.ways, { '10.0.0.1:1': 2, '10.0.0.2:1': 2 });
  t.equal(world.up, 4);
  t.match(app, [/ready$/], 'the app noticed nothing');
  t.match(
    world.lines.filter((line) => line.includes('info  10.0.0.2')),
    [
      'info  10.0.0.2:1 does not work: its connections go to other addresses of the peer, and it is tried again every 30.0s',
      'info  10.0.0.2:1 works again, and gets its connections back',
    ],
  );
  world.end();
  t.equal(world.clock.pending, 0);
});

t.test(
  'a restart of a peer with two addresses: carriers are spread again, neither is said to fail',
  async (t) => {
    for (const goneMs of [50, 500, 3000, 9000]) {
      const world = new TrunkWorld(['10.0.0.1', '10.0.0.2'], 8);
      const server = world.serve('10.0.0.1', '10.0.0.2');
      world.client.start();
      await world.clock.advance(5000);
      world.kill(server);
      await world.clock.advance(goneMs);
      world.serve('10.0.0.1', '10.0.0.2');
      await world.clock.advance(12_000);
      t.same(world.ways, { '10.0.0.1:1': 4, '10.0.0.2:1': 4 }, `gone for ${goneMs} ms`);
      t.notMatch(world.lines.join('\n'), /does not work|works again/);
      world.end();
    }
  },
);

t.test(
  'one that comes home when its carrier is lost just then, and one whose peer ends meanwhile',
  async (t) => {
    for (const ends of [false, true]) {
      const world = new TrunkWorld(['10.0.0.1', '10.0.0.2'], 4);
      const server = world.serve('10.0.0.1');
      world.client.start();
      await world.clock.advance(5000);
      t.same(world.ways, { '10.0.0.1:1': 4 });
      world.listen(server, '10.0.0.2');
      // In the middle of its dialling: the timer is set when the first slot has moved, 700 ms after the start at most.
      while (!world.dialled.at(-1)?.includes('10.0.0.2')) await world.clock.advance(1);
      if (ends) world.kill(server);
      else world.cut();
      await world.clock.advance(40_000);
      t.same(world.ways, ends ? {} : { '10.0.0.1:1': 2, '10.0.0.2:1': 2 });
      world.end();
      t.equal(world.clock.pending, 0);
    }
  },
);

t.test('a dead address and a second process: slots go to the one that knows the trunk', async (t) => {
  const world = new TrunkWorld(['10.0.0.1', '10.0.0.2', '10.0.0.3'], 6);
  world.serve('10.0.0.1');
  const other = world.serve('10.0.0.3');
  world.client.start();
  await world.clock.advance(20_000);
  t.equal([...other.trunks].length, 0, 'the other process has no part in it');
  t.same(world.ways, { '10.0.0.1:1': 6 });
  world.end();
});

t.test('the first address is dead from the start: one carrier finds the second', async (t) => {
  const world = new TrunkWorld(['10.0.0.1', '10.0.0.2'], 1);
  world.serve('10.0.0.2');
  world.client.start();
  await world.clock.advance(1000);
  t.same(world.ways, { '10.0.0.2:1': 1 });
  world.end();
});

t.test('an address that accepts and says nothing keeps nobody from a good one', async (t) => {
  const world = new TrunkWorld(['10.0.0.1', '10.0.0.2'], 4);
  world.pretend('10.0.0.1', '');
  world.serve('10.0.0.2');
  world.client.start();
  await world.clock.advance(600);
  t.equal(world.up, 2);
  world.end();
});

t.test('pauses grow to five seconds, and an app that waits shortens them to one', async (t) => {
  const world = new TrunkWorld(['10.0.0.1'], 1);
  world.client.start();
  await world.clock.advance(60_000);
  const times = () => world.dialled.map((line) => Number.parseInt(line, 10));
  const gaps = times().map((at, i) => at - (times()[i - 1] ?? 0));
  t.ok(
    gaps.slice(8).every((gap) => gap >= 2500 && gap <= 5010),
    gaps.join(' '),
  );
  t.ok(new Set(gaps.slice(8)).size > 1, 'jittered');
  await world.clock.advance(1100);
  const count = world.dialled.length;
  const app = world.app();
  await world.clock.advance(RTT_MS);
  t.ok(world.dialled.length <= count + 1);
  await world.clock.advance(12_000);
  t.match(app[0], /nothing at 10\.0\.0\.1; gave up after 10\.0s/);
  t.equal(world.lines.length, 1, 'a peer that is not there is said once');
  world.end();
  t.equal(world.clock.pending, 0);
});

t.test('a network that flaps does not fill the log', async (t) => {
  const world = new TrunkWorld(['10.0.0.1'], 64);
  world.serve('10.0.0.1');
  world.client.start();
  await world.clock.advance(2000);
  for (let i = 0; i < 400; i++) {
    world.cut(null, 7);
    await world.clock.advance(50);
  }
  t.ok(world.lines.length <= 1 + 23, `${world.lines.length} lines in 20 s`);
  t.ok(world.serverLines.length <= 1 + 23, `${world.serverLines.length} lines of the server`);
  t.match(
    world.lines[2],
    /^info {2}lost \d+ connections to 10\.0\.0\.1:1 \(\d+ x connection reset\); \d+ of 64 connections are up$/,
  );
  world.end();
});

t.test(
  'one strange answer within the grace period ends nothing: old apps go on, new ones fail',
  async (t) => {
    const world = new TrunkWorld(['10.0.0.1'], 3);
    const server = world.serve('10.0.0.1');
    world.client.start();
    await world.clock.advance(5000);
    const app = world.app();
    const { trunk } = world.client;
    world.pretend('10.0.0.1', 'HTTP/1.1 302 Found\r\n\r\n');
    world.cut();
    await world.clock.advance(1000);
    t.match(world.app(), [/^6000 .*no tcp-proxy that stripes: it speaks HTTP/]);
    world.listen(server, '10.0.0.1');
    await world.clock.advance(20_000);
    t.equal(world.client.trunk, trunk);
    t.equal(world.up, 3);
    t.same(app, ['5000 ready'], 'the app noticed nothing');
    t.match(world.app(), [/ready$/]);
    world.end();
    t.equal(world.clock.pending, 0);
  },
);

t.test('strange answers for longer than the grace period: it decides', async (t) => {
  const world = new TrunkWorld(['10.0.0.1'], 3);
  world.serve('10.0.0.1');
  world.client.start();
  await world.clock.advance(5000);
  const app = world.app();
  world.pretend('10.0.0.1', 'HTTP/1.1 302 Found\r\n\r\n');
  world.cut();
  await world.clock.advance(60_000);
  t.match(app, ['5000 ready', /^350\d\d all its connections were lost, and none came back in time$/]);
  world.end();
});

t.test('without a number for it an app fails with words; a trunk that runs short is replaced', async (t) => {
  const world = new TrunkWorld(['10.0.0.1'], 2);
  world.serve('10.0.0.1');
  world.client.start();
  await world.clock.advance(5000);
  const old = world.client.trunk as Trunk;
  const busy = new StreamOf(world.client);
  // As after 2^30 connections...
  Object.defineProperty(old, 'worn', { value: true });
  t.match(world.app(), [/ready$/]);
  await world.clock.advance(1000);
  t.equal(busy.stream?.broken, null);
  t.equal(world.client.trunk, old, 'it has a stream');
  // ...and after 2^31.
  const open = () => {
    throw new PipeError('cancelled', 'trunk', 'all numbers for its connections are used');
  };
  Object.defineProperty(old, 'open', { value: open });
  t.same(world.app(), ['6000 all numbers for its connections are used']);
  for (const stream of [busy.stream, ...old.streams.values()])
    stream?.discard(new PipeError('reset', 'test'));
  await world.clock.advance(1000);
  t.equal(old.streams.size, 0);
  const app = world.app();
  await world.clock.advance(2000);
  t.match(app, [/ready$/]);
  t.not(world.client.trunk, old);
  t.match(world.lines.join('\n'), /is over: its numbers are used up, and a new one takes its place/);
  world.end();
});
