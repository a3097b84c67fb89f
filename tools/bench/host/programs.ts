// Other people's programs: where they are, and what to install when they are not.

import { existsSync } from 'node:fs';
import { join } from 'node:path';

export interface Missing {
  what: string;
  remedy: string;
}

const folders = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/bin', '/bin'];

/** Debian keeps servers in /usr/sbin, which is not on everybody's path. */
export function find(program: string): string | null {
  const onPath = (process.env.PATH ?? '').split(':');
  return [...onPath, ...folders].map((folder) => join(folder, program)).find(existsSync) ?? null;
}

export function missingProgram(program: string, debianPackage: string): Missing | null {
  return find(program) === null ? { what: program, remedy: `Debian package ${debianPackage}` } : null;
}
