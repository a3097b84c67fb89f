/**
 * Real `tcp-proxy` processes for the end-to-end tests: started, watched through /proc, and ended by their own pid.
 */

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { sleep, until, within } from './e2e_wait.ts';
import type { Way } from './e2e_ways.ts';

export const COMMAND = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** The listening one, and those that Node has for our standard output and error. */
const SOCKETS_AT_START = 3;
const NOTHING_LEFT = /left behind: 0 chunks, 0 timers/;

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
      env: {
        ...process.env,
        TCP_STRIPER_BACKEND: '',
        TCP_STRIPER_SPLICE: '',
        TCP_STRIPER_LOG_FORMAT: 'text',
        ...options.env,
      },
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

  /** Waits for two seconds of which it takes less than a fifth of a processor, which one that spins never leaves alone. */
  async rests(): Promise<void> {
    await until(
      async () => {
        const before = this.cpuMs;
        await sleep(2000);
        return this.cpuMs - before <= 400;
      },
      () => `it spins:\n${this.text}`,
    );
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
  /** Ends the processes in peace, and wants nothing left behind: no connection, no memory of the pool, no timer. */
  end(): Promise<void>;
}

export interface PathOptions extends ProxyOptions {
  readonly args?: readonly string[];
  readonly listen?: string;
  /** Puts something between the two of a pair: from where the one listens to where the other is to connect. */
  readonly between?: (port: number) => Promise<number>;
  /** Carriers that have to be there before the way is open, unless all. */
  readonly carriers?: number;
}

/** Starts a way to `target` (an address as the command takes it; a number is a port of 127.0.0.1). */
export async function openPath(
  t: Test,
  way: Way,
  target: string | number,
  options: PathOptions = {},
): Promise<Path> {
  const { listen = '127.0.0.1:0' } = options;
  const asked = options.args ?? [];
  // What was left behind is said at this level.
  const args = asked.includes('--log-level') ? asked : ['--log-level', 'debug', ...asked];
  const rest = { ...options, env: { ...way.env, ...options.env } };
  const to = typeof target === 'number' ? `127.0.0.1:${target}` : target;
  const far = await startProxy(
    t,
    [way.pair ? '-s' : '-r', way.pair ? '127.0.0.1:0' : listen, to, ...args, ...(way.args ?? [])],
    rest,
  );
  const peer = async () => (options.between === undefined ? far.port : await options.between(far.port));
  const near = way.pair
    ? await startProxy(t, ['-c', listen, `127.0.0.1:${await peer()}`, ...args, ...(way.args ?? [])], rest)
    : far;
  const proxies = way.pair ? [near, far] : [far];
  // The carriers of a striped pair are part of what it has when it is idle.
  const carriers = options.carriers ?? way.carriers ?? 0;
  await until(
    () => proxies.every((proxy) => proxy.sockets >= SOCKETS_AT_START + carriers),
    () => `the carriers do not come:\n${near.text}`,
  );
  const whole = SOCKETS_AT_START + (way.carriers ?? 0);
  const before = proxies.map((proxy) => Math.max(whole, proxy.sockets));
  const idle = async () => {
    for (const [i, proxy] of proxies.entries()) {
      await until(
        () => proxy.over || proxy.sockets <= (before[i] as number),
        () => `${proxy.sockets} sockets, ${before[i]} at the beginning:\n${proxy.text}`,
        60_000,
      );
    }
  };
  // What node:net was about to write at the end (the trunk's last word, on each carrier) is not given back to the pool.
  const left =
    way.env.TCP_STRIPER_BACKEND === 'portable'
      ? new RegExp(`left behind: [0-${way.carriers ?? 1}] chunks?, 0 timers`)
      : NOTHING_LEFT;
  const end = async () => {
    await idle();
    for (const proxy of proxies) {
      t.equal(await proxy.end(), 0);
      t.match(proxy.text, left);
    }
  };
  return { port: listen.includes('/') ? 0 : near.port, proxies, near, far, idle, end };
}
