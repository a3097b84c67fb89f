/**
 * Runs one test file in a process of its own and leaves nothing of it behind.
 *
 * The file leads a process group, which is ended with it. What left that group (a daemon that called setsid, a proxy
 * that a test forgot) is found by a mark in its environment. Leaving processes behind is a failure of the test, as
 * the next one may trip over them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const MARK = 'TCP_STRIPER_TEST_FILE';

export interface ChildOptions {
  command: string[];
  cwd: string;
  /** For the whole file; one that needs more says so with `t.setTimeout()` at its top. */
  fileTimeoutMs: number;
  /** A file that says nothing for so long is stuck where its own timers cannot run. */
  silenceMs: number;
  /** How long a file may go on after its last test; then something holds its event loop. */
  lingerMs: number;
  onOutput: (chunk: Buffer) => void;
}

export interface ChildResult {
  /** Why the file failed as a whole, in words, or null. A non-zero exit after failed tests is not repeated here. */
  fault: string | null;
  exitCode: number | null;
  stderr: string;
}

const running = new Set<{ child: ChildProcess; mark: string }>();

export async function runFile(options: ChildOptions): Promise<ChildResult> {
  const mark = `${process.pid}.${Date.now()}.${Math.random().toString(36).slice(2)}`;
  const child = spawn(options.command[0]!, options.command.slice(1), {
    cwd: options.cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      TCP_STRIPER_LOG_FORMAT: 'text',
      TAP: '1',
      TAP_TIMEOUT: String(options.fileTimeoutMs / 1000),
      [MARK]: mark,
    },
  });
  const entry = { child, mark };
  running.add(entry);

  let fault: string | null = null;
  const stop = (why: string) => {
    fault ??= why;
    killGroup(child);
  };
  let stderr = '';
  let silence: NodeJS.Timeout | undefined;
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(() => stop(`no word from it for ${options.silenceMs / 1000} s`), options.silenceMs);
  };
  heard();

  let linger: NodeJS.Timeout | undefined;
  child.stdout.on('data', (chunk: Buffer) => {
    heard();
    options.onOutput(chunk);
    // tap's last line, at the left margin: the tests are over, the process should be too.
    if (/^# time=/m.test(chunk.toString('latin1'))) {
      linger ??= setTimeout(
        () =>
          stop(
            `still running ${options.lingerMs / 1000} s after its last test: something holds the event loop`,
          ),
        options.lingerMs,
      );
    }
  });
  child.stderr.on('data', (chunk: Buffer) => {
    heard();
    if (stderr.length < 64 * 1024) stderr += chunk.toString();
  });

  const { code, signal } = await ended(child);
  clearTimeout(silence);
  clearTimeout(linger);

  if (signal && !fault) fault = `it was ended by ${signal}`;
  const left = await endStragglers(child, mark);
  if (left.length > 0)
    fault ??= `it left processes behind, now ended:\n${left.map((l) => `  ${l}`).join('\n')}`;
  running.delete(entry);
  return { fault, exitCode: code, stderr };
}

/** Ends every test file that is still running; for when the run itself is ended. */
export function endAll(): void {
  for (const { child, mark } of running) {
    killGroup(child);
    for (const { pid } of marked(mark)) killPid(pid);
  }
}

/** Resolves when the process has gone, and its output too, or at most a second later: a grandchild may hold it open. */
async function ended(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const result = await new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('error', () => resolve({ code: 127, signal: null }));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  await Promise.race([closed, sleep(1000)]);
  return result;
}

/** Gives what a file started two seconds to end by itself, ends the rest, and returns their command lines. */
async function endStragglers(child: ChildProcess, mark: string): Promise<string[]> {
  let left = marked(mark);
  for (let waited = 0; left.length > 0 && waited < 2000; waited += 100) {
    await sleep(100);
    left = marked(mark);
  }
  killGroup(child);
  for (const { pid } of left) killPid(pid);
  for (let waited = 0; marked(mark).length > 0 && waited < 2000; waited += 20) await sleep(20);
  return left.map(({ pid, command }) => `${pid}: ${command}`);
}

function killGroup(child: ChildProcess): void {
  if (child.pid !== undefined) killPid(-child.pid);
}

function killPid(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // already gone
  }
}

/** Live processes that carry the mark. Without /proc (not Linux) there is only the process group. */
function marked(mark: string): { pid: number; command: string }[] {
  const found: { pid: number; command: string }[] = [];
  for (const name of proc()) {
    try {
      if (!readFileSync(`/proc/${name}/environ`, 'latin1').includes(`${MARK}=${mark}`)) continue;
      const command = readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
      if (command) found.push({ pid: Number(name), command }); // a zombie has none
    } catch {
      // gone meanwhile, or somebody else's
    }
  }
  return found;
}

function proc(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}
