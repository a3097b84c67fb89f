/** Other versions of Node, as npm packages, kept in the user's cache: one is 190 MB. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Returns the path of the newest `node` of this major version, installed on first use. */
export function installNode(major: string): string {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const folder = join(cache, 'tcp-striper', `node-${major}`);
  // What the package `node` would install from a script of its own; npm 12 runs no such scripts.
  const name = `node-${process.platform}-${process.arch}`;
  const node = join(folder, 'node_modules', name, 'bin/node');
  if (!existsSync(node)) {
    console.log(`Installing Node ${major} in ${folder} ...`);
    mkdirSync(folder, { recursive: true });
    const args = [
      'install',
      '--prefix',
      folder,
      `${name}@${major}`,
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    ];
    execFileSync('npm', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  return node;
}
