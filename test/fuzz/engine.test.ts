/** Goal: the fuzzer finds what is hidden behind one condition after the other, makes it small, and stops what hangs. */
import t from 'tap';
import { minimise, smallest } from '../../tools/fuzz/minimise.ts';
import { fuzzWatched } from '../../tools/fuzz/watched.ts';
import { SEED } from '../helpers/random.ts';

t.setTimeout(300_000);

const PLANTED = new URL('../helpers/planted_worker.js', import.meta.url);
const planted = (seed: number, runs: number) => {
  const given = { targetName: 'planted', corpus: [], seed, runs, milliseconds: Number.POSITIVE_INFINITY };
  return fuzzWatched(given, () => {}, { worker: PLANTED });
};

t.test('a failure five conditions deep is found, and made small', async (t) => {
  const { result, failures } = await planted(SEED, 5_000_000);
  t.equal(failures.length, 1, `seed ${SEED}, ${result?.runs} runs`);
  const [failure] = failures;
  t.equal(failure?.input.toString('hex'), '7b11fe400000', 'nothing in it that is not needed');
  t.match(failure?.words, /five conditions deep[\s\S]*guarded/);
  t.ok((result?.corpus.length ?? 0) >= 3, 'inputs on the way to it');
});

t.test('the same run again from the same seed', async (t) => {
  const corpusOf = async () => (await planted(7, 3000)).result?.corpus.map((input) => input.toString('hex'));
  t.same(await corpusOf(), await corpusOf());
});

t.test('what hangs is stopped, and its input is known', async (t) => {
  const hangs = new URL(
    `data:text/javascript,${encodeURIComponent(`
      import { workerData } from 'node:worker_threads';
      const { shared } = workerData;
      new Uint8Array(shared, 8).set([1, 2, 3]);
      new Int32Array(shared, 4, 1)[0] = 3;
      Atomics.add(new Int32Array(shared, 0, 1), 0, 1);
      for (;;);`)}`,
  );
  const given = { targetName: 'x', corpus: [], seed: 1, runs: 1, milliseconds: 1 };
  const { result, failures } = await fuzzWatched(given, () => {}, { worker: hangs, hangMs: 500 });
  t.equal(result, null);
  t.match(failures, [{ input: Buffer.from([1, 2, 3]), words: /it hangs/ }]);
});

t.test('a target in its thread: what it found comes back', async (t) => {
  const given = { targetName: 'leb128', corpus: [], seed: SEED, runs: 500, milliseconds: 60_000 };
  const { result, failures } = await fuzzWatched(given, () => {});
  t.same(failures, []);
  t.ok(result !== null && result.runs >= 500 && result.corpus.length > 0);
  t.ok(result?.corpus.every((input) => Buffer.isBuffer(input)));
});

t.test('an input is made as small as it can be while it does the same', async (t) => {
  const input = Buffer.from('some text with a needle in it, and more text behind it');
  t.equal(minimise(input, (smaller) => smaller.includes('needle')).toString(), 'needle');
  t.equal(minimise(Buffer.alloc(0), () => true).length, 0);
});

t.test('of a corpus those stay that reach what no other does', async (t) => {
  const kept = [
    { input: Buffer.from('aaaa'), features: new Set(['1', '2']) },
    { input: Buffer.from('b'), features: new Set(['1']) },
    { input: Buffer.from('cc'), features: new Set(['2', '3']) },
  ];
  t.same(
    smallest(kept).map(({ input }) => input.toString()),
    ['cc', 'b'],
  );
});
