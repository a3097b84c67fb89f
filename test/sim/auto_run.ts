/**
 * A trunk of `-n auto` over simulated TCP, for so long, with an app at each end: one writes and one reads, each as fast as
 * it is let or as it can.
 */

import { PipeError } from '../../src/core/errors.ts';
import { lineLogger } from '../../src/core/log.ts';
import { SlabPool } from '../../src/core/pool.ts';
import type { StripedPipe } from '../../src/layer/trunk/stream.ts';
import { Trunk } from '../../src/layer/trunk/trunk.ts';
import { AutoCarriers } from '../../src/proxy/auto_carriers.ts';
import { mbit } from './scenario.ts';
import { TcpLink } from './tcp_link.ts';
import { World } from './world.ts';

const STREAM_WINDOW = 256 * 1024;
const TRUNK_WINDOW = 64 * 1024 * 1024;
/** An app that has a rate is looked at so often. */
const TICK_MS = 5;

export interface AutoPlan {
  /** Of each carrier; or of one path that all of them share. */
  readonly mbit: number;
  readonly isShared?: boolean;
  readonly rttMs: number;
  readonly loss?: number;
  /** Who sends. */
  readonly from: 'client' | 'server';
  /** What the sending app has to say, and what the receiving one takes. Default without limit. */
  readonly writeMbit?: number;
  readonly readMbit?: number;
}

export class AutoRun {
  readonly world: World;
  readonly lines: string[] = [];
  /** How many were wanted, and from when on. */
  readonly history: { readonly ms: number; readonly wanted: number }[] = [];
  /** Bytes that the receiving app has taken. */
  read = 0;
  /** Carriers that either side took for lost. */
  lost = 0;
  /** Those that the server saw leave. */
  closed = 0;
  readonly #plan: AutoPlan;
  readonly #pool = new SlabPool();
  readonly #client: Trunk;
  readonly #server: Trunk;
  readonly #auto: AutoCarriers;
  /** By slot: carrier ids, undefined while they are dialled. */
  readonly #slots: { id: number | undefined }[] = [];
  #nextId = 0;
  #shared: TcpLink | null = null;
  readonly #links: TcpLink[] = [];
  #isOver = false;

  constructor(plan: AutoPlan, seed = 1) {
    this.world = new World(seed);
    this.#plan = plan;
    const options = {
      clock: this.world,
      pool: this.#pool,
      peerStreamWindow: STREAM_WINDOW,
      peerTrunkWindow: TRUNK_WINDOW,
      streamWindow: STREAM_WINDOW,
      trunkWindow: TRUNK_WINDOW,
      onEnd: (error: PipeError) => {
        if (!this.#isOver) throw new Error('the trunk ended', { cause: error });
      },
      onCarrierLost: () => this.lost++,
    };
    this.#client = new Trunk({ ...options, role: 'client', onStream: () => {} });
    this.#server = new Trunk({
      ...options,
      role: 'server',
      onStream: (stream) => (plan.from === 'client' ? this.#readAll(stream) : this.#write(stream)),
      onCarrierClosed: () => this.closed++,
    });
    this.#auto = new AutoCarriers({
      clock: this.world,
      log: lineLogger('debug', (line) => this.lines.push(line.replace(/^\S+ /, ''))),
      peer: 'peer',
      least: 2,
      up: () => this.#slots.filter(({ id }) => id !== undefined).length,
      resize: (wanted) => this.#resize(wanted),
    });
    this.#resize(2);
    this.world.after(1, () => {
      const stream = this.#client.open(Buffer.from('bulk'));
      if (plan.from === 'client') this.#write(stream);
      else this.#readAll(stream);
      this.#auto.wake(this.#client);
    });
  }

  get carriers(): number {
    return this.#client.carriers.size;
  }

  /** @returns goodput in Mbit/s */
  go(seconds: number): number {
    const [since, before] = [this.world.now(), this.read];
    const end = since + seconds * 1000;
    this.world.run(
      () => this.world.now() >= end,
      end,
      () => {},
    );
    return ((this.read - before) * 8) / 1000 / (this.world.now() - since);
  }

  end(): void {
    this.#isOver = true;
    this.#auto.stop();
    for (const trunk of [this.#client, this.#server]) trunk.end(new PipeError('cancelled', 'test'));
    for (const link of this.#links) link.cut();
    if (this.#pool.out !== 0) throw new Error(`${this.#pool.out} slabs are still out`);
  }

  #resize(wanted: number): void {
    this.history.push({ ms: this.world.now(), wanted });
    for (const { id } of this.#slots.splice(wanted)) {
      const carrier = id === undefined ? undefined : this.#client.carriers.get(id);
      if (carrier !== undefined) this.#client.retire(carrier);
    }
    while (this.#slots.length < wanted) {
      const slot: { id: number | undefined } = { id: undefined };
      this.#slots.push(slot);
      // The handshakes of TCP and of the carrier.
      this.world.after(2 * this.#plan.rttMs, () => this.#dial(slot));
    }
  }

  #dial(slot: { id: number | undefined }): void {
    if (!this.#slots.includes(slot)) return;
    const { isShared = false, loss = 0, rttMs } = this.#plan;
    const options = { rate: mbit(this.#plan.mbit), delayMs: rttMs / 2, loss };
    const link = new TcpLink(this.world, options, true, this.#shared ?? undefined);
    if (isShared) this.#shared ??= link;
    this.#links.push(link);
    slot.id = this.#nextId++;
    this.#client.addCarrier(slot.id, link.near);
    this.#server.addCarrier(slot.id, link.far);
  }

  #write(stream: StripedPipe): void {
    const allowance = this.#allowance(this.#plan.writeMbit, () => write());
    const write = () => {
      while (stream.writable && !this.#isOver) {
        const size = Math.min(stream.maxSend, allowance.left());
        if (size < 1) return;
        allowance.take(size);
        stream.send(this.#pool.take(size));
      }
    };
    stream.onActivity = write;
    write();
  }

  #readAll(stream: StripedPipe): void {
    const allowance = this.#allowance(this.#plan.readMbit, () => read());
    const read = () => {
      while (stream.readable && !this.#isOver) {
        const most = allowance.left();
        if (most < 1) return;
        const chunk = stream.recv(most);
        if (chunk === null) return;
        allowance.take(chunk.length);
        this.read += chunk.length;
        chunk.release();
      }
    };
    stream.onActivity = read;
    read();
  }

  /** What an app may do so far. Without a rate, everything. */
  #allowance(rate: number | undefined, more: () => void) {
    let left = rate === undefined ? Number.POSITIVE_INFINITY : 0;
    const tick = () => {
      if (this.#isOver || rate === undefined) return;
      left = Math.min(left + mbit(rate) * TICK_MS, 10 * mbit(rate) * TICK_MS);
      more();
      this.world.after(TICK_MS, tick);
    };
    if (rate !== undefined) this.world.after(0, tick);
    return {
      left: () => Math.floor(left),
      take(bytes: number) {
        left -= bytes;
      },
    };
  }
}
