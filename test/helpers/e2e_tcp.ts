/**
 * The two ends of a connection through the proxies, in this process: exact about FIN, RST and every byte.
 */

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';
import type { Test } from 'tap';
import { until, within } from './e2e_wait.ts';

/**
 * Random data, repeated with a period that is prime: a byte that was lost, doubled or moved shows at once, and
 * comparing costs less than a hash.
 */
export class Pattern {
  static readonly #PERIOD = 1_048_573;
  readonly #twice: Buffer;

  constructor() {
    const once = randomBytes(Pattern.#PERIOD);
    this.#twice = Buffer.concat([once, once]);
  }

  /** Bytes [offset, offset + length) of the endless stream; length up to 1 MiB. */
  at(offset: number, length: number): Buffer {
    const start = offset % Pattern.#PERIOD;
    return this.#twice.subarray(start, start + Math.min(length, Pattern.#PERIOD));
  }

  /** Whether `data` stands at `offset`. */
  has(offset: number, data: Buffer): boolean {
    for (let done = 0; done < data.length; ) {
      const here = this.at(offset + done, data.length - done);
      if (here.compare(data, done, done + here.length) !== 0) return false;
      done += here.length;
    }
    return true;
  }
}

/** How the other direction ended: `FIN`, an error code such as `ECONNRESET`, or `closed` without either. */
export type Outcome = string;

export class End {
  readonly socket: Socket;
  /** Bytes that have come. */
  received = 0;
  /** Bytes that sendPattern() has handed over. */
  sent = 0;
  /** The first offset that differs from `expected`; -1 while all are right. */
  wrongAt = -1;
  /** What has to come. Without it the beginning of what comes is kept in `text`. */
  expected: Pattern | null = null;
  text = '';
  outcome: Outcome | null = null;
  /** Everything that happened, in order. */
  readonly events: string[] = [];
  #endPending = false;

  constructor(socket: Socket) {
    this.socket = socket;
    this.#inside._readableState.autoDestroy = false;
    socket.on('data', (data: Buffer) => this.#onData(data));
    socket.on('end', () => this.#confirmFin());
    socket.on('error', (error: NodeJS.ErrnoException) => this.#happened(error.code ?? error.message));
    socket.on('close', () => {
      this.#endAsFin();
      this.#happened('closed');
    });
  }

  /**
   * libuv takes a reset for an end of stream when data came with it (uv__stream_io: POLLHUP after a partial read), and
   * leaves the error in the socket. Another read tells which it was: it happens in the poll phase between the two calls.
   */
  #confirmFin(): void {
    this.#endPending = true;
    this.#inside._handle?.readStart();
    setImmediate(() => setImmediate(() => this.#endAsFin()));
  }

  get #inside(): { _readableState: { autoDestroy: boolean }; _handle?: { readStart(): number } } {
    return this.socket as never;
  }

  #endAsFin(): void {
    const reset = this.events.some((event) => event === 'ECONNRESET' || event === 'EPIPE');
    if (this.#endPending && !reset) this.#happened('FIN');
    this.#endPending = false;
  }

  #onData(data: Buffer): void {
    if (this.expected === null) {
      if (this.text.length < 1 << 20) this.text += data.toString('latin1');
    } else if (this.wrongAt < 0 && !this.expected.has(this.received, data)) {
      this.wrongAt = this.received;
    }
    this.received += data.length;
  }

  #happened(what: string): void {
    this.events.push(what);
    this.outcome ??= what;
  }

  /** FIN or the error that ended what comes in. */
  async over(ms = 30_000): Promise<Outcome> {
    return until(
      () => this.outcome,
      () => `neither FIN nor RST came; ${this.received} bytes did`,
      ms,
    );
  }

  async has(bytes: number, ms = 30_000): Promise<void> {
    await until(
      () => this.received >= bytes,
      () => `${this.received} of ${bytes} bytes came, then ${this.events.join(', ') || 'nothing'}`,
      ms,
    );
  }

  /** Sends so many bytes, waiting whenever the kernel takes no more. Stops in peace when the socket dies. */
  async sendPattern(pattern: Pattern, bytes: number, piece = 256 * 1024): Promise<void> {
    const limit = this.sent + bytes;
    while (this.sent < limit && !this.socket.destroyed) {
      const data = pattern.at(this.sent, Math.min(piece, limit - this.sent));
      this.sent += data.length;
      if (!this.socket.write(data)) await this.#drained();
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.socket.off('drain', done);
        this.socket.off('close', done);
        resolve();
      };
      this.socket.once('drain', done);
      this.socket.once('close', done);
    });
  }

