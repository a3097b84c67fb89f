/**
 * One seed: two trunks, simulated carriers, apps that write, half-close, reset and read as they like, and a network that
 * stalls, dies and comes back. Throws, saying what was broken, or returns what happened.
 *
 * Held after every event: bytes equal and in order, FIN once and last, never FIN in place of a reset, memory within its
 * cap, credit never exceeded (the trunks check it themselves), a timer set for whatever waits. At the end: everything
 * delivered, all pooled bytes back.
 */

import { PipeError } from '../../src/core/errors.ts';
import { SlabPool } from '../../src/core/pool.ts';
import { TrunkMemory } from '../../src/layer/trunk/memory.ts';
import type { StripedPipe } from '../../src/layer/trunk/stream.ts';
import { Trunk } from '../../src/layer/trunk/trunk.ts';
import { BROKEN, FIN_SENT, READABLE, WRITABLE } from '../../src/pipe/pipe.ts';
import { SimLink } from './link.ts';
import { missingTimer, OwnClock } from './timers.ts';
import { World } from './world.ts';

/** Half an hour: a lone carrier may do a byte a millisecond. */
const LIMIT_MS = 1_800_000;

export interface RunResult {
  readonly simulatedMs: number;
  readonly bytes: number;
  readonly resentBytes: number;
  readonly cuts: number;
}

export function runTrunks(seed: number): RunResult {
  const run = new Run(seed);
  return run.go();
}

/** The byte at an offset of one direction of one stream. */
function byteAt(stream: number, direction: number, offset: number): number {
  return (Math.imul(offset + 1, 2654435761) ^ (stream * 31 + direction * 17)) & 0xff;
}

/** One direction of one stream, as both its ends know it. */
class Flow {
  written = 0;
  read = 0;
  finWritten = false;
  finRead = false;
  readonly total: number;
  constructor(total: number) {
    this.total = total;
  }
}

class App {
  readonly run: Run;
  readonly pipe: StripedPipe;
  readonly out: Flow;
  readonly in: Flow;
  readonly number: number;
  readonly direction: number;
  /** Reads nothing while true. */
  lazy = false;
  resetAt = Number.POSITIVE_INFINITY;
  over = false;
  broken: PipeError | null = null;

  constructor(run: Run, pipe: StripedPipe, number: number, direction: number, out: Flow, into: Flow) {
    this.run = run;
    this.pipe = pipe;
    this.number = number;
    this.direction = direction;
    this.out = out;
    this.in = into;
    pipe.onActivity = (events) => this.onActivity(events);
  }

  onActivity(events: number): void {
    if (events & (READABLE | BROKEN)) this.receive();
    if (events & (WRITABLE | FIN_SENT)) this.write();
    this.settle();
  }

  write(): void {
    const { world } = this.run;
    const [near, far] = this.run.memories;
    const pool = (this.direction === 0 ? near : far).sendPool;
    while (!this.over && this.pipe.writable && this.out.written < this.out.total) {
      if (this.out.written >= this.resetAt) {
        this.reset();
        return;
      }
      const size = Math.min(
        this.out.total - this.out.written,
        this.pipe.maxSend,
        world.chance(0.5) ? world.pick(1, 200) : world.pick(1, 65536),
      );
      const chunk = pool.take(size);
      for (let i = 0; i < size; i++) {
        chunk.memory[chunk.start + i] = byteAt(this.number, this.direction, this.out.written + i);
      }
      this.out.written += size;
      this.pipe.send(chunk);
    }
    const done = this.out.written === this.out.total && !this.out.finWritten && this.pipe.broken === null;
    if (done && !this.over) {
      this.out.finWritten = true;
      this.pipe.sendFin();
    }
  }

  receive(): void {
    const { world } = this.run;
    while (!this.over && !(this.lazy && this.pipe.broken === null)) {
      const chunk = this.pipe.recv(world.chance(0.2) ? world.pick(1, 3000) : undefined);
      if (chunk === null) break;
      for (let i = chunk.start; i < chunk.end; i++) {
        if (chunk.memory[i] !== byteAt(this.number, 1 - this.direction, this.in.read)) {
          throw new Error(`stream ${this.number}: wrong byte at ${this.in.read}`);
        }
        this.in.read++;
      }
      chunk.release();
    }
    if (this.pipe.finReceived && !this.in.finRead) {
      this.in.finRead = true;
      if (!this.in.finWritten) throw new Error(`stream ${this.number}: FIN that nobody sent`);
      if (this.in.read !== this.in.total)
        throw new Error(`stream ${this.number}: FIN at ${this.in.read} of ${this.in.total}`);
    }
  }

