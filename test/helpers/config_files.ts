/**
 * Configuration files for tests, in a folder that goes with the process.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { ConfigMistakes } from '../../src/cli/config/config_mistakes.ts';
import { type Above, type Plan, readPlan } from '../../src/cli/config/plan.ts';

export const NOTHING: Above = { environment: new Map(), typed: new Map() };

export const folder = mkdtempSync(join(tmpdir(), 'striper-config-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

export function written(text: string, ending = 'yaml'): string {
  const file = join(folder, `c${files++}.${ending}`);
  writeFileSync(file, text);
  return file;
}

export const planOf = (text: string, ending?: string, above = NOTHING): Plan =>
  readPlan(written(text, ending), above);

/** The mistakes, without the name of the file in front of each. */
export function mistakesOf(text: string, ending?: string, above = NOTHING): string[] {
  const file = written(text, ending);
  try {
    readPlan(file, above);
  } catch (error) {
    if (!(error instanceof ConfigMistakes)) throw error;
    return error.lines.map((line) => line.replace(file, '').replace(/^:/, '').trim());
  }
  return [];
}
