// The machine that a benchmark ran on, as its results describe it.

import { readFileSync } from 'node:fs';
import { cpus, release, type as systemName, totalmem } from 'node:os';
import { allowedCpus } from './cores.ts';

export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  kernel: string;
  distribution: string;
  virtualised: boolean;
  node: string;
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: allowedCpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${systemName()} ${release()}`,
    distribution: read('/etc/os-release').match(/^PRETTY_NAME="?([^"\n]*)/m)?.[1] ?? 'unknown',
    virtualised: /^flags\s*:.*\bhypervisor\b/m.test(read('/proc/cpuinfo')),
    node: process.version,
  };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
