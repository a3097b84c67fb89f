/**
 * The corpus: a folder for each target, a file for each input, named by what is in it.
 */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Inputs that once failed begin like this, and stay. */
const FOUND = 'found-';

export function readCorpus(root: string, target: string): { name: string; input: Buffer }[] {
  const folder = join(root, target);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).sort();
  return names.map((name) => ({ name, input: readFileSync(join(folder, name)) }));
}

/** Replaces a target's corpus. What was found once is kept beside it. */
export function writeCorpus(root: string, target: string, inputs: readonly Buffer[]): void {
  const folder = join(root, target);
  mkdirSync(folder, { recursive: true });
  const names = new Set(inputs.map(nameOf));
  for (const name of readdirSync(folder))
    if (!name.startsWith(FOUND) && !names.has(name)) rmSync(join(folder, name));
  for (const input of inputs) writeFileSync(join(folder, nameOf(input)), input);
}

export function nameOf(input: Buffer): string {
  return createHash('sha256').update(input).digest('hex').slice(0, 16);
}