  reset(): void {
    this.over = true;
    this.pipe.discard(new PipeError('reset', 'app'));
  }

  settle(): void {
    if (this.over) return;
    if (this.pipe.broken !== null) {
      this.broken = this.pipe.broken;
      this.over = true;
      this.pipe.discard(this.pipe.broken);
    } else if (this.pipe.finReceived && this.pipe.finSent) {
      this.over = true;
      this.pipe.discard();
    }
  }
}

class Run {
  readonly world: World;
  /** The client's, the server's. */
  readonly memories: readonly [TrunkMemory, TrunkMemory];
  readonly clocks: readonly [OwnClock, OwnClock];
  readonly client: Trunk;
  readonly server: Trunk;
  readonly links = new Map<number, SimLink>();
  readonly apps: App[] = [];
  readonly flows: { up: Flow; down: Flow }[] = [];
  nextCarrier = 0;
  cuts = 0;
  streamsToOpen: number;
  ended: PipeError | null = null;

  constructor(seed: number) {
    this.world = new World(seed);
    const memory = () =>
      new TrunkMemory({ capacity: this.world.pick(1, 4) * 1024 * 1024, sendPool: new SlabPool() });
    this.memories = [memory(), memory()];
    const [near, far] = this.memories;
    this.clocks = [new OwnClock(this.world), new OwnClock(this.world)];
    const options = (ours: TrunkMemory, theirs: TrunkMemory) => ({
      memory: ours.join(),
      peerStreamWindow: theirs.windows.stream,
      peerTrunkWindow: theirs.windows.trunk,
      streamWindow: ours.windows.stream,
      trunkWindow: ours.windows.trunk,
      onEnd: (error: PipeError) => {
        this.ended ??= error;
      },
      onCarrierLost: () => this.redial(),
    });
    this.client = new Trunk({
      ...options(near, far),
      clock: this.clocks[0],
      role: 'client',
      onStream: () => {},
    });
    const onStream = (stream: StripedPipe) => this.accept(stream);
    this.server = new Trunk({ ...options(far, near), clock: this.clocks[1], role: 'server', onStream });
    this.streamsToOpen = this.world.pick(1, 6);
  }

  go(): RunResult {
    const { world } = this;
    const carriers = world.pick(1, 5);
    for (let i = 0; i < carriers; i++) world.after(world.pick(0, 50), () => this.dial());
    for (let i = this.streamsToOpen; i > 0; i--) world.after(world.pick(0, 300), () => this.openStream());
    if (world.chance(0.7)) this.scheduleTrouble(carriers);
    world.run(
      () => this.done,
      LIMIT_MS,
      () => this.check(),
    );
    if (this.ended !== null) throw new Error(`the trunk ended: ${this.ended.message}`, { cause: this.ended });
    if (!this.done) throw new Error(`stuck at ${world.now().toFixed(0)} ms: ${this.describe()}`);
    this.client.end(new PipeError('cancelled', 'test'));
    this.server.end(new PipeError('cancelled', 'test'));
    for (const link of this.links.values()) link.cut();
    for (const { sendPool, receivePool } of this.memories) {
      const out = sendPool.out + receivePool.out;
      if (out !== 0) throw new Error(`${out} slabs are still out`);
    }
    return {
      simulatedMs: world.now(),
      bytes: this.flows.reduce((sum, flow) => sum + flow.up.read + flow.down.read, 0),
      resentBytes: this.client.resentBytes + this.server.resentBytes,
      cuts: this.cuts,
    };
  }

  get done(): boolean {
    return (
      this.ended !== null ||
      (this.streamsToOpen === 0 &&
        this.apps.every((app) => app.over) &&
        this.client.streams.size === 0 &&
        this.server.streams.size === 0)
    );
  }

