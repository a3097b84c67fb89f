// Builds the C++ programs of tools/bench/load, once, and says where they are.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CommandLine, run } from './children.ts';

/** The repository: this file runs from dist/tools/bench/host. */
export const root = fileURLToPath(new URL('../../../../', import.meta.url));

const sources = join(root, 'tools/bench/load');
const built = join(root, 'dist/tools/bench/load');

export type LoadProgram =
  | 'bulk_target'
  | 'bulk_client'
  | 'echo_target'
  | 'rate_client'
  | 'latency_client'
  | 'hold_client'
  | 'stall_target'
  | 'stall_client'
  | 'steady_client'
  | 'wan_target'
  | 'wan_client'
  | 'wan_messages'
  | 'wan_uploads';

export async function buildLoadPrograms(): Promise<void> {
  if (!existsSync(sources))
    throw new Error(`${sources} is missing: run this from a checkout, not from a package`);
  try {
    await run({ program: 'cmake', args: ['-S', sources, '-B', built] }, 60_000);
    await run({ program: 'cmake', args: ['--build', built] }, 120_000);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot build the load programs (Debian packages: cmake, g++): ${why}`);
  }
}

export function load(program: LoadProgram, ...args: (string | number)[]): CommandLine {
  return { program: join(built, program), args: args.map(String) };
}
