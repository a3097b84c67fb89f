/**
 * One direction of a network path: a bottleneck with a queue in front, then a delay. Several connections may share it.
 *
 *     packets --> [ queue: drops at the tail ] --rate--> (in the air: delayMs) --> the other end
 */

import type { World } from './world.ts';

export interface PathOptions {
  /** Bytes per millisecond. */
  readonly rate: number;
  readonly delayMs: number;
  /** Bytes that wait in front of the bottleneck; default 50 ms of its rate, at least 64 KiB. */
  readonly queueBytes?: number;
  /** The share of packets that is lost by chance. */
  readonly loss?: number;
}

export class Path {
  rate: number;
  delayMs: number;
  loss: number;
  /** Swallows everything. */
  blackhole = false;
  readonly #world: World;
  readonly #queueBytes: number;
  #freeAt = 0;

  constructor(world: World, options: PathOptions) {
    this.#world = world;
    this.rate = options.rate;
    this.delayMs = options.delayMs;
    this.loss = options.loss ?? 0;
    this.#queueBytes = options.queueBytes ?? Math.max(64 * 1024, 50 * options.rate);
  }

  /** Takes a packet; `arrive` is called when it is there, or never. */
  send(bytes: number, arrive: () => void): void {
    const now = this.#world.now();
    const start = Math.max(now, this.#freeAt);
    if (this.blackhole || (start - now) * this.rate + bytes > this.#queueBytes) return;
    if (this.loss > 0 && this.#world.chance(this.loss)) return;
    this.#freeAt = start + bytes / this.rate;
    this.#world.after(this.#freeAt - now + this.delayMs, arrive);
  }
}
