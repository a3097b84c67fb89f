/**
 * A link of so many bits a second for all connections together, in the direction from who dialled: it reads no more than it may
 * pass on, so that the sender's sockets fill as before a slow link.
 */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const TICK_MS = 5;
/** What a queue in a modem would hold. */
const BURST_TICKS = 4;

export class SlowLink {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #waiting: (() => void)[] = [];
  readonly #timer: NodeJS.Timeout;
  #allowance = 0;

  private constructor(server: Server, bitsPerSecond: number) {
    this.#server = server;
    const perMs = bitsPerSecond / 8000;
    let at = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#allowance = Math.min(this.#allowance + (now - at) * perMs, BURST_TICKS * TICK_MS * perMs);
      at = now;
      while (this.#allowance > 0 && this.#waiting.length > 0) this.#waiting.shift()?.();
    }, TICK_MS);
  }

  static async open(target: number, bitsPerSecond: number): Promise<SlowLink> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    const link = new SlowLink(server, bitsPerSecond);
    server.on('connection', (near) => link.#join(near, target));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(near: Socket, target: number): void {
    const far = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        near.destroy();
        far.destroy();
      });
    }
    far.pipe(near);
    near.on('data', (bytes) => {
      this.#allowance -= bytes.length;
      far.write(bytes);
      near.pause();
      this.#waiting.push(() => near.resume());
    });
    near.on('end', () => far.end());
    this.#waiting.push(() => near.resume());
  }
}
