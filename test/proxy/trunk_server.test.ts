/** Goal: what a server knows of its clients' connections is right from the first moment to the last. */
import t from 'tap';
import { defaultPool } from '../../src/core/pool.ts';
import { framed } from '../../src/layer/trunk/greeting.ts';
import { ClientHandshake } from '../../src/layer/trunk/handshake.ts';
import { memoryPair } from '../../src/pipe/memory.ts';
import { HELLO } from '../helpers/joining.ts';
import { FROM, TrunkWorld } from '../helpers/trunk_world.ts';

t.test('a carrier that has ended when it joins is known by its name, and forgotten', async (t) => {
  const world = new TrunkWorld(['10.0.0.1'], 1);
  const server = world.serve('10.0.0.1');
  const join = (carrierId: number) => {
    const [near, far] = memoryPair('bytes');
    const { hello } = new ClientHandshake({ ...HELLO, mayCreate: true, carrierId }, null);
    near.send(defaultPool.copy(framed(hello)));
    server.accept(far, FROM);
    return near;
  };
  join(0).sendFin();
  await world.clock.advance(2000);
  t.same(world.serverLines, [
    'warn  lost all connections from 192.0.2.7 (port 40000: closed by the other side)',
  ]);
  const stays = join(1);
  await world.clock.advance(2000);
  t.match(world.serverLines.slice(1), [
    /^info {2}again connected from 192\.0\.2\.7 after .*: 1 connection is up$/,
  ]);
  stays.discard();
  world.end();
});
