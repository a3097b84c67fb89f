/**
 * PipeEnd: one end of a pipe under test, used the way a well-behaved consumer uses it: look at the flags, wait for an
 * event, look again. It only ever waits for events, so a pipe that forgets to raise one makes the test fail.
 */

import type { PipeError } from '../../src/core/errors.ts';
import type { SlabPool } from '../../src/core/pool.ts';
import type { IoPipe, PipeKind } from '../../src/pipe/pipe.ts';
import { GUARD_MS } from './settle.ts';

export type Ending = 'fin' | 'broken';

export class PipeEnd<K extends PipeKind = PipeKind> {
  readonly pipe: IoPipe<K>;
  readonly pool: SlabPool;
  /** What each event said. */
  readonly events: number[] = [];
  /** Chunks that came, one by one. */
  readonly received: Buffer[] = [];
  /** Called at each event, before those who wait. */
  onEvent: ((events: number) => void) | null = null;
  #wake: (() => void)[] = [];

  constructor(pipe: IoPipe<K>, pool: SlabPool) {
    this.pipe = pipe;
    this.pool = pool;
    pipe.onActivity = (events) => {
      this.events.push(events);
      this.onEvent?.(events);
      for (const wake of this.#wake.splice(0)) wake();
    };
  }

  get bytes(): Buffer {
    return Buffer.concat(this.received);
  }

  get receivedBytes(): number {
    return this.received.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** Resolves when `holds` does, looking again at every event of this end. */
  async until(what: string, holds: () => boolean): Promise<void> {
    if (holds()) return;
    let guard: NodeJS.Timeout | undefined;
    const hang = new Promise<never>((_, reject) => {
      guard = setTimeout(() => reject(new Error(`no event brought: ${what}; ${this.describe()}`)), GUARD_MS);
    });
    try {
      while (!holds()) await Promise.race([new Promise<void>((resolve) => this.#wake.push(resolve)), hang]);
    } finally {
      clearTimeout(guard);
    }
  }

  /** One chunk, as soon as the pipe is writable. False when it broke first. */
  async send(bytes: Uint8Array): Promise<boolean> {
    await this.until('writable', () => this.pipe.writable || this.pipe.broken !== null);
    if (this.pipe.broken !== null) return false;
    this.pipe.send(this.pool.copy(bytes));
    return true;
  }

  /** Each piece as one chunk. False when the pipe broke on the way. */
  async sendAll(pieces: readonly Uint8Array[]): Promise<boolean> {
    for (const piece of pieces) if (!(await this.send(piece))) return false;
    return true;
  }

  /** Sends until the pipe is not writable for the moment; what it has taken. */
  fill(piece: Uint8Array, mostBytes = Number.POSITIVE_INFINITY): number {
    let taken = 0;
    while (this.pipe.writable && taken < mostBytes) {
      this.pipe.send(this.pool.copy(piece));
      taken += piece.length;
    }
    return taken;
  }

  async fin(): Promise<void> {
    this.pipe.sendFin();
    await this.until('finSent', () => this.pipe.finSent || this.pipe.broken !== null);
  }

  /** What is there now, at most `mostChunks`; how many chunks came. */
  drain(max?: () => number, mostChunks = Number.POSITIVE_INFINITY): number {
    for (let count = 0; count < mostChunks; count++) {
      const chunk = this.pipe.recv(max?.());
      if (chunk === null) return count;
      this.received.push(Buffer.from(chunk.view()));
      chunk.release();
    }
    return mostChunks;
  }

  /** Reads until at least so many bytes have come in all. False when the end came first. */
  async recvBytes(count: number, max?: () => number): Promise<boolean> {
    while (this.receivedBytes < count) {
      if (this.drain(max, 1) > 0) continue;
      if (this.over) return false;
      await this.until(`${count} bytes`, () => this.pipe.readable || this.over);
    }
    return true;
  }

  /** Reads to the end. */
  async recvToEnd(max?: () => number): Promise<Ending> {
    for (;;) {
      this.drain(max);
      if (this.pipe.finReceived) return 'fin';
      if (this.pipe.broken !== null) return 'broken';
      await this.until('data or an end', () => this.pipe.readable || this.over);
    }
  }

  /** Waits for the break, without reading. */
  async untilBroken(): Promise<PipeError> {
    await this.until('broken', () => this.pipe.broken !== null);
    return this.pipe.broken as PipeError;
  }

  get over(): boolean {
    return this.pipe.finReceived || this.pipe.broken !== null;
  }

  describe(): string {
    const { ready, readable, writable, finReceived, finSent, broken } = this.pipe;
    const flags = Object.entries({ ready, readable, writable, finReceived, finSent }).filter(([, on]) => on);
    const names = flags.map(([name]) => name).join(' ');
    return `flags: ${names}; broken: ${broken?.message ?? 'no'}; ${this.receivedBytes} bytes received`;
  }
}
