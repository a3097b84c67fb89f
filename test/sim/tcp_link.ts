/**
 * A carrier of messages over two simulated TCP flows, one for each direction, with a shallow unsent queue as
 * TCP_NOTSENT_LOWAT makes it. Its `congestion` is what TCP_INFO would say, or null, as on the portable backend.
 */

import type { Chunk } from '../../src/core/chunk.ts';
import { PipeError } from '../../src/core/errors.ts';
import { PipeBase } from '../../src/pipe/base.ts';
import { BROKEN, FIN_SENT, READABLE, WRITABLE } from '../../src/pipe/pipe.ts';
import type { NativeAddon } from '../../src/sys/addon.ts';
import { TcpInfo } from '../../src/sys/tcp_info.ts';
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
    for (const end of [this.near, this.far]) end.break(new PipeError('reset', 'link'));
  }
}

export class TcpEnd extends PipeBase<'messages'> {
  readonly kind = 'messages';
  readonly maxSend = Number.POSITIVE_INFINITY;
  peer!: TcpEnd;
  /** Payload that was sent into it. */
  sentBytes = 0;
  readonly #flow: TcpFlow;
  readonly #info: TcpInfo | null;
  /** Messages on their way, with the offset at which each is complete. */
  #queue: { chunk: Chunk; end: number }[] = [];
  #written = 0;
  #inbox: Chunk[] = [];
  #broken: PipeError | null = null;
  #discarded = false;
  #finWanted = false;
  #finSent = false;
  #peerFin = false;
  #finReceived = false;
  #toldWritable = true;

  constructor(world: World, path: Path, back: Path, info: boolean) {
    super();
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
  get ready(): boolean {
    return !this.#discarded;
  }
  get broken(): PipeError | null {
    return this.#broken;
  }
  get readable(): boolean {
    return !this.#discarded && !this.#finReceived && (this.#inbox.length > 0 || this.#peerFin);
  }
  get writable(): boolean {
    const open = !this.#discarded && this.#broken === null && !this.#finWanted;
    if (open && this.#flow.notSent >= UNSENT_BYTES) this.#toldWritable = false;
    return open && this.#toldWritable;
  }
  get finReceived(): boolean {
    return this.#finReceived;
  }
  get finSent(): boolean {
    return this.#finSent;
  }

  recv(): Chunk | null {
    const chunk = this.readable ? this.#inbox.shift() : undefined;
    if (chunk !== undefined) return chunk;
    if (this.#peerFin && this.#broken === null && !this.#discarded) this.#finReceived = true;
    return null;
  }

  send(chunk: Chunk): void {
    if (!this.writable) throw new Error('send() while not writable');
    this.#written += chunk.length + LENGTH_BYTES;
    this.sentBytes += chunk.length;
    this.#queue.push({ chunk, end: this.#written });
    this.#flow.write(chunk.length + LENGTH_BYTES);
  }

  sendFin(): void {
    this.#finWanted = true;
    this.#finSent = true;
    this.raiseLater(FIN_SENT);
  }

  discard(error?: PipeError): void {
    if (this.#discarded) return;
    this.#discarded = true;
    this.silence();
    this.#drop();
    if (error === undefined && this.#broken === null) this.peer.#onPeerClosed();
    else this.peer.break(new PipeError('reset', 'link'));
  }

  break(error: PipeError): void {
    if (this.#broken !== null || this.#discarded) return;
    this.#broken = error;
    this.#drop();
    this.raiseLater(BROKEN);
  }

  /** At the other end, bytes of ours have come in order. */
  #onArrived(upTo: number): void {
    const before = this.peer.readable;
    let arrived = 0;
    while (arrived < this.#queue.length && (this.#queue[arrived] as { end: number }).end <= upTo) arrived++;
    for (const { chunk } of this.#queue.splice(0, arrived)) {
      if (this.peer.#discarded || this.peer.#broken !== null) chunk.release();
      else this.peer.#inbox.push(chunk);
    }
    if (!before && this.peer.readable) this.peer.raise(READABLE);
  }

  #onRoom(): void {
    if (this.#toldWritable || this.#flow.notSent >= UNSENT_BYTES / 2) return;
    this.#toldWritable = true;
    this.raiseLater(WRITABLE);
  }

  #onPeerClosed(): void {
    if (this.#peerFin || this.#discarded || this.#broken !== null) return;
    this.#peerFin = true;
    this.raise(READABLE);
  }

  #drop(): void {
    for (const { chunk } of this.#queue) chunk.release();
    for (const chunk of this.#inbox) chunk.release();
    this.#queue = [];
    this.#inbox = [];
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