  write(data: string | Buffer): void {
    this.socket.write(data);
  }

  fin(data?: string): void {
    if (data === undefined) this.socket.end();
    else this.socket.end(data);
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }
}

/** What the last proxy connects to. */
export class Target {
  readonly server: Server;
  readonly #arrived: End[] = [];
  /** Connections so far. */
  count = 0;
  /** Called for each connection in place of next(). */
  onEnd: ((end: End) => void) | null = null;
  /** New connections are not read until somebody calls resume(). */
  paused = false;

  constructor(server: Server) {
    this.server = server;
    server.on('connection', (socket) => {
      this.count++;
      const end = new End(socket);
      if (this.paused) socket.pause();
      if (this.onEnd === null) this.#arrived.push(end);
      else this.onEnd(end);
    });
  }

  /** On a free port of 127.0.0.1 unless told otherwise. It is closed, with its connections, when the test ends. */
  static async listen(t: Test, where: { host?: string; port?: number; path?: string } = {}): Promise<Target> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    const target = new Target(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(
        where.path === undefined ? { host: '127.0.0.1', port: 0, backlog: 4096, ...where } : where,
        resolve,
      );
    });
    t.teardown(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return target;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  /** The next connection that nobody has asked for yet. */
  async next(ms = 20_000): Promise<End> {
    await until(
      () => this.#arrived.length > 0,
      () => 'no connection reached the target',
      ms,
    );
    return this.#arrived.shift() as End;
  }
}

/** An app: connects to a port of 127.0.0.1, or wherever it is told. */
export async function dial(t: Test, where: number | NetConnectOpts): Promise<End> {
  const options = typeof where === 'number' ? { host: '127.0.0.1', port: where } : where;
  const socket = connect({ noDelay: true, ...options, allowHalfOpen: true } as NetConnectOpts);
  const end = new End(socket);
  t.teardown(() => {
    socket.destroy();
  });
  await within(
    20_000,
    new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      // A connection that is reset at once was there, too: Node has not got round to saying so. `end` knows.
      socket.once('error', (error: NodeJS.ErrnoException) =>
        error.code === 'ECONNRESET' ? resolve() : reject(error),
      );
    }),
    'the connect was not answered',
  );
  return end;
}

/** Bytes that the kernel has for the process and that were not read; over IPv4. */
export function unread(socket: Socket): number {
  const ports = [socket.localPort, socket.remotePort].map((port) =>
    `:${port?.toString(16).padStart(4, '0')}`.toUpperCase(),
  ) as [string, string];
  for (const line of readFileSync('/proc/net/tcp', 'latin1').split('\n')) {
    const [, local, remote, , queues] = line.trim().split(/\s+/);
    if (local?.endsWith(ports[0]) && remote?.endsWith(ports[1]))
      return Number.parseInt(queues?.split(':')[1] ?? '', 16);
  }
  return 0;
}

/** An app and the target's end of its connection. */
export async function dialThrough(t: Test, port: number, target: Target): Promise<[End, End]> {
  const app = await dial(t, port);
  return [app, await target.next()];
}

/** Whether somebody accepts connections on a port of 127.0.0.1; costs one connection. */
export function listens(t: Test, port: number): Promise<boolean> {
  return dial(t, port).then(
    (end) => {
      end.reset();
      return true;
    },
    () => false,
  );
}
