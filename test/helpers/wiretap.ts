/**
 * Wiretap: stands between `-c` and `-s`, keeps every byte that passes, and may change them.
 */

import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Test } from 'tap';

export class Wiretap {
  /** What passed, both ways, connection by connection, before it was changed. */
  readonly heard: Buffer[] = [];
  /** Is given each piece, and how many bytes its connection has passed that way before. */
  change: (bytes: Buffer, before: number) => void = () => {};
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, to: number) {
    this.#server = server;
    server.on('connection', (near) => this.#join(near, to));
  }

  /** In front of a port of 127.0.0.1. It goes with the test. */
  static async listen(t: Test, to: number): Promise<Wiretap> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const tap = new Wiretap(server, to);
    t.teardown(() => {
      server.close();
      for (const socket of tap.#sockets) socket.destroy();
    });
    return tap;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  hears(words: string): boolean {
    return this.heard.some((bytes) => bytes.includes(words));
  }

  get bytes(): number {
    return this.heard.reduce((sum, { length }) => sum + length, 0);
  }

  #join(near: Socket, to: number): void {
    const far = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    for (const [from, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      let before = 0;
      from.on('data', (bytes: Buffer) => {
        this.heard.push(Buffer.from(bytes));
        this.change(bytes, before);
        before += bytes.length;
        if (!other.write(bytes)) from.pause();
      });
      other.on('drain', () => from.resume());
      from.on('end', () => other.end());
      from.on('error', () => other.destroy());
      from.on('close', () => this.#sockets.delete(from));
    }
  }
}
