/** Networks made by tools/wan for the tests, and agents of the tests on the hosts at their ends. */

import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { canUnshare, type Finished, run, temporaryFolder, tool } from './e2e_run.ts';
import { until } from './e2e_wait.ts';
import type { Calls } from './wan_agent.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
export const WAN = join(root, 'tools/wan/wan');
export const SELFTEST = join(root, 'dist/tools/wan/wan-selftest');

/** Why there can be no network here, or null. */
export function noWan(): string | null {
  if (!canUnshare()) return 'it makes network namespaces: run it as root';
  try {
    accessSync('/dev/net/tun');
  } catch {
    return 'there is no /dev/net/tun';
  }
  return null;
}

export interface Amount {
  packets: number;
  bytes: number;
}

export interface Counts {
  in: Amount;
  out: Amount;
  inside: Amount;
  dropped: Record<string, Amount>;
  queueHighWaterBytes: number;
}

export interface WanReport {
  seed: string;
  emulator: { userSeconds: number; systemSeconds: number };
  paths: { name: string; up: Counts & { queued: Amount; onTheWay: Amount }; down: Counts }[];
  flows: { number: number; protocol: string; path: string; client: string; up: Counts; down: Counts }[];
}

/** What the calls of an agent look like from here: they take time, and can fail. */
export type Agent = {
  [Name in keyof Calls]: (...args: Parameters<Calls[Name]>) => Promise<Awaited<ReturnType<Calls[Name]>>>;
};

export class Wan {
  readonly client: string;
  readonly server: string;
  readonly pid: number;
  readonly child: ChildProcess;
  readonly #t: Test;
  readonly #report: string;
  readonly #over: Promise<unknown>;

  private constructor(
    t: Test,
    child: ChildProcess,
    names: RegExpExecArray,
    report: string,
    over: Promise<unknown>,
  ) {
    this.#t = t;
    this.child = child;
    this.client = String(names[1]);
    this.server = String(names[2]);
    this.pid = Number(names[3]);
    this.#report = report;
    this.#over = over;
  }

  /** A network as the scenario says; gone with the test. */
  static async start(t: Test, scenario: string, ...options: string[]): Promise<Wan> {
    const folder = temporaryFolder(t);
    const [file, report] = [join(folder, 'test.wan'), join(folder, 'report.json')];
    writeFileSync(file, scenario);
    // `cat` ends when its input does.
    const words = ['run', file, '--report', report, ...options, '--', 'cat'];
    const child = spawn(WAN, words, { stdio: ['pipe', 'ignore', 'pipe'] });
    let said = '';
    child.stderr?.on('data', (data) => {
      said += data;
    });
    const over = new Promise((resolve) => child.once('close', resolve));
    t.teardown(async () => {
      child.stdin?.end();
      await over;
    });
    const pattern = /client (wan-client-\d+) .*server (wan-server-(\d+)) /;
    await until(
      () => pattern.test(said) || child.exitCode !== null,
      () => `no network:\n${said}`,
    );
    const names = pattern.exec(said);
    if (names === null) throw new Error(`no network:\n${said}`);
    return new Wan(t, child, names, report, over);
  }

  say(...words: string[]): Promise<Finished> {
    return run(this.#t, WAN, ['say', ...words], { env: { WAN_CONTROL: `/run/wan-${this.pid}.sock` } });
  }

  async report(): Promise<WanReport> {
    return JSON.parse((await this.say('report')).out);
  }

  /** Ends it, and returns its report. */
  async stop(): Promise<WanReport> {
    this.child.stdin?.end();
    await this.#over;
    return JSON.parse(readFileSync(this.#report, 'utf8'));
  }

  /** A program of ours on one of the hosts; it does what it is called for. */
  agent(host: string): Agent {
    const script = fileURLToPath(new URL('./wan_agent.js', import.meta.url));
    const words = ['netns', 'exec', host, process.execPath, script];
    const child = spawn(tool('ip', 'iproute2'), words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const gone = new Promise((resolve) => child.once('exit', resolve));
    this.#t.teardown(async () => {
      child.kill('SIGKILL');
      await gone;
    });
    const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
    let ids = 0;
    child.on('message', ({ id, value, error }: { id: number; value?: unknown; error?: string }) => {
      const call = waiting.get(id);
      waiting.delete(id);
      if (error === undefined) call?.resolve(value);
      else call?.reject(new Error(error));
    });
    child.on('exit', () => {
      for (const { reject } of waiting.values()) reject(new Error(`the agent on ${host} is gone`));
    });
    return new Proxy({} as Agent, {
      get:
        (_, name) =>
        (...args: unknown[]) =>
          new Promise((resolve, reject) => {
            waiting.set(++ids, { resolve, reject });
            child.send({ id: ids, name, args }, (error) => {
              if (error) reject(error);
            });
          }),
    });
  }

  agents(): [Agent, Agent] {
    return [this.agent(this.client), this.agent(this.server)];
  }
}
