/** Goal: why a peer is not reached is said with its address, once, and true on both sides; and who waits for what. */
import t from 'tap';
import { PipeError } from '../../src/core/errors.ts';
import { TrunkWorld } from '../helpers/trunk_world.ts';

t.test('what answers in the place of the peer is named with its address', async (t) => {
  const world = new TrunkWorld(['10.0.0.1', '10.0.0.2'], 2);
  world.pretend('10.0.0.1', 'SSH-2.0-x\r\n');
  world.pretend('10.0.0.2', '');
  world.client.start();
  const app = world.app();
  await world.clock.advance(5500);
  const again = 'it is tried again, and app connections wait up to 10\\.0s for it';
  t.match(world.lines, [
    new RegExp(`^warn {2}10\\.0\\.0\\.1:1: this is no tcp-proxy .*: it speaks SSH: 'SSH-2\\.0-x'; ${again}$`),
    new RegExp(`^warn {2}10\\.0\\.0\\.2:1: no handshake .* within 5 s, and not a byte came; ${again}$`),
  ]);
  await world.clock.advance(10_000);
  t.equal(world.lines.length, 2, world.lines.join('\n'));
  t.match(app, [/^10000 10\.0\.0\.\d:1: .*; gave up after 10\.0s$/]);
  world.end();
});

t.test('nobody can be served: each reason with its address, said once, and who refuses whom', async (t) => {
  const key = Buffer.alloc(32, 'one key');
  const world = new TrunkWorld(['10.0.0.1', '10.0.0.2'], 4, { key });
  world.serve('10.0.0.1');
  world.serveWith(Buffer.alloc(32, 'another'), '10.0.0.2');
  world.client.start();
  await world.clock.advance(30_000);
  t.match(world.lines, [
    /^error (?=.*10\.0\.0\.1:1 refuses: the client \(-c\) has a key)(?=.*10\.0\.0\.2:1: the keys differ: ).*; new app connections are reset until that is set right$/,
  ]);
  t.match(world.app(), [/ the keys differ/], 'an app is told at once');
  t.match(
    world.serverLines.filter((line) => line.includes('the keys differ')),
    [/^warn {2}192\.0\.2\.7:40000 refuses us: the keys differ/],
  );
  t.ok(
    world.serverLines.some((line) =>
      /a connection from .* is refused: the client \(-c\) has a key/.test(line),
    ),
  );
  world.serveWith(key, '10.0.0.2');
  await world.clock.advance(11_000);
  t.match(world.lines[1], /^info {2}10\.0\.0\.1:1 or 10\.0\.0\.2:1 can be reached again$/);
  world.end();
});

t.test('why a connection is missing is said when it first fails', async (t) => {
  const world = new TrunkWorld(['10.0.0.1', '10.0.0.2'], 2);
  world.serve('10.0.0.1');
  world.client.start();
  await world.clock.advance(60);
  t.match(world.lines, [
    /^warn {2}a connection is missing, and is tried again: nothing at 10\.0\.0\.2$/,
    /^info {2}striping to .* over 1 of 2 connections$/,
  ]);
  world.end();
});

t.test('a client is killed: its server says at once who waits, and how long', async (t) => {
  const world = new TrunkWorld(['10.0.0.1'], 4);
  world.serve('10.0.0.1');
  world.client.start();
  await world.clock.advance(5000);
  const app = world.app();
  await world.clock.advance(5000);
  t.match(app, [/ready$/]);
  world.cut();
  world.client.stop(new PipeError('cancelled', 'test'));
  await world.clock.advance(60);
  t.match(world.serverLines, [
    /^info {2}striping from 192\.0\.2\.7 over 4 connections$/,
    /^warn {2}lost all connections from 192\.0\.2\.7 \(4 x .*connection reset\); 1 app connection waits up to 30\.0s for one$/,
  ]);
  await world.clock.advance(30_000);
  t.match(
    world.serverLines[2],
    /^warn {2}the striped connection from 192\.0\.2\.7 is over: all its connections were lost/,
  );
  world.end();
});
