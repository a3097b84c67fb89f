/** Goal: how soon a lost carrier is dialled again: at once after one that was of use, later and later after others. */
import t from 'tap';
import { TrunkWorld } from '../helpers/trunk_world.ts';

const MINUTE_MS = 60_000;

/** Milliseconds between attempts, while each carrier is cut soon after it has come. */
async function gaps(words: string, aliveMs: number): Promise<number[]> {
  const world = new TrunkWorld(['10.0.0.1'], 1);
  world.serve('10.0.0.1');
  world.client.start();
  while (world.dialled.length < 8 && world.clock.now() < MINUTE_MS) {
    await world.clock.advance(5);
    if (world.up === 0) continue;
    if (words !== '') world.app(words);
    await world.clock.advance(aliveMs);
    world.cut();
  }
  const times = world.dialled.map((line) => Number.parseInt(line, 10));
  world.end();
  await world.clock.advance(MINUTE_MS);
  return times.slice(1).map((at, i) => at - (times[i] as number));
}

t.test('each carries something and is cut: the next one follows at once', async (t) => {
  const all = await gaps('x'.repeat(40_000), 100);
  t.equal(all.length, 7);
  for (const gap of all) t.ok(gap < 300, `${all}`);
});

t.test('each lives for a while: the next one follows at once', async (t) => {
  const all = await gaps('', 1500);
  for (const gap of all) t.ok(gap < 1700, `${all}`);
});

t.test('each is cut before it carries anything: longer and longer pauses', async (t) => {
  const all = await gaps('', 100);
  t.ok((all.at(-1) as number) > 2000, `${all}`);
});

t.test(
  'apps whose connections were all lost wait for a second at most when the peer is there again',
  async (t) => {
    for (const outageMs of [3000, 10_000, 20_000]) {
      const world = new TrunkWorld(['10.0.0.1'], 1);
      const server = world.serve('10.0.0.1');
      world.client.start();
      await world.clock.advance(5000);
      const app = world.app();
      world.close('10.0.0.1');
      world.cut();
      await world.clock.advance(outageMs);
      world.listen(server, '10.0.0.1');
      await world.clock.advance(1100);
      t.equal(world.up, 1, `after ${outageMs} ms`);
      t.equal(app.length, 1, 'it goes on');
      world.end();
    }
  },
);
