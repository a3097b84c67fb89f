/** Goal: a soak of some seconds passes, and its verdict can fail. */
import t from 'tap';
import { soak } from '../../tools/soak/soak.ts';
import { growthOf, MOST_GROWTH, problemsOf, type Sample } from '../../tools/soak/verdict.ts';
import { Random, SEED } from '../helpers/random.ts';

t.setTimeout(600_000);

const flat: Sample = { at: 0, life: 1, rssBytes: 90e6, heapBytes: 10e6, externalBytes: 3e6, descriptors: 30 };
const series = (count: number, part: (i: number) => Partial<Sample>): Sample[] =>
  Array.from({ length: count }, (_, i) => ({ ...flat, at: i * 60, ...part(i) }));

t.test(
  'load, kills, corrupted bytes, a restart: bytes and ends are right, and all comes to rest',
  async (t) => {
    const { rows, wrong } = await soak({
      seed: SEED,
      cycles: 2,
      loadMs: 4000,
      restMs: 0,
      restarts: (cycle) => cycle === 2,
      onCycle: (row) =>
        t.comment(`${row.connections} connections, ${JSON.stringify([...row.faults])}, seed ${SEED}`),
    });
    t.same(wrong, [], `seed ${SEED}`);
    t.equal(rows.length, 2);
    t.ok((rows.at(-1)?.connections ?? 0) > 10);
    t.ok((rows.at(-1)?.bytes ?? 0) > 1e6);
    t.equal(rows.at(-1)?.server.life, 2);
  },
);

t.test('what grows is seen, what is noisy is not', async (t) => {
  const random = new Random(SEED);
  const noisy = series(30, () => ({
    heapBytes: 10e6 + random.int(0, 3e6),
    rssBytes: 90e6 + random.int(0, 30e6),
  }));
  t.same(problemsOf('x', noisy), []);
  const leaking = series(30, (i) => ({ heapBytes: 10e6 + i * 0.5e6 + random.int(0, 3e6) }));
  t.match(problemsOf('x', leaking), [/x: heapBytes grows/]);
  t.match(
    problemsOf(
      'x',
      series(30, (i) => ({ descriptors: 30 + i })),
    ),
    [/descriptors grows/],
  );
  t.same(
    problemsOf(
      'x',
      series(3, (i) => ({ descriptors: 30 * i })),
    ),
    [],
    'three samples say nothing',
  );
  const warm = series(30, (i) => ({ heapBytes: i < 5 ? 5e6 : 12e6 }));
  t.same(problemsOf('x', warm), [], 'it warms up');
});

t.test('of a part that was started again its longest life counts', async (t) => {
  const lives = [
    ...series(3, (i) => ({ heapBytes: i * 50e6 })),
    ...series(10, (i) => ({ at: 300 + i * 60, life: 2 })),
  ];
  t.same(problemsOf('x', lives), []);
  const growing = lives.map((sample, i) => ({
    ...sample,
    rssBytes: sample.rssBytes + i * MOST_GROWTH.rssBytes,
  }));
  t.match(problemsOf('x', growing), [/rssBytes grows/]);
});

t.test('growth is over the whole time, by the slope', async (t) => {
  t.equal(growthOf([]), 0);
  t.equal(growthOf([0, 1, 2, 3, 4, 5, 6, 7].map((at) => ({ at, value: 10 * at }))), 50, 'from the third on');
});
