/**
 * The contract of src/pipe/pipe.ts as tests, for every pipe that there is.
 *
 *     testPipe(t, 'MemoryPipe of bytes', async () => memoryPair('bytes'), { kind: 'bytes', ...MEMORY });
 *
 * Every case runs twice, the second time with the ends swapped, and behind a CheckedPipe on both. At the end of each
 * the pool has all its slabs back and the process as many descriptors as before.
 */

import type { Test } from 'tap';
import { SlabPool } from '../../src/core/pool.ts';
import { CheckedPipe } from '../../src/pipe/checked.ts';
import type { PipeKind } from '../../src/pipe/pipe.ts';
import { PipeEnd } from '../helpers/pipe_end.ts';
import { Random, SEED } from '../helpers/random.ts';
import { eventually, openDescriptors, passes } from '../helpers/settle.ts';
import { dataCases } from './data.ts';
import { discardCases } from './discard.ts';
import { finCases } from './fin.ts';
import { misuseCases } from './misuse.ts';
import { pressureCases } from './pressure.ts';
import { resetCases } from './reset.ts';
import type { Case, MakePair, Traits } from './traits.ts';

const CASES: readonly Case[] = [
  ...dataCases,
  ...finCases,
  ...resetCases,
  ...pressureCases,
  ...discardCases,
  ...misuseCases,
];

export function testPipe<K extends PipeKind>(
  t: Test,
  name: string,
  makePair: MakePair<K>,
  traits: Traits,
): void {
  t.test(name, async (t) => {
    await warmUp(makePair);
    for (const one of CASES) {
      if (one.applies !== undefined && !one.applies(traits)) continue;
      for (const swapped of [false, true]) {
        await t.test(`${one.name}${swapped ? ', ends swapped' : ''}`, (t) =>
          runCase(t, one, makePair, traits, swapped),
        );
      }
    }
  });
}

/** The first socket of a process opens descriptors that stay: a poller, a random source. */
async function warmUp<K extends PipeKind>(makePair: MakePair<K>): Promise<void> {
  const pool = new SlabPool();
  for (const pipe of await makePair({ pool, random: new Random(SEED) })) pipe.discard();
  await passes(5);
}

async function runCase<K extends PipeKind>(
  t: Test,
  one: Case,
  makePair: MakePair<K>,
  traits: Traits,
  swapped: boolean,
): Promise<void> {
  const pool = new SlabPool();
  const random = new Random(SEED);
  const descriptors = openDescriptors();
  const pair = await makePair({ pool, random });
  if (swapped) pair.reverse();
  const [rawA, rawB] = pair;
  const checked = pair.map((pipe) => new CheckedPipe(pipe)) as [CheckedPipe<K>, CheckedPipe<K>];
  const [a, b] = checked.map((pipe) => new PipeEnd<PipeKind>(pipe, pool)) as [PipeEnd, PipeEnd];
  try {
    await one.run(t, { a, b, rawA, rawB, pool, random, traits });
  } finally {
    for (const pipe of checked) pipe.discard();
    if (!t.passing()) t.comment(`SEED=${SEED} repeats this`);
  }
  const violations = checked.flatMap((pipe) => pipe.violations.map((violation) => violation.message));
  t.same(violations, [], 'the contract was kept');
  await eventually(
    'all slabs back',
    () => pool.out === 0,
    () => pool.out,
  );
  await eventually(
    'all descriptors back',
    () => openDescriptors() <= descriptors,
    () => [descriptors, openDescriptors()],
  );
  t.equal(pool.out, 0, 'all slabs are back');
}
