/**
 * Which test files a run takes.
 *
 * Sources decide, not what lies in dist: a test that was deleted or renamed leaves its compiled file behind, and
 * must not run on. A pattern is part of a path: `core`, `test/sys`, `e2e/ssh`.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

export interface TestFile {
  /** The source, from the root of the repository, as people say it: test/core/varint.test.ts. */
  name: string;
  /** What Node runs. */
  compiled: string;
  /** Alone on the machine: end-to-end tests load it, count descriptors, and measure time. */
  serial: boolean;
}

const SERIAL = ['test/e2e/'];

export interface Selection {
  patterns: string[];
  except: string[];
}

/** All `*.test.ts` under `root`/test that a selection takes, sorted; the parallel ones first. */
export function selectTests(root: string, { patterns, except }: Selection): TestFile[] {
  const files: TestFile[] = [];
  for (const path of walk(join(root, 'test'))) {
    const name = relative(root, path).split(sep).join('/');
    if (!name.endsWith('.test.ts')) continue;
    if (patterns.length > 0 && !patterns.some((p) => name.includes(p))) continue;
    if (except.some((p) => name.includes(p))) continue;
    files.push({
      name,
      compiled: join(root, 'dist', name.replace(/\.ts$/, '.js')),
      serial: SERIAL.some((prefix) => name.startsWith(prefix)),
    });
  }
  return files.sort((a, b) => Number(a.serial) - Number(b.serial) || (a.name < b.name ? -1 : 1));
}

/** Why a file cannot be run as it is, or null: running yesterday's build would be worse than an error. */
export function staleReason(root: string, file: TestFile): string | null {
  if (!existsSync(file.compiled)) return 'it has not been compiled: run `make build`';
  const source = statSync(join(root, file.name)).mtimeMs;
  return source > statSync(file.compiled).mtimeMs
    ? 'it changed after it was compiled: run `make build`'
    : null;
}

function* walk(folder: string): Generator<string> {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else yield path;
  }
}
