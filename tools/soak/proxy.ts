/**
 * A tcp-proxy as a process of its own, that can be frozen, killed, started again, and asked for its memory.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Probed } from './probe.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const PROBE = new URL('./probe.js', import.meta.url).href;
const KEPT_LINES = 200;
/** What only catches hangs. */
const PATIENCE_MS = 60_000;

export interface Size {
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly externalBytes: number;
  readonly descriptors: number;
}

export class TcpProxy {
  readonly #arguments: readonly string[];
  #child: ChildProcess | null = null;
  #lines: string[] = [];
  #said = 0;
  /** From its first log line. */
  port = 0;

  constructor(args: readonly string[]) {
    this.#arguments = args;
  }

  /** What it said last. */
  get lines(): readonly string[] {
    return this.#lines;
  }
  /** Lines of log so far. */
  get said(): number {
    return this.#said;
  }
  get alive(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const child = fork(MAIN, [...this.#arguments], {
      execArgv: ['--expose-gc', '--import', PROBE],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child = child;
    let rest = '';
    const listens = new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error(`it did not start: ${this.#lines.join('\n')}`)));
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        this.#lines = [...this.#lines, ...lines].slice(-KEPT_LINES);
        this.#said += lines.length;
        for (const line of lines) {
          const port = /tcp-proxy (?:client|server) on \S*:(\d+)/.exec(line)?.[1];
          if (port === undefined) continue;
          this.port = Number(port);
          resolve();
        }
      });
    });
    await withPatience(listens, 'it does not listen');
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }
  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  /** At once, as the kernel does it when memory runs out. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }
  /** In peace. @returns its exit code */
  async stop(): Promise<number | null> {
    await this.#end('SIGTERM');
    return this.#child?.exitCode ?? null;
  }

  async size(): Promise<Size> {
    const child = this.#child as ChildProcess;
    const answer = once(child, 'message') as Promise<[Probed]>;
    child.send('how large are you?');
    const [{ heapBytes, externalBytes }] = await withPatience(answer, 'it does not answer');
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    const rssBytes = 1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
    return { rssBytes, heapBytes, externalBytes, descriptors: readdirSync(`/proc/${child.pid}/fd`).length };
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === null || !this.alive) return;
    const exited = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill(signal);
    await withPatience(exited, `it does not end after ${signal}`);
  }
}

export async function withPatience<T>(promise: Promise<T>, otherwise: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${otherwise} within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
