/**
 * FaultProxy: stands between `-c` and `-s` and does to each carrier by itself what networks do: holds its bytes back in
 * one direction or both, delays them, slows them down, resets it at an exact byte, or never lets it through.
 *
 *     -c  --carrier-->  [ forward: queue -> delay -> rate -> hold ]  -->  -s
 *         <-----------  [ backward: the same ]                       <---
 *
 * The kernels at both ends believe that all is well, as with a middlebox or a queue that has stopped; packets that
 * vanish are for a network namespace to show.
 */

import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Test } from 'tap';
import { until } from './e2e_wait.ts';

// A socket that is reset while a write to it is pending leaves a request behind that never ends, and Node 20, at the natural
// end of a process, waits for it for ever at full speed (Environment::CleanupHandles). So this process ends at once.
process.once('exit', (code) => (process as unknown as { reallyExit(code: number): never }).reallyExit(code));

/** So much is read ahead of what may go out; the rest waits in the kernel, as it would in a network. */
const QUEUE_BYTES = 256 * 1024;

export class FaultyDirection {
  /** Bytes that went out. */
  passed = 0;
  /** Milliseconds that each byte takes. */
  delayMs = 0;
  /** Bytes per millisecond that go out at most. */
  rate = Number.POSITIVE_INFINITY;
  /** After exactly so many bytes `onCut` is called, and no more go out. */
  cutAt = Number.POSITIVE_INFINITY;
  onCut: (() => void) | null = null;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #queue: { readonly data: Buffer; readonly due: number }[] = [];
  #queued = 0;
  #ended = false;
  #held = false;
  #lineFreeAt = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
    from.on('data', (data: Buffer) => {
      this.#queue.push({ data, due: performance.now() + this.delayMs });
      this.#queued += data.length;
      this.#pump();
    });
    from.on('end', () => {
      this.#ended = true;
      this.#pump();
    });
    to.on('drain', () => this.#pump());
    to.on('connect', () => this.#pump());
  }

  /** Nothing goes out from now on; nothing is lost either. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#pump();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#held = true;
    this.#queue.length = 0;
  }

  #pump(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    while (!this.#held && !this.#to.connecting && !this.#to.writableNeedDrain) {
      const next = this.#queue[0];
      if (next === undefined) break;
      const waitMs = Math.max(next.due, this.#lineFreeAt) - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pump(), Math.ceil(waitMs));
        break;
      }
      this.#queue.shift();
      this.#queued -= next.data.length;
      this.#send(next.data);
    }
    if (this.#queued < this.#room) this.#from.resume();
    else this.#from.pause();
    if (this.#ended && this.#queue.length === 0 && !this.#held) this.#to.end();
  }

  get #room(): number {
    const inFlight = this.delayMs * Math.min(this.rate, 100_000);
    return QUEUE_BYTES + inFlight;
  }

  #send(data: Buffer): void {
    const left = this.cutAt - this.passed;
    const part = data.length < left ? data : data.subarray(0, left);
    this.passed += part.length;
    this.#lineFreeAt = Math.max(this.#lineFreeAt, performance.now() - 20) + part.length / this.rate;
    if (data.length < left) {
      this.#to.write(part);
      return;
    }
    this.hold();
    this.#to.write(part, () => this.onCut?.());
  }
}

export class FaultyCarrier {
  /** Its place in the order in which they came, from 0. */
  readonly number: number;
  /** Towards `-s`, and back. */
  readonly forward: FaultyDirection;
  readonly backward: FaultyDirection;
  readonly #near: Socket;
  readonly #far: Socket;
  over = false;

  constructor(number: number, near: Socket, far: Socket) {
    this.number = number;
    this.#near = near;
    this.#far = far;
    this.forward = new FaultyDirection(near, far);
    this.backward = new FaultyDirection(far, near);
  }

  get passed(): number {
    return this.forward.passed + this.backward.passed;
  }

  /** Nothing passes either way. */
  hold(): void {
    this.forward.hold();
    this.backward.hold();
  }

  release(): void {
    this.forward.release();
    this.backward.release();
  }

  /** Both ends get a reset, at once. */
  reset(): void {
    this.forward.stop();
    this.backward.stop();
    if (this.over) return;
    this.over = true;
    this.#near.resetAndDestroy();
    this.#far.resetAndDestroy();
  }

  /** Both ends get a reset when exactly so many bytes have passed in one direction. */
  resetAt(direction: 'forward' | 'backward', bytes: number): void {
    this[direction].cutAt = bytes;
    this[direction].onCut = () => this.reset();
    if (bytes === 0) this.reset();
  }
}

export class FaultProxy {
  readonly #server: Server;
  readonly #to: number;
  readonly #all: FaultyCarrier[] = [];
  /** Called for each carrier before anything of it has passed. */
  onCarrier: ((carrier: FaultyCarrier) => void) | null = null;
  /** Connections are reset as they come. */
  closed = false;
  /** The address that carrier number n comes from, as `-s` sees it. */
  source: (number: number) => string = () => '127.0.0.1';

  private constructor(server: Server, to: number) {
    this.#server = server;
    this.#to = to;
    server.on('connection', (near) => this.#onConnection(near));
  }

  /** In front of a port of 127.0.0.1. It goes with the test. */
  static async listen(t: Test, to: number): Promise<FaultProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new FaultProxy(server, to);
    t.teardown(() => {
      server.close();
      proxy.closed = true;
      for (const carrier of proxy.#all) carrier.reset();
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** All that ever came, the dead ones too. */
  get all(): readonly FaultyCarrier[] {
    return this.#all;
  }

  get alive(): FaultyCarrier[] {
    return this.#all.filter((carrier) => !carrier.over);
  }

  /** Bytes that all carriers passed on, both ways. */
  get passed(): number {
    return this.#all.reduce((sum, carrier) => sum + carrier.passed, 0);
  }

  async hasPassed(bytes: number): Promise<void> {
    await until(
      () => this.passed >= bytes,
      () => `${this.passed} of ${bytes} bytes passed`,
      30_000,
    );
  }

  #onConnection(near: Socket): void {
    near.on('error', () => {});
    if (this.closed) {
      near.resetAndDestroy();
      return;
    }
    const number = this.#all.length;
    const far = connect({
      port: this.#to,
      host: '127.0.0.1',
      localAddress: this.source(number),
      allowHalfOpen: true,
      noDelay: true,
    });
    const carrier = new FaultyCarrier(number, near, far);
    this.#all.push(carrier);
    for (const socket of [near, far]) {
      socket.on('error', () => carrier.reset());
      socket.on('close', () => {
        // A reset arrives as an error; what closes without one has ended both ways.
        if (near.destroyed && far.destroyed) carrier.over = true;
      });
    }
    this.onCarrier?.(carrier);
  }
}
