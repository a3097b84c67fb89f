/**
 * What goes wrong during a soak, at random: nothing of it may be seen by an app, but a restart.
 */

import { connect } from 'node:net';
import type { Random } from '../../test/helpers/random.ts';
import type { TcpProxy } from './proxy.ts';
import type { Relay } from './relay.ts';

const GARBAGE: readonly Buffer[] = [
  Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
  Buffer.from('SSH-2.0-x\r\n'),
  Buffer.from('1603010005010000010303', 'hex'),
  Buffer.from('\x4cTSTR\x01\x01\x03\0', 'latin1'),
  Buffer.alloc(5000, 0xff),
  Buffer.alloc(0),
];

export class Faults {
  readonly counts = new Map<string, number>();
  readonly #relay: Relay;
  readonly #random: Random;
  readonly #frozen = new Set<TcpProxy>();
  readonly #proxies: { readonly client: TcpProxy; readonly server: TcpProxy };

  constructor(relay: Relay, proxies: { client: TcpProxy; server: TcpProxy }, random: Random) {
    this.#relay = relay;
    this.#proxies = proxies;
    this.#random = random;
  }

  /** Resolves when it is over. */
  async one(): Promise<void> {
    const random = this.#random;
    const dice = random.next();
    if (dice < 0.4) this.#count('killed', () => this.#relay.kill(random));
    else if (dice < 0.6) this.#count('held', () => this.#relay.hold(random, random.int(100, 3000)));
    else if (dice < 0.75) this.#count('corrupted', () => this.#relay.corrupt(random));
    else if (dice < 0.9) this.#count('garbage', () => this.#garbage());
    else await this.#freeze(random.pick([this.#proxies.client, this.#proxies.server]), random.int(100, 3000));
  }

  /** All are running again. */
  thaw(): void {
    for (const proxy of this.#frozen) proxy.thaw();
    this.#frozen.clear();
  }

  async #freeze(proxy: TcpProxy, ms: number): Promise<void> {
    this.#count('frozen', () => proxy.freeze());
    this.#frozen.add(proxy);
    await new Promise((resolve) => setTimeout(resolve, ms));
    proxy.thaw();
    this.#frozen.delete(proxy);
  }

  /** Strangers, silent ones among them. They stay until they are thrown out. */
  #garbage(): void {
    for (let i = 0; i < 10; i++) {
      const stranger = connect({ port: this.#proxies.server.port, host: '127.0.0.1' });
      stranger.on('error', () => {});
      stranger.on('data', () => {});
      stranger.write(this.#random.pick(GARBAGE));
    }
  }

  #count(what: string, cause: () => void): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
    cause();
  }
}
