/**
 * Many streams from the client to the server over the same carriers, each with apps of its own: one that writes as fast
 * as it is let, or says something small now and then, and one that reads at once, or never. What each moves is counted
 * for a while, after a start that is not.
 */

import { PipeError } from '../../src/core/errors.ts';
import { SlabPool } from '../../src/core/pool.ts';
import type { StripedPipe } from '../../src/layer/trunk/stream.ts';
import { Trunk } from '../../src/layer/trunk/trunk.ts';
import { type CarrierPlan, makeLink } from './scenario.ts';
import type { TcpLink } from './tcp_link.ts';
import { World } from './world.ts';

const STREAM_WINDOW = 256 * 1024;

/** What the app at the near end does, and `stalled`: bulk that the app at the far end does not read. */
export type StreamPlan = 'bulk' | 'stalled' | { readonly bytes: number; readonly everyMs: number };

export interface SideBySide {
  readonly carriers: readonly CarrierPlan[];
  /** Whether the carriers know what TCP_INFO knows. */
  readonly info: boolean;
  readonly streams: readonly StreamPlan[];
  readonly startMs: number;
  readonly measuredMs: number;
  readonly trunkWindow?: number;
  readonly seed?: number;
}

export interface StreamResult {
  /** Bytes that the far app read while it was measured. */
  readonly bytes: number;
  /** How long each message took that was sent while it was measured. */
  readonly delaysMs: readonly number[];
  /** Of what the near app sent, from the beginning, the share that went out more than once. */
  readonly repeatedShare: number;
}

export interface SideBySideResult {
  readonly streams: readonly StreamResult[];
  /** The most that waited at the server for what was in front of it, on one stream. */
  readonly mostEarlyBytes: number;
}

export function runSideBySide(plan: SideBySide): SideBySideResult {
  const world = new World(plan.seed ?? 1);
  const pool = new SlabPool();
  const trunkWindow = plan.trunkWindow ?? 64 * 1024 * 1024;
  let ended: PipeError | null = null;
  const options = {
    clock: world,
    pool,
    peerStreamWindow: STREAM_WINDOW,
    peerTrunkWindow: trunkWindow,
    streamWindow: STREAM_WINDOW,
    trunkWindow,
    onEnd: (error: PipeError) => {
      ended ??= error;
    },
  };
  const flows = plan.streams.map((stream) => new SimFlow(world, pool, stream, plan.startMs));
  const client = new Trunk({ ...options, role: 'client', onStream: () => {} });
  const server = new Trunk({
    ...options,
    role: 'server',
    onStream: (stream) => (flows[Number(stream.label)] as SimFlow).accept(stream),
  });
  const links: TcpLink[] = [];
  for (const carrier of plan.carriers) {
    const link = makeLink(world, carrier, plan.info, links);
    const id = links.push(link) - 1;
    client.addCarrier(id, link.near);
    server.addCarrier(id, link.far);
  }
  world.after(0, () => {
    for (const [i, flow] of flows.entries()) flow.write(client.open(Buffer.from(String(i))));
  });
  world.run(
    () => ended !== null,
    plan.startMs + plan.measuredMs,
    () => {},
  );
  if (ended !== null) throw new Error(`the trunk ended after ${world.now()} ms`, { cause: ended });
  for (const trunk of [client, server]) trunk.end(new PipeError('cancelled', 'test'));
  for (const link of links) link.cut();
  if (pool.out !== 0) throw new Error(`${pool.out} slabs are still out`);
  return { streams: flows, mostEarlyBytes: Math.max(...flows.map(({ mostEarlyBytes }) => mostEarlyBytes)) };
}

class SimFlow implements StreamResult {
  bytes = 0;
  mostEarlyBytes = 0;
  readonly delaysMs: number[] = [];
  readonly #world: World;
  readonly #pool: SlabPool;
  readonly #plan: StreamPlan;
  readonly #startMs: number;
  /** When the messages that have not arrived were said. */
  readonly #saidAt: number[] = [];
  #unsent = 0;
  #read = 0;
  #stream: StripedPipe | null = null;

  constructor(world: World, pool: SlabPool, plan: StreamPlan, startMs: number) {
    this.#world = world;
    this.#pool = pool;
    this.#plan = plan;
    this.#startMs = startMs;
  }

  get repeatedShare(): number {
    const sending = this.#stream?.sending;
    return sending === undefined ? 0 : sending.repeatedBytes / sending.offset;
  }

  write(stream: StripedPipe): void {
    this.#stream = stream;
    const plan = this.#plan;
    const send = () => {
      while (stream.writable) {
        if (typeof plan !== 'object') stream.send(this.#pool.take(stream.maxSend));
        else if (this.#unsent-- > 0) stream.send(this.#pool.take(plan.bytes));
        else break;
      }
      this.#unsent = Math.max(0, this.#unsent);
    };
    const say = (everyMs: number) => {
      this.#saidAt.push(this.#world.now());
      this.#unsent++;
      send();
      this.#world.after(everyMs, () => say(everyMs));
    };
    stream.onActivity = send;
    if (typeof plan === 'object') say(plan.everyMs);
    else send();
  }

  accept(stream: StripedPipe): void {
    if (this.#plan === 'stalled') return;
    const read = () => {
      for (let chunk = stream.recv(); chunk !== null; chunk = stream.recv()) {
        this.#onRead(chunk.length);
        chunk.release();
      }
      this.mostEarlyBytes = Math.max(this.mostEarlyBytes, stream.receiving.earlyBytes);
    };
    stream.onActivity = read;
    read();
  }

  #onRead(bytes: number): void {
    const plan = this.#plan;
    const now = this.#world.now();
    if (now >= this.#startMs) this.bytes += bytes;
    if (typeof plan !== 'object') return;
    for (this.#read += bytes; this.#read >= plan.bytes; this.#read -= plan.bytes) {
      const saidAt = this.#saidAt.shift() as number;
      if (saidAt >= this.#startMs) this.delaysMs.push(now - saidAt);
    }
  }
}
