/**
 * One transfer from the client to the server over carriers of given rates and delays, with an app that writes as fast as
 * it is let and one that reads at once; beside it, if asked for, a stream of single bytes whose delay is measured.
 */

import { PipeError } from '../../src/core/errors.ts';
import { SlabPool } from '../../src/core/pool.ts';
import type { StripedPipe } from '../../src/layer/trunk/stream.ts';
import { Trunk } from '../../src/layer/trunk/trunk.ts';
import type { PathOptions } from './path.ts';
import { TcpLink } from './tcp_link.ts';
import { World } from './world.ts';

const LIMIT_MS = 3_600_000;
const STREAM_WINDOW = 256 * 1024;

export interface CarrierPlan {
  readonly mbit: number;
  readonly rttMs: number;
  readonly loss?: number;
  readonly queueBytes?: number;
  /** The number of an earlier carrier whose path it shares. */
  readonly shares?: number;
}

export interface Scenario {
  readonly carriers: readonly CarrierPlan[];
  readonly bytes: number;
  /** Whether the carriers know what TCP_INFO knows. */
  readonly info: boolean;
  readonly seed?: number;
  readonly trunkWindow?: number;
  /** A single byte so often, on a stream of its own, in milliseconds. */
  readonly probeEveryMs?: number;
  /** Called at the beginning: plans what happens to the carriers. */
  readonly plan?: (run: ScenarioRun) => void;
}

export interface ScenarioResult {
  readonly ms: number;
  /** Bytes that were sent a second time, as a share of all. */
  readonly duplicates: number;
  /** Payload that each link took, in the order of their making. */
  readonly sent: readonly number[];
  readonly mostEarlyBytes: number;
  readonly probeDelaysMs: readonly number[];
}

export function runScenario(scenario: Scenario): ScenarioResult {
  return new ScenarioRun(scenario).go();
}

export function mbit(rate: number): number {
  return (rate * 1e6) / 8 / 1000;
}

/** @param earlier the links that were made before, for those that share a path */
export function makeLink(
  world: World,
  plan: CarrierPlan,
  info: boolean,
  earlier: readonly TcpLink[],
): TcpLink {
  const options: PathOptions = {
    rate: mbit(plan.mbit),
    delayMs: plan.rttMs / 2,
    ...(plan.loss === undefined ? {} : { loss: plan.loss }),
    ...(plan.queueBytes === undefined ? {} : { queueBytes: plan.queueBytes }),
  };
  const shared = plan.shares === undefined ? undefined : earlier[plan.shares];
  return new TcpLink(world, options, info, shared);
}

export class ScenarioRun {
  readonly world: World;
  readonly links: TcpLink[] = [];
  readonly client: Trunk;
  readonly server: Trunk;
  readonly #scenario: Scenario;
  readonly #pool = new SlabPool();
  #read = 0;
  #finished = false;
  #mostEarly = 0;
  #ended: PipeError | null = null;
  readonly #probeSentAt: number[] = [];
  readonly #probeDelays: number[] = [];

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.world = new World(scenario.seed ?? 1);
    const trunkWindow = scenario.trunkWindow ?? 64 * 1024 * 1024;
    const options = {
      clock: this.world,
      pool: this.#pool,
      peerStreamWindow: STREAM_WINDOW,
      peerTrunkWindow: trunkWindow,
      streamWindow: STREAM_WINDOW,
      trunkWindow,
      onEnd: (error: PipeError) => {
        this.#ended ??= error;
      },
    };
    this.client = new Trunk({ ...options, role: 'client', onStream: () => {} });
    this.server = new Trunk({ ...options, role: 'server', onStream: (stream) => this.#accept(stream) });
  }

  go(): ScenarioResult {
    const { carriers, bytes, probeEveryMs, plan } = this.#scenario;
    for (const carrier of carriers) this.dial(carrier);
    plan?.(this);
    this.world.after(0, () => this.#write(this.client.open(Buffer.from('bulk')), bytes));
    if (probeEveryMs !== undefined) {
      this.world.after(1, () => this.#probe(this.client.open(Buffer.from('probe')), probeEveryMs));
    }
    this.world.run(
      () => this.#finished || this.#ended !== null,
      LIMIT_MS,
      () => {},
    );
    const ms = this.world.now();
    if (this.#ended !== null) throw new Error(`the trunk ended after ${ms} ms: ${this.#ended.message}`);
    if (!this.#finished) throw new Error(`stuck after ${this.#read} of ${bytes} bytes`);
    const duplicates = this.client.resentBytes / bytes;
    this.client.end(new PipeError('cancelled', 'test'));
    this.server.end(new PipeError('cancelled', 'test'));
    for (const link of this.links) link.cut();
    if (this.#pool.out !== 0) throw new Error(`${this.#pool.out} slabs are still out`);
    return {
      ms,
      duplicates,
      sent: this.links.map(({ near }) => near.sentBytes),
      mostEarlyBytes: this.#mostEarly,
      probeDelaysMs: this.#probeDelays,
    };
  }

  dial(plan: CarrierPlan): void {
    const link = makeLink(this.world, plan, this.#scenario.info, this.links);
    const id = this.links.push(link) - 1;
    this.client.addCarrier(id, link.near);
    this.server.addCarrier(id, link.far);
  }

  #write(stream: StripedPipe, bytes: number): void {
    let left = bytes;
    const write = () => {
      while (left > 0 && stream.writable) {
        const size = Math.min(left, stream.maxSend);
        left -= size;
        stream.send(this.#pool.take(size));
        if (left === 0) stream.sendFin();
      }
    };
    stream.onActivity = write;
    write();
  }

  #probe(stream: StripedPipe, everyMs: number): void {
    const tick = () => {
      if (this.#finished) return;
      if (stream.writable) {
        this.#probeSentAt.push(this.world.now());
        stream.send(this.#pool.take(1));
      }
      this.world.after(everyMs, tick);
    };
    tick();
  }

  #accept(stream: StripedPipe): void {
    const isProbe = stream.label.toString() === 'probe';
    const read = () => {
      for (let chunk = stream.recv(); chunk !== null; chunk = stream.recv()) {
        if (!isProbe) this.#read += chunk.length;
        for (let i = isProbe ? chunk.length : 0; i > 0; i--)
          this.#probeDelays.push(this.world.now() - (this.#probeSentAt.shift() as number));
        chunk.release();
      }
      this.#mostEarly = Math.max(this.#mostEarly, stream.receiving.earlyBytes);
      if (!isProbe && stream.finReceived) {
        if (this.#read !== this.#scenario.bytes) throw new Error(`FIN after ${this.#read} bytes`);
        this.#finished = true;
      }
    };
    stream.onActivity = read;
    read();
  }
}
