/**
 * Real `tcp-proxy` processes for the end-to-end tests: started, watched through /proc, and ended by their own pid.
 */

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { until, within } from './e2e_wait.ts';

export const COMMAND = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** How app connections travel: through one process or a pair, and on which backend. */
export interface Way {
  readonly name: string;
  readonly pair: boolean;
  readonly env: Readonly<Record<string, string>>;
  /** Options of both proxies. */
  readonly args?: readonly string[];
}

const native = { TCP_STRIPER_BACKEND: 'native' };
const portable = { TCP_STRIPER_BACKEND: 'portable' };

export const RELAY: Way = { name: 'relay, native', pair: false, env: native };
export const RELAY_COPYING: Way = {
  name: 'relay, native without splice',
  pair: false,
  env: { ...native, TCP_STRIPER_SPLICE: 'off' },
};
export const RELAY_PORTABLE: Way = { name: 'relay, portable', pair: false, env: portable };
export const PAIR: Way = { name: 'pair, native', pair: true, env: native };
export const PAIR_PORTABLE: Way = { name: 'pair, portable', pair: true, env: portable };
const CARRIERS = 4;
/** The listening one, and those that Node has for our standard output and error. */
const SOCKETS_AT_START = 3;
export const STRIPED: Way = {
  name: 'pair, native, striped',
  pair: true,
  env: native,
  args: ['-n', String(CARRIERS)],
};

/** A pair frames its data, so that splicing does not apply to it. */
export const WAYS: readonly Way[] = [RELAY, RELAY_COPYING, RELAY_PORTABLE, PAIR, PAIR_PORTABLE];
/** With the preview of striping, where a test is about what it promises already. */
export const WAYS_AND_STRIPED: readonly Way[] = [...WAYS, STRIPED];
/** For tests in which the way that bytes take does not matter. */
export const BACKENDS = [RELAY, RELAY_PORTABLE] as const;

export interface ProxyOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Put before the command: a shell that sets limits, another network namespace. It has to exec. */
  readonly wrapper?: readonly string[];
  readonly stdio?: SpawnOptions['stdio'];
}

export class TcpProxy {
  readonly child: ChildProcess;
  /** What it wrote to its standard error, by line. */
  readonly lines: string[] = [];
  readonly exited: Promise<number | string | null>;
  #over = false;

  /** Starts it and returns at once. It is ended when the test is. */
  constructor(t: Test, args: readonly string[], options: ProxyOptions = {}) {
    const [program, ...words] = [...(options.wrapper ?? []), process.execPath, COMMAND, ...args];
    this.child = spawn(program as string, words, {
      stdio: options.stdio ?? ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TCP_STRIPER_BACKEND: '', TCP_STRIPER_SPLICE: '', ...options.env },
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.lines.push(line));
    }
    this.exited = new Promise((resolve) => {
      this.child.once('error', (error) => {
        this.lines.push(String(error));
        resolve(null);
      });
      // After its output, not before.
      this.child.once('close', (code, signal) => resolve(code ?? signal));
      this.child.once('exit', (code, signal) => {
        this.#over = true;
        this.lines.push(`(ended: ${code ?? signal})`);
      });
    });
    t.teardown(async () => {
      if (!this.#over) {
        this.child.kill('SIGCONT');
        this.child.kill('SIGKILL');
        await this.exited;
      }
      if (!t.passing()) {
        const tail = this.lines.slice(-60).map((line) => `    ${line}\n`);
        process.stderr.write(`${t.name}: tcp-proxy ${args.join(' ')}\n${tail.join('')}`);
      }
    });
  }

  get pid(): number {
    return this.child.pid as number;
  }

  get over(): boolean {
    return this.#over;
  }

  get text(): string {
    return this.lines.join('\n');
  }

  /** Where it listens, from its first log line. */
  get port(): number {
    const port = / on \S+:(\d+)(?: and \S+)? -> /.exec(this.text)?.[1];
    if (port === undefined) throw new Error(`no port in:\n${this.text}`);
    return Number(port);
  }

  /** Waits for a line of log that matches; one that was there before counts, from line `from` on. */
  line(pattern: RegExp, from = 0, ms = 15_000): Promise<string> {
    return until(
      () => this.lines.slice(from).find((line) => pattern.test(line)) ?? null,
      () => `no line like ${pattern} in:\n${this.text}`,
      ms,
    );
  }

  count(pattern: RegExp): number {
    return this.lines.filter((line) => pattern.test(line)).length;
  }

  /** Sends a signal and waits for the end; the exit code, or the name of the signal that ended it. */
  async end(signal: NodeJS.Signals = 'SIGTERM', ms = 15_000): Promise<number | string | null> {
    this.child.kill(signal);
    return within(ms, this.exited, () => `it did not end after ${signal}:\n${this.text}`);
  }

  /** Stream sockets that it has open, listening ones included. */
  get sockets(): number {
    const folder = `/proc/${this.pid}/fd`;
    return readdirSync(folder).filter((fd) => {
      try {
        return readlinkSync(`${folder}/${fd}`).startsWith('socket:');
      } catch {
        return false; // closed meanwhile
      }
    }).length;
  }

  get rssKb(): number {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1]);
  }

  /** Processor time that it has used, user and system, in milliseconds. */
  get cpuMs(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') as string[];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }
}

