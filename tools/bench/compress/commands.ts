/**
 * What the zstd and lz4 commands take for the same bytes, on one thread, from a file to a file.
 */

import { spawnSync } from 'node:child_process';
import { openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { find } from '../host/programs.ts';

export interface CommandCost {
  readonly compressCpuSeconds: number;
  readonly decompressCpuSeconds: number;
  readonly ratio: number;
}

/** @returns null where the command is not installed */
export function costOf(
  program: 'zstd' | 'lz4',
  level: number,
  bytes: Buffer,
  folder: string,
): CommandCost | null {
  const command = find(program);
  if (command === null) return null;
  const [raw, packed, back] = ['raw', 'packed', 'back'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(raw, bytes);
  const one = program === 'zstd' ? ['--single-thread'] : [];
  const compressCpuSeconds = cpuOf(command, [...one, `-${level}`, '-q', '-c', raw], packed);
  const decompressCpuSeconds = cpuOf(command, ['-d', '-q', '-c', packed], back);
  if (!readFileSync(back).equals(bytes))
    throw new Error(`${program} -${level} did not give the same bytes back`);
  return { compressCpuSeconds, decompressCpuSeconds, ratio: bytes.length / statSync(packed).size };
}

/** User and system time: what waits for the disk does not count. */
function cpuOf(command: string, args: readonly string[], output: string): number {
  const script = 'exec >"$0"; TIMEFORMAT="%U %S"; time "$@"';
  const { stderr, status } = spawnSync('bash', ['-c', script, output, command, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', openSync(output, 'w'), 'pipe'],
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr.trim()}`);
  const [user, system] = stderr.trim().split('\n').at(-1)?.split(' ').map(Number) ?? [];
  return Number(user) + Number(system);
}
