/**
 * Two trunks over simulated links, and streams from the client to the server whose every byte is looked at: for what
 * has to be set up exactly so. At random is trunk_run.ts, and measured is scenario.ts.
 */

import { PipeError } from '../../src/core/errors.ts';
import { SlabPool } from '../../src/core/pool.ts';
import { TrunkMemory } from '../../src/layer/trunk/memory.ts';
import type { SchedulerName } from '../../src/layer/trunk/options.ts';
import type { StripedPipe } from '../../src/layer/trunk/stream.ts';
import { Trunk } from '../../src/layer/trunk/trunk.ts';
import { Pattern } from '../helpers/e2e_tcp.ts';
import { type LinkOptions, SimLink } from './link.ts';
import { missingTimer, OwnClock } from './timers.ts';
import { World } from './world.ts';

const pattern = new Pattern();

export interface PairOptions {
  /** What the server grants at first, on a stream and on all together. */
  readonly streamWindow?: number;
  readonly trunkWindow?: number;
  /** What the server may hold, in bytes: a quarter of it is the most that it grants. */
  readonly capacity?: number;
  /** How the client shares out its data. */
  readonly scheduler?: SchedulerName;
}

/** One stream, from the app that writes `total` bytes and ends to the one that reads and answers with an end. */
export class Transfer {
  readonly total: number;
  read = 0;
  finRead = false;
  /** Both ends have the other's end. */
  over = false;
  /** The far end of it, once it is there. */
  far: StripedPipe | null = null;
  /** Called when the far app has read something. */
  onRead: () => void = () => {};
  /** The far app does not read. */
  stalled = false;
  /** Called when it should look again. */
  look: () => void = () => {};

  constructor(total: number) {
    this.total = total;
  }
}

export class SimPair {
  readonly world = new World(1);
  readonly links: SimLink[] = [];
  readonly client: Trunk;
  readonly server: Trunk;
  readonly #clocks = [new OwnClock(this.world), new OwnClock(this.world)] as const;
  readonly #pool = new SlabPool();
  readonly #transfers: Transfer[] = [];
  readonly #inTurn: boolean;
  #ended: PipeError | null = null;

  constructor(options: PairOptions = {}) {
    this.#inTurn = options.scheduler === 'round-robin';
    // Without a kernel in between, what waits at the server is counted at the client, too: that must not be what limits it.
    const near = new TrunkMemory({ sendPool: this.#pool, capacity: 2 ** 33 });
    const far = new TrunkMemory({
      sendPool: this.#pool,
      ...(options.capacity === undefined ? {} : { capacity: options.capacity }),
    });
    const { stream: nearStream, trunk: nearTrunk } = near.windows;
    const farStream = options.streamWindow ?? far.windows.stream;
    const farTrunk = options.trunkWindow ?? far.windows.trunk;
    const onEnd = (error: PipeError) => {
      this.#ended ??= error;
    };
    this.client = new Trunk({
      role: 'client',
      clock: this.#clocks[0],
      memory: near.join(),
      peerStreamWindow: farStream,
      peerTrunkWindow: farTrunk,
      streamWindow: nearStream,
      trunkWindow: nearTrunk,
      onStream: () => {},
      onEnd,
      scheduler: options.scheduler,
    });
    this.server = new Trunk({
      role: 'server',
      clock: this.#clocks[1],
      memory: far.join(),
      peerStreamWindow: nearStream,
      peerTrunkWindow: nearTrunk,
      streamWindow: farStream,
      trunkWindow: farTrunk,
      onStream: (stream) => this.#accept(stream),
      onEnd,
    });
  }

  dial(options: LinkOptions): SimLink {
    const link = new SimLink(this.world, options);
    const id = this.links.push(link) - 1;
    this.client.addCarrier(id, link.near);
    this.server.addCarrier(id, link.far);
    return link;
  }

  /** A stream that carries so many bytes, opened at `startMs`; its app ends behind them, but not before `endMs`. */
  send(total: number, endMs = 0, startMs = 0): Transfer {
    const transfer = new Transfer(total);
    const label = Buffer.from(String(this.#transfers.push(transfer) - 1));
    this.world.after(startMs, () => this.#write(this.client.open(label), transfer, endMs));
    return transfer;
  }

  #write(stream: StripedPipe, transfer: Transfer, endMs: number): void {
    const { total } = transfer;
    let written = 0;
    const write = () => {
      while (written < total && stream.writable) {
        const chunk = this.#pool.copy(pattern.at(written, Math.min(stream.maxSend, total - written)));
        written += chunk.length;
        stream.send(chunk);
      }
      if (written === total && this.world.now() >= endMs && !stream.finSent) stream.sendFin();
      if (stream.readable) stream.recv();
      transfer.over = stream.finReceived && stream.finSent;
      if (transfer.over) stream.discard();
    };
    stream.onActivity = write;
    write();
    if (endMs > 0) this.world.after(endMs, write);
  }

  #accept(stream: StripedPipe): void {
    const transfer = this.#transfers[Number(stream.label)] as Transfer;
    transfer.far = stream;
    const read = () => {
      if (transfer.stalled) return;
      for (let chunk = stream.recv(); chunk !== null; chunk = stream.recv()) {
        if (!pattern.has(transfer.read, chunk.view()))
          throw new Error(`a wrong byte behind ${transfer.read}`);
        transfer.read += chunk.length;
        chunk.release();
      }
      if (stream.finReceived && !transfer.finRead) {
        if (transfer.read !== transfer.total) throw new Error(`the end came after ${transfer.read} bytes`);
        transfer.finRead = true;
        stream.sendFin();
      }
      transfer.onRead();
      if (stream.finReceived && stream.finSent) stream.discard();
    };
    stream.onActivity = read;
    transfer.look = read;
    read();
  }

  /** Lets everything come to its end; throws when it does not within so long, in simulated milliseconds. */
  finish(limitMs: number): void {
    const done = () => this.#transfers.every(({ over }) => over) && this.server.streams.size === 0;
    this.world.run(
      () => this.#ended !== null || done(),
      this.world.now() + limitMs,
      () => this.#check(),
    );
    if (this.#ended !== null) throw new Error('the trunk ended', { cause: this.#ended });
    if (!done()) {
      const state = this.#transfers.map(({ read, total }) => `${read} of ${total}`).join(', ');
      throw new Error(`stuck at ${this.world.now().toFixed(0)} ms: ${state}`);
    }
    for (const trunk of [this.client, this.server]) trunk.end(new PipeError('cancelled', 'test'));
    for (const link of this.links) link.cut();
    if (this.#pool.out !== 0) throw new Error(`${this.#pool.out} slabs are still out`);
  }

  #check(): void {
    // Who waits for one's turn waits for its room, beside others that are free.
    if (this.links.length === 0 || this.#inTurn) return;
    for (const [i, trunk] of [this.client, this.server].entries()) {
      const missing = missingTimer(trunk, this.#clocks[i] as OwnClock);
      if (missing !== null) throw new Error(`no timer at ${this.world.now().toFixed(0)} ms: ${missing}`);
    }
  }
}
