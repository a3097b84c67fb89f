// Child processes of a benchmark. Each is told to die with us (setpriv, where there is one), is pinned when asked to
// be, and is in a list, so that Ctrl-C leaves nothing running.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { descendants, isAlive } from './process-stats.ts';

export interface CommandLine {
  program: string;
  args: string[];
  env?: Record<string, string>;
}

export interface StartOptions {
  /** CPUs to pin to, as taskset writes them; empty for no pinning. */
  cpus?: string;
  /** It has something to put away when we end: it is told to with TERM, and not killed. */
  tidies?: boolean;
}

const hasSetpriv = existsSync('/usr/bin/setpriv');
const hasTaskset = existsSync('/usr/bin/taskset');
const running = new Set<Child>();

export class Child {
  readonly pid: number;
  /** Settles when the process has ended and its output has been read. */
  readonly ended: Promise<void>;
  stdout = '';
  stderr = '';
  hasEnded = false;
  exitCode: number | null = null;
  #process: ChildProcess;
  #onOutput: (() => void) | null = null;

  private constructor(process: ChildProcess, pid: number) {
    this.#process = process;
    this.pid = pid;
    process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#onOutput?.();
    });
    // A program that complains for minutes must not grow the benchmark: the last words are what helps.
    process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-4000);
      this.#onOutput?.();
    });
    process.stdin?.on('error', () => {});
    this.ended = new Promise((resolve) => {
      process.on('close', (code) => {
        this.exitCode = code;
        this.hasEnded = true;
        running.delete(this);
        this.#onOutput?.();
        resolve();
      });
    });
  }

  static start(command: CommandLine, { cpus = '', tidies = false }: StartOptions = {}): Child {
    const words = [command.program, ...command.args];
    if (cpus !== '' && hasTaskset) words.unshift('/usr/bin/taskset', '-c', cpus);
    if (hasSetpriv) words.unshift('/usr/bin/setpriv', '--pdeathsig', 'TERM');
    const [program = '', ...args] = words;
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...command.env },
    });
    child.on('error', () => {});
    if (child.pid === undefined) throw new Error(`cannot start ${words.join(' ')}`);
    const started = new Child(child, child.pid);
    if (!tidies) running.add(started);
    return started;
  }

  say(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  /** Its input ends, which is how some programs are told to. */
  endInput(): void {
    this.#process.stdin?.end();
  }

  /** Waits until the output matches. An early end of the process, or no match in time, is an error. */
  output(pattern: RegExp, timeoutMs: number): Promise<RegExpMatchArray> {
    return this.#says(() => this.stdout, pattern, timeoutMs);
  }

  /** The same, of what it writes to its standard error. */
  complaint(pattern: RegExp, timeoutMs: number): Promise<RegExpMatchArray> {
    return this.#says(() => this.stderr, pattern, timeoutMs);
  }

  async #says(text: () => string, pattern: RegExp, timeoutMs: number): Promise<RegExpMatchArray> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const match = text().match(pattern);
      if (match !== null) return match;
      if (this.hasEnded) throw new Error(`ended with code ${this.exitCode}: ${this.lastWords()}`);
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`nothing matched ${pattern} in ${timeoutMs} ms: ${this.lastWords()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, 1000));
        this.#onOutput = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#onOutput = null;
    }
  }

  lastWords(): string {
    return (this.stderr.trim() || this.stdout.trim()).split('\n').slice(-3).join(' | ') || 'it said nothing';
  }

  /** TERM, and KILL when that does not help, for the process and what it has forked. */
  async stop(): Promise<void> {
    const family = [this.pid, ...descendants(this.pid)];
    for (const pid of family) signal(pid, 'SIGTERM');
    // A proxy may drain on the first TERM for as long as its connections live. We do not wait for that.
    const killer = setTimeout(() => {
      for (const pid of [...family, ...descendants(this.pid)]) signal(pid, 'SIGKILL');
    }, 500);
    await this.ended;
    clearTimeout(killer);
    for (const pid of family) if (pid !== this.pid && isAlive(pid)) signal(pid, 'SIGKILL');
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has gone already.
  }
}

/** For the exit of the benchmark: at once, no waiting. */
export function killAllChildren(): void {
  for (const child of running) {
    for (const pid of [child.pid, ...descendants(child.pid)]) signal(pid, 'SIGKILL');
  }
}

/** Runs a command to its end and returns its output; its failure is an error with its last words. */
export async function run(
  command: CommandLine,
  timeoutMs: number,
  options: StartOptions = {},
): Promise<string> {
  const child = Child.start(command, options);
  const timer = setTimeout(() => void child.stop(), timeoutMs);
  await child.ended;
  clearTimeout(timer);
  if (child.exitCode !== 0) {
    const how =
      child.exitCode === null ? `was stopped after at most ${timeoutMs} ms` : `failed with ${child.exitCode}`;
    throw new Error(`${command.program} ${how}: ${child.lastWords()}`);
  }
  return child.stdout;
}
