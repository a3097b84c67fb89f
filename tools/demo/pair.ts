/**
 * Starts `tcp-proxy` processes, the real command, and waits until they listen.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

export interface RunningProxy {
  /** Where it listens, `host:port`. */
  readonly address: string;
  readonly port: number;
  /** The last line that it logged: after stop(), its summary. */
  lastLine(): string;
  /** Ends it the way an operator would; resolves to its exit code. A second time, at once. */
  stop(signal?: 'SIGINT' | 'SIGTERM'): Promise<number | null>;
}

/** It ended before it listened. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** Processes that are still there if the demo is interrupted. */
const running = new Set<ChildProcess>();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (process.listenerCount(signal) === 1) process.exit(1);
  });
}
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** @param onLine receives each log line */
export function startProxy(
  args: readonly string[],
  onLine: (line: string) => void = () => {},
): Promise<RunningProxy> {
  // In a process group of its own: a Ctrl-C at the terminal reaches it through stop() only, and once.
  const stdio = ['ignore', 'ignore', 'pipe'] as const;
  const child = spawn(process.execPath, [COMMAND, '--log-format', 'text', ...args], {
    stdio: [...stdio],
    detached: true,
  });
  running.add(child);
  let last = '';
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => {
      running.delete(child);
      resolve(code);
    });
  });
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      last = line;
      onLine(line);
      const listening = / on (\S+:(\d+)) -> /.exec(line);
      if (listening === null) return;
      resolve({
        address: listening[1] as string,
        port: Number(listening[2]),
        lastLine: () => last,
        stop(signal = 'SIGTERM') {
          child.kill(signal);
          return exited;
        },
      });
    });
    void exited.then((code) =>
      reject(new StartError(`tcp-proxy ${args.join(' ')} ended with code ${code}: ${last}`)),
    );
  });
}
