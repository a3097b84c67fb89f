/**
 * Other people's programs in the end-to-end tests: ssh, curl, iperf3 and so on, with their output and a time limit.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Test } from 'tap';
import { PATIENCE } from './e2e_wait.ts';

/** Debian keeps daemons and network tools out of an ordinary user's PATH. */
const PATH = `${process.env.PATH}${delimiter}/usr/sbin${delimiter}/sbin`;

/** The path of a program; without it the test fails, and says which Debian package has it. */
export function tool(name: string, debianPackage: string): string {
  for (const folder of PATH.split(delimiter)) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // in another folder, perhaps
    }
  }
  throw new Error(`${name} is not installed; on Debian: apt-get install ${debianPackage}`);
}

export interface Finished {
  readonly code: number | string | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly ms?: number;
}

/** Runs a program to its end. It is ended after `ms` (60 s on an idle machine), and when the test ends. */
export function run(
  t: Test,
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const child = background(t, program, args, options);
  let out = '';
  let err = '';
  child.stdout?.on('data', (data) => {
    out += data;
  });
  child.stderr?.on('data', (data) => {
    err += data;
  });
  child.stdin?.on('error', () => {});
  child.stdin?.end(options.input ?? '');
  const limit = setTimeout(() => child.kill('SIGKILL'), PATIENCE * (options.ms ?? 60_000));
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      clearTimeout(limit);
      resolve({ code: code ?? signal, out, err });
    });
  });
}

/** Runs a program and wants it to succeed; its output. */
export async function succeed(
  t: Test,
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, out, err } = await run(t, program, args, options);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${err}\n${out}`);
  return out;
}

/** Starts a program that goes on; it is ended with the test. */
export function background(
  t: Test,
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): ChildProcess {
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: options.cwd ?? process.cwd(),
    env: { ...process.env, PATH, ...options.env },
  });
  let over = false;
  const gone = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => {
      over = true;
      resolve();
    });
  });
  t.teardown(async () => {
    if (over) return;
    child.kill('SIGKILL');
    await gone;
  });
  return child;
}

/** A port that nobody uses now. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A folder with a path short enough for Unix sockets; it is removed with the test. */
export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'striper-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Whether this process may do as it likes with network namespaces. */
export function canUnshare(): boolean {
  try {
    execFileSync('unshare', ['-n', 'true'], { stdio: 'ignore', env: { ...process.env, PATH } });
    return true;
  } catch {
    return false;
  }
}
