/**
 * The network between the two proxies, as a TCP relay that resets connections, holds them up, and changes bytes.
 */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Random } from '../../test/helpers/random.ts';

interface Way {
  readonly near: Socket;
  readonly far: Socket;
}

export class Relay {
  readonly #server: Server;
  readonly #ways = new Set<Way>();
  readonly #to: () => number;
  /** The next piece of data has a bit changed. */
  #corrupt: Random | null = null;

  /** @param to the port that it leads to */
  constructor(to: () => number) {
    this.#to = to;
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#take(near));
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#ways.size;
  }

  /** Both ends see a reset. */
  kill(random: Random): void {
    const way = this.#pick(random);
    way?.near.resetAndDestroy();
    way?.far.resetAndDestroy();
  }

  /** Nothing passes for so long. */
  hold(random: Random, ms: number): void {
    const way = this.#pick(random);
    if (way === undefined) return;
    way.near.pause();
    way.far.pause();
    setTimeout(() => {
      way.near.resume();
      way.far.resume();
    }, ms).unref();
  }

  /** One bit of what passes next, on whatever connection. */
  corrupt(random: Random): void {
    this.#corrupt = random;
  }

  close(): void {
    this.#server.close();
    for (const { near, far } of this.#ways) {
      near.destroy();
      far.destroy();
    }
  }

  #pick(random: Random): Way | undefined {
    return this.#ways.size === 0 ? undefined : random.pick([...this.#ways]);
  }

  #take(near: Socket): void {
    const far = connect({ port: this.#to(), host: '127.0.0.1', allowHalfOpen: true });
    const way = { near, far };
    this.#ways.add(way);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.setNoDelay(true);
      from.on('data', (bytes) => {
        if (!to.write(this.#changed(bytes))) from.pause();
      });
      to.on('drain', () => from.resume());
      from.on('end', () => to.end());
      from.on('error', () => to.resetAndDestroy());
      from.on('close', () => {
        to.destroy();
        this.#ways.delete(way);
      });
    }
  }

  #changed(bytes: Buffer): Buffer {
    const random = this.#corrupt;
    if (random === null || bytes.length === 0) return bytes;
    this.#corrupt = null;
    const at = random.int(0, bytes.length - 1);
    bytes[at] = (bytes[at] as number) ^ (1 << random.int(0, 7));
    return bytes;
  }
}
