// Our own programs as contenders.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../host/load-programs.ts';
import { freePort } from '../host/ports.ts';
import type { Missing } from '../host/programs.ts';
import { type Contender, everyMeasure, type MeasureName, type Side } from './contender.ts';

const proxyProgram = join(root, 'dist/src/cli/main.js');

export function notBuilt(program: string): Missing | null {
  return existsSync(program) ? null : { what: program.slice(root.length), remedy: 'make build' };
}

const local = (port: number) => `127.0.0.1:${port}`;

function proxySide(
  name: string,
  listen: number,
  target: number,
  mode: string[],
  env: Record<string, string>,
): Side {
  const [flag = '', ...options] = mode;
  // No line per connection, as the peers write none.
  const args = [proxyProgram, flag, local(listen), local(target), '--log-level', 'warn', ...options];
  return {
    name,
    listen,
    command: { program: process.execPath, args, env: { TCP_STRIPER_LOG_FORMAT: 'text', ...env } },
  };
}

export function ourRelay(name: string, title: string, env: Record<string, string>): Contender {
  return {
    name,
    title,
    measures: everyMeasure,
    needsAddon: env.TCP_STRIPER_BACKEND !== 'portable',
    missing: () => notBuilt(proxyProgram),
    version: () => `Node ${process.version}`,
    sides: ({ listen, target }) => [proxySide('relay', listen, target, ['-r'], env)],
  };
}

/** A pair with so many carriers; 0 is the classic framing. @param more options of both sides, given a directory for files */
export function ourPair(
  name: string,
  carriers: number,
  measures: ReadonlySet<MeasureName> = everyMeasure,
  more: (directory: string) => string[] = () => [],
): Contender {
  // A striped side has one socket per app connection, not two: it may have more of them than it believes.
  const options = ['-n', `${carriers}`, ...(carriers > 0 ? ['--max-connections', '15000'] : [])];
  return {
    name,
    title: `pair -c/-s, -n ${carriers}`,
    measures,
    needsAddon: true,
    descriptorsEach: carriers > 0 ? 1 : 2,
    missing: () => notBuilt(proxyProgram),
    version: () => `Node ${process.version}`,
    sides: async ({ listen, target, directory }) => {
      const middle = await freePort();
      const all = [...options, ...more(directory)];
      return [
        proxySide('client', listen, middle, ['-c', ...all], {}),
        proxySide('server', middle, target, ['-s', ...all], {}),
      ];
    },
  };
}