  dial(): void {
    const { world } = this;
    const link = new SimLink(world, {
      rate: world.pick(1, 2000),
      delayMs: world.pick(0, 100),
      bufferBytes: world.pick(1, 4) * 65536,
    });
    const id = this.nextCarrier++;
    link.near.pool = this.memories[0].receivePool;
    link.far.pool = this.memories[1].receivePool;
    this.links.set(id, link);
    this.client.addCarrier(id, link.near);
    this.server.addCarrier(id, link.far);
  }

  redial(): void {
    // Both ends tell of it; one new carrier comes for each lost one.
    this.world.after(this.world.pick(1, 500), () => {
      if (this.client.carriers.size < 5 && !this.done) this.dial();
    });
  }

  openStream(): void {
    this.streamsToOpen--;
    const { world } = this;
    const size = () => (world.chance(0.3) ? world.pick(0, 10) : world.pick(0, 300_000));
    const flow = { up: new Flow(size()), down: new Flow(size()) };
    const number = this.flows.push(flow) - 1;
    const app = new App(this, this.client.open(Buffer.from(String(number))), number, 0, flow.up, flow.down);
    this.mischief(app);
    app.write();
    app.settle();
  }

  accept(stream: StripedPipe): void {
    const number = Number(stream.label.toString());
    const flow = this.flows[number];
    if (flow === undefined) throw new Error(`a stream with the label '${stream.label}'`);
    const app = new App(this, stream, number, 1, flow.down, flow.up);
    this.mischief(app);
    app.write();
    app.settle();
  }

  mischief(app: App): void {
    const { world } = this;
    this.apps.push(app);
    if (world.chance(0.1)) app.resetAt = world.pick(0, app.out.total);
    if (!world.chance(0.2)) return;
    app.lazy = true;
    world.after(world.pick(100, 5000), () => {
      app.lazy = false;
      if (app.over) return;
      app.receive();
      app.settle();
    });
  }

  scheduleTrouble(carriers: number): void {
    const { world } = this;
    for (let i = world.pick(1, 4); i > 0; i--) {
      world.after(world.pick(0, 3000), () => {
        const ids = [...this.links.keys()];
        const link = this.links.get(ids[world.pick(0, ids.length - 1)] ?? -1);
        if (link === undefined) return;
        if (world.chance(0.5)) {
          this.cuts++;
          link.cut();
        } else {
          link.freeze();
          world.after(world.pick(10, carriers === 1 ? 2000 : 20_000), () => link.thaw());
        }
      });
    }
  }

  check(): void {
    for (const [i, trunk] of [this.client, this.server].entries()) {
      const { half, grantable, sendPool, receivePool } = this.memories[i] as TrunkMemory;
      if (trunk.unacknowledgedBytes < 0 || trunk.bufferedBytes < 0) throw new Error('a count below zero');
      if (trunk.bufferedBytes > grantable) throw new Error(`${trunk.bufferedBytes} bytes wait for apps`);
      if (receivePool.heldBytes > half) throw new Error(`${receivePool.heldBytes} bytes of slabs received`);
      // One chunk of each stream may come when there is just room for it, and control frames always do.
      const most = half + (trunk.streams.size + trunk.carriers.size + 1) * 66_000;
      if (sendPool.heldBytes > most) throw new Error(`${sendPool.heldBytes} bytes of slabs to send`);
      // Before its first carrier a trunk is nothing yet.
      const missing = this.links.size === 0 ? null : missingTimer(trunk, this.clocks[i] as OwnClock);
      if (missing !== null) {
        const at = this.world.now().toFixed(0);
        throw new Error(`no timer at ${at} ms at ${i === 0 ? 'the client' : 'the server'}: ${missing}`);
      }
    }
  }

  describe(): string {
    const flows = this.flows.map(
      ({ up, down }) => `${up.read}/${up.written}/${up.total} ${down.read}/${down.written}/${down.total}`,
    );
    const trunks = [this.client, this.server].map(
      (trunk) =>
        `${trunk.streams.size} streams, ${trunk.carriers.size} carriers, ${trunk.unacknowledgedBytes} unacknowledged`,
    );
    return `${flows.join('; ')} | ${trunks.join(' | ')} | apps over ${this.apps.map((app) => Number(app.over)).join('')}`;
  }
}
