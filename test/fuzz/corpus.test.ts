/** Goal: every input that fuzzing found worth keeping, or that once broke something, is dealt with as it should be. */
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { readCorpus } from '../../tools/fuzz/corpus.ts';
import { TARGETS } from '../../tools/fuzz/targets.ts';

// This file runs as dist/test/fuzz/corpus.test.js; the corpus is not compiled.
const CORPUS = fileURLToPath(new URL('../../../test/fuzz/corpus', import.meta.url));
const MOST_BYTES = 300 * 1024;

let bytes = 0;
for (const target of TARGETS) {
  t.test(target.name, async (t) => {
    const corpus = readCorpus(CORPUS, target.name);
    t.ok(corpus.length > 0, `${corpus.length} inputs`);
    for (const { name, input } of corpus) {
      bytes += input.length;
      try {
        target.run(Buffer.from(input));
      } catch (error) {
        t.fail(`test/fuzz/corpus/${target.name}/${name}: ${(error as Error).message}`);
      }
    }
    for (const [i, seed] of target.seeds.entries())
      t.doesNotThrow(() => target.run(Buffer.from(seed as string)), `seed ${i}`);
  });
}

t.test('the corpus stays small', async (t) => {
  t.ok(bytes <= MOST_BYTES, `${bytes} bytes`);
});
