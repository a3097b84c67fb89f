/**
 * A carrier of messages over two simulated TCP flows, one for each direction, with a shallow unsent queue as
 * TCP_NOTSENT_LOWAT makes it. Its `congestion` is what TCP_INFO would say, or null, as on the portable backend.
 */

import type { Chunk } from '../../src/core/chunk.ts';
import { FIN_SENT, WRITABLE } from '../../src/pipe/pipe.ts';
import type { NativeAddon } from '../../src/sys/addon.ts';
import { TcpInfo } from '../../src/sys/tcp_info.ts';
import { reset, SimEnd } from './end.ts';
import { Path, type PathOptions } from './path.ts';
import { TcpFlow } from './tcp_flow.ts';
import type { World } from './world.ts';

/** What a carrier's socket holds unsent before poll says that it is full: see src/layer/tcp/tuning.ts. */
const UNSENT_BYTES = 128 * 1024;
/** The length in front of a message. */
const LENGTH_BYTES = 3;

export class TcpLink {
  readonly near: TcpEnd;
  readonly far: TcpEnd;
  readonly up: Path;
  readonly down: Path;

  /** @param shared the paths of another link, for connections that go the same way */
  constructor(world: World, options: PathOptions, info: boolean, shared?: TcpLink) {
    this.up = shared?.up ?? new Path(world, options);
    this.down = shared?.down ?? new Path(world, options);
    this.near = new TcpEnd(world, this.up, this.down, info);
    this.far = new TcpEnd(world, this.down, this.up, info);
    this.near.peer = this.far;
    this.far.peer = this.near;
  }

  /** Swallows packets, in both directions or in one. */
  blackhole(on: boolean, direction: 'both' | 'up' | 'down' = 'both'): void {
    if (direction !== 'down') this.up.blackhole = on;
    if (direction !== 'up') this.down.blackhole = on;
  }

  cut(): void {
    for (const end of [this.near, this.far]) end.break(reset());
  }
}

export class TcpEnd extends SimEnd {
  peer!: TcpEnd;
  /** Payload that was sent into it. */
  sentBytes = 0;
  readonly #world: World;
  readonly #path: Path;
  readonly #flow: TcpFlow;
  readonly #info: TcpInfo | null;
  /** Messages on their way, with the offset at which each is complete. */
  #queue: { chunk: Chunk; end: number }[] = [];
  #written = 0;
  #toldWritable = true;

  constructor(world: World, path: Path, back: Path, info: boolean) {
    super();
    this.#world = world;
    this.#path = path;
    this.#flow = new TcpFlow(
      world,
      path,
      back,
      (upTo) => this.#onArrived(upTo),
      () => this.#onRoom(),
    );
    this.#info = info ? new TcpInfo(addonOf(this.#flow)) : null;
  }

  get congestion(): TcpInfo | null {
    this.#info?.sample(0);
    return this.#info;
  }
  get writable(): boolean {
    const open = this.isAlive && !this.finWanted;
    if (open && this.#flow.notSent >= UNSENT_BYTES) this.#toldWritable = false;
    return open && this.#toldWritable;
  }

  send(chunk: Chunk): void {
    if (!this.writable) throw new Error('send() while not writable');
    this.#written += chunk.length + LENGTH_BYTES;
    this.sentBytes += chunk.length;
    this.#queue.push({ chunk, end: this.#written });
    this.#flow.write(chunk.length + LENGTH_BYTES);
  }

  sendFin(): void {
    this.finWanted = true;
    this.finSent = true;
    this.raiseLater(FIN_SENT);
    if (this.#queue.length === 0) this.#passFin();
  }

  /** At the other end, bytes of ours have come in order. */
  #onArrived(upTo: number): void {
    let arrived = 0;
    while (arrived < this.#queue.length && (this.#queue[arrived] as { end: number }).end <= upTo) arrived++;
    this.peer.arrive(...this.#queue.splice(0, arrived).map(({ chunk }) => chunk));
    if (this.finWanted && this.#queue.length === 0) this.#passFin();
  }

  /** Behind all that was sent. */
  #passFin(): void {
    this.#world.after(this.#path.delayMs, () => this.peer.onPeerClosed());
  }

  #onRoom(): void {
    if (this.#toldWritable || this.#flow.notSent >= UNSENT_BYTES / 2) return;
    this.#toldWritable = true;
    this.raiseLater(WRITABLE);
  }

  protected endPeer(): void {
    this.peer.onPeerClosed();
  }

  protected resetPeer(): void {
    this.peer.break(reset());
  }

  protected drop(): void {
    for (const { chunk } of this.#queue) chunk.release();
    this.#queue = [];
    this.#flow.close();
  }
}

/** As much of the addon as TcpInfo looks at. */
function addonOf(flow: TcpFlow): NativeAddon {
  const fields = Object.keys(flow.info);
  const addon = {
    tcpInfoFields: fields,
    tcpInfo(_fd: number, values: Float64Array): number {
      const { info } = flow;
      fields.forEach((name, i) => {
        values[i] = info[name] ?? Number.NaN;
      });
      return fields.length * 8;
    },
  };
  return addon as unknown as NativeAddon;
}
