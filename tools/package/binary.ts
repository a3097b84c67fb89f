/** What a native binary asks of the machine it will run on. */
import { execFileSync } from 'node:child_process';

/** Node 20 itself needs this one, so a lower floor would help nobody. */
export const GLIBC_FLOOR = '2.28';

/** Libraries that every Node on glibc has loaded already. */
const EXPECTED_LIBRARIES =
  /^(libstdc\+\+\.so\.6|libgcc_s\.so\.1|libm\.so\.6|libc\.so\.6|libpthread\.so\.0|ld-linux.*)$/;

export interface Needs {
  /** The newest glibc version among the binary's symbols. */
  glibc: string;
  /** Libraries that a machine may not have. A sanitizer's runtime would show up here. */
  unexpectedLibraries: string[];
}

export function needsOf(file: string): Needs {
  const versions = [...objdump('-T', file).matchAll(/\bGLIBC_(\d+(?:\.\d+)*)/g)].map((match) => match[1]!);
  const libraries = [...objdump('-p', file).matchAll(/NEEDED\s+(\S+)/g)].map((match) => match[1]!);
  return {
    glibc: versions.sort(compareVersions).at(-1) ?? '0',
    unexpectedLibraries: libraries.filter((name) => !EXPECTED_LIBRARIES.test(name)),
  };
}

const objdump = (...args: string[]) =>
  execFileSync('objdump', args, { encoding: 'utf8', maxBuffer: 64 << 20 });

export function compareVersions(a: string, b: string): number {
  const [x, y] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
