/**
 * A pair of proxies under load and faults for as long as one likes: `-n 4 --key`, in cycles.
 *
 *     apps --> client --> relay that kills, holds and corrupts --> server --> target
 *
 * Each cycle is load with faults, then rest: all connections have to end, all carriers to come back, and both processes are
 * measured. What an app sees may only ever be a reset, and that only when the server was restarted.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeKeyFile } from '../../src/cli/key_file.ts';
import { Random } from '../../test/helpers/random.ts';
import { Faults } from './faults.ts';
import { TcpProxy } from './proxy.ts';
import { Relay } from './relay.ts';
import { oneConnection, TrafficTarget } from './traffic.ts';
import type { Sample } from './verdict.ts';

export interface SoakOptions {
  readonly seed: number;
  readonly cycles: number;
  /** Load, before the rest that a cycle ends with. */
  readonly loadMs: number;
  /** Before the proxies are measured. */
  readonly restMs: number;
  /** In which cycles the server is killed and started again. */
  readonly restarts: (cycle: number) => boolean;
  readonly onCycle: (row: Row) => void;
}

export interface Row {
  readonly cycle: number;
  readonly connections: number;
  /** Resets that apps saw, due ones. */
  readonly broken: number;
  readonly bytes: number;
  readonly client: Sample;
  readonly server: Sample;
  /** How often each fault happened so far. */
  readonly faults: ReadonlyMap<string, number>;
}

export interface SoakResult {
  readonly rows: readonly Row[];
  /** What must not happen and did. */
  readonly wrong: readonly string[];
}

const CARRIERS = 4;
const APPS = 8;
/** What only catches hangs. */
const PATIENCE_MS = 90_000;
/** After that many, it is enough. */
const MOST_WRONG = 20;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
/** No reason to live on. */
const lateAfter = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref());

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const run = new Soak(options);
  try {
    await run.begin();
    return await run.cycles();
  } finally {
    await run.end();
  }
}

class Soak {
  readonly #options: SoakOptions;
  readonly #random: Random;
  readonly #folder = mkdtempSync(join(tmpdir(), 'striper-soak-'));
  readonly #target = new TrafficTarget((words) => this.#onWrong(words));
  readonly #relay = new Relay(() => this.#server?.port ?? 0);
  readonly #wrong: string[] = [];
  readonly #rows: Row[] = [];
  #server: TcpProxy | null = null;
  #client: TcpProxy | null = null;
  #connections = 0;
  #broken = 0;
  #bytes = 0;
  #life = 1;
  /** Counts restarts; an odd number while one is going on. */
  #restarts = 0;
  #startedAt = 0;

  constructor(options: SoakOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  async begin(): Promise<void> {
    const key = join(this.#folder, 'key');
    writeKeyFile(key);
    const common = ['--key', key, '--no-status', '--memory', '64M'];
    const target = await this.#target.listen();
    this.#server = new TcpProxy(['-s', '127.0.0.1:0', `127.0.0.1:${target}`, ...common]);
    await this.#server.start();
    const relay = await this.#relay.listen();
    this.#client = new TcpProxy([
      '-c',
      '127.0.0.1:0',
      `127.0.0.1:${relay}`,
      '-n',
      String(CARRIERS),
      ...common,
    ]);
    await this.#client.start();
    this.#startedAt = performance.now();
    await this.#rest();
  }

  async cycles(): Promise<SoakResult> {
    const { cycles, onCycle } = this.#options;
    for (let cycle = 1; cycle <= cycles && this.#wrong.length < MOST_WRONG; cycle++) {
      await this.#cycle(cycle);
      const row = await this.#measure(cycle);
      this.#rows.push(row);
      onCycle(row);
    }
    for (const proxy of [this.#client, this.#server]) {
      const code = await proxy?.stop();
      if (code !== 0)
        this.#onWrong(`a proxy ended with ${code} after SIGTERM: ${proxy?.lines.slice(-3).join(' | ')}`);
    }
    return { rows: this.#rows, wrong: this.#wrong };
  }

  async end(): Promise<void> {
    await this.#client?.kill();
    await this.#server?.kill();
    this.#relay.close();
    this.#target.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #cycle(cycle: number): Promise<void> {
    const { loadMs, restarts } = this.#options;
    const until = performance.now() + loadMs;
    const apps = Array.from({ length: APPS }, (_, i) => this.#app(this.#random.int(0, 2 ** 30) + i, until));
    const faulty = this.#faulty(until);
    if (restarts(cycle)) await this.#restart(loadMs / 2);
    await Promise.all([...apps, faulty]);
    await this.#rest();
  }

  async #app(seed: number, until: number): Promise<void> {
    const random = new Random(seed);
    while (performance.now() < until && this.#wrong.length < MOST_WRONG) {
      const before = this.#restarts;
      const isDue = () => before !== this.#restarts || before % 2 === 1;
      const outcome = await this.#within(oneConnection(this.#client?.port ?? 0, random));
      this.#connections++;
      if (outcome.went === 'well') this.#bytes += outcome.bytes;
      else if (outcome.went === 'wrong') this.#onWrong(outcome.words);
      else if (isDue()) this.#broken++;
      else this.#onWrong(`a connection broke, and the server was not restarted: ${outcome.words}`);
    }
  }

  async #within(outcome: ReturnType<typeof oneConnection>): ReturnType<typeof oneConnection> {
    const late = lateAfter(PATIENCE_MS).then(
      () => ({ went: 'wrong', words: 'a connection does not end' }) as const,
    );
    return Promise.race([
      outcome.catch((error: Error) => ({ went: 'wrong', words: error.message }) as const),
      late,
    ]);
  }

  readonly #faults = new Map<string, number>();

  async #faulty(until: number): Promise<void> {
    const [client, server] = [this.#client as TcpProxy, this.#server as TcpProxy];
    const faults = new Faults(this.#relay, { client, server }, this.#random);
    while (performance.now() < until) {
      await sleep(this.#random.int(100, 1500));
      await faults.one();
    }
    faults.thaw();
    for (const [what, count] of faults.counts) this.#faults.set(what, (this.#faults.get(what) ?? 0) + count);
  }

  async #restart(afterMs: number): Promise<void> {
    await sleep(afterMs);
    this.#restarts++;
    await this.#server?.kill();
    this.#life++;
    await this.#server?.start();
    // Who was connected before hears of it when the client does.
    await sleep(2000);
    this.#restarts++;
  }

  /** Nothing is connected but the carriers, and they are all there. */
  async #rest(): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    const isQuiet = () => this.#relay.connections === CARRIERS && this.#target.connections === 0;
    while (!isQuiet() && performance.now() < end) await sleep(50);
    if (!isQuiet())
      this.#onWrong(
        `at rest there are ${this.#relay.connections} carriers, and ${this.#target.connections} connections to the target`,
      );
  }

  async #measure(cycle: number): Promise<Row> {
    // The last strangers have still to be thrown out.
    await sleep(this.#options.restMs);
    const at = (performance.now() - this.#startedAt) / 1000;
    const [client, server] = [await this.#client?.size(), await this.#server?.size()];
    if (client === undefined || server === undefined) throw new Error('a proxy is missing');
    return {
      cycle,
      connections: this.#connections,
      broken: this.#broken,
      bytes: this.#bytes,
      client: { ...client, at, life: 1 },
      server: { ...server, at, life: this.#life },
      faults: new Map([...this.#faults, ['restarts', this.#life - 1]]),
    };
  }

  #onWrong(words: string): void {
    const at = ((performance.now() - this.#startedAt) / 1000).toFixed(1);
    this.#wrong.push(`after ${at} s: ${words}`);
  }
}