/** Starts one and waits until it listens. */
export async function startProxy(
  t: Test,
  args: readonly string[],
  options: ProxyOptions = {},
): Promise<TcpProxy> {
  const proxy = new TcpProxy(t, args, options);
  await until(
    () => proxy.over || / on \S+( and \S+)* -> .* backend\)/.test(proxy.text),
    () => `it does not listen:\n${proxy.text}`,
    20_000,
  );
  if (proxy.over) throw new Error(`tcp-proxy ${args.join(' ')} ended at once:\n${proxy.text}`);
  return proxy;
}

/** A whole way from app to target: a relay, or `-c` and `-s`. */
export interface Path {
  readonly port: number;
  readonly proxies: readonly TcpProxy[];
  /** Where the app connects. */
  readonly near: TcpProxy;
  /** What connects to the target. */
  readonly far: TcpProxy;
  /** Waits until no connection is left in any of the processes. */
  idle(): Promise<void>;
}

export interface PathOptions extends ProxyOptions {
  readonly args?: readonly string[];
  readonly listen?: string;
}

/** Starts a way to `target` (an address as the command takes it; a number is a port of 127.0.0.1). */
export async function openPath(
  t: Test,
  way: Way,
  target: string | number,
  options: PathOptions = {},
): Promise<Path> {
  const { args = [], listen = '127.0.0.1:0' } = options;
  const rest = { ...options, env: { ...way.env, ...options.env } };
  const to = typeof target === 'number' ? `127.0.0.1:${target}` : target;
  const far = await startProxy(
    t,
    [way.pair ? '-s' : '-r', way.pair ? '127.0.0.1:0' : listen, to, ...args, ...(way.args ?? [])],
    rest,
  );
  const near = way.pair
    ? await startProxy(t, ['-c', listen, `127.0.0.1:${far.port}`, ...args, ...(way.args ?? [])], rest)
    : far;
  const proxies = way.pair ? [near, far] : [far];
  // The carriers of a striped pair are part of what it has when it is idle.
  const carriers = way.args === undefined ? 0 : CARRIERS;
  await until(
    () => proxies.every((proxy) => proxy.sockets >= SOCKETS_AT_START + carriers),
    () => `the carriers do not come:\n${near.text}`,
  );
  const before = proxies.map((proxy) => proxy.sockets);
  return {
    port: listen.includes('/') ? 0 : near.port,
    proxies,
    near,
    far,
    async idle() {
      for (const [i, proxy] of proxies.entries()) {
        await until(
          () => proxy.over || proxy.sockets <= (before[i] as number),
          () => `${proxy.sockets} sockets, ${before[i]} at the beginning:\n${proxy.text}`,
        );
      }
    },
  };
}
