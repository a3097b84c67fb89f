/**
 * The version of this program, from its package.json.
 */

import { readFileSync } from 'node:fs';

export function version(): string {
  // This file runs as dist/src/cli/version.js.
  const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  return manifest.version;
}
