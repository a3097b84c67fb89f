/**
 * make fuzz: looks for inputs that break a decoder, guided by coverage. `FUZZ='--help'` says what can be asked for.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SEED } from '../../test/helpers/random.ts';
import { nameOf, readCorpus, writeCorpus } from './corpus.ts';
import type { Failure } from './engine.ts';
import { TARGETS } from './targets.ts';
import { fuzzWatched } from './watched.ts';

// This file runs as dist/tools/fuzz/main.js.
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const CORPUS = join(ROOT, 'test/fuzz/corpus');
const FOUND = join(ROOT, 'build/fuzz');

const HELP = `make fuzz FUZZ='[--seconds N] [--save] [DECODER ...]'
  --seconds N            for each decoder (20)
  --save                 keep what reaches new code in test/fuzz/corpus
  --replay FILE DECODER  one input, without mutations; fails as it failed
SEED=n in the environment repeats a run, as far as the time allows.
decoders: ${TARGETS.map(({ name }) => name).join(', ')}
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      seconds: { type: 'string', default: '20' },
      save: { type: 'boolean', default: false },
      replay: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const unknown = positionals.find((name) => TARGETS.every((target) => target.name !== name));
  const seconds = Number(values.seconds);
  if (values.help || unknown !== undefined || !(seconds > 0)) {
    if (unknown !== undefined) console.error(`there is no decoder '${unknown}'`);
    console.error(HELP);
    return values.help ? 0 : 2;
  }
  const targets = TARGETS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  if (values.replay !== undefined) return replay(values.replay, targets[0] as (typeof TARGETS)[number]);
  console.log(`seed ${SEED}, ${seconds} s for each of ${targets.length} decoders`);
  console.log('decoder          inputs    blocks and outcomes   corpus   failures');
  let failures = 0;
  for (const { name } of targets) failures += await one(name, seconds, values.save);
  return failures === 0 ? 0 : 1;
}

async function one(name: string, seconds: number, save: boolean): Promise<number> {
  const corpus = readCorpus(CORPUS, name).map(({ input }) => input);
  const given = {
    targetName: name,
    corpus,
    seed: SEED,
    runs: Number.POSITIVE_INFINITY,
    milliseconds: seconds * 1000,
  };
  const { result, failures } = await fuzzWatched(given, (failure) => report(name, failure));
  const { runs = 0, features = 0, featuresBefore = 0, corpus: after = [] } = result ?? {};
  const bytes = after.reduce((sum, { length }) => sum + length, 0);
  const reached = `${featuresBefore} -> ${features}`.padStart(20);
  console.log(
    `${name.padEnd(12)} ${String(runs).padStart(10)} ${reached}   ${after.length}, ${bytes} bytes   ${failures.length}`,
  );
  if (save && result !== null) writeCorpus(CORPUS, name, after);
  return failures.length;
}

function report(name: string, { input, words }: Failure): void {
  mkdirSync(FOUND, { recursive: true });
  const file = join(FOUND, `${name}-${nameOf(input)}`);
  writeFileSync(file, input);
  const path = relative(ROOT, file);
  console.log(`\n${name}: ${words}\n  ${input.length} bytes, in ${path}; to see it again:`);
  console.log(`  node --enable-source-maps dist/tools/fuzz/main.js --replay ${path} ${name}\n`);
}

function replay(file: string, target: (typeof TARGETS)[number]): number {
  console.log(`${target.name}: ${target.run(readFileSync(file)).join('; ')}`);
  return 0;
}

process.exitCode = await main();
