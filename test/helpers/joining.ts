/**
 * Joining: one handshake over a pair of memory pipes, on a simulated clock.
 */

import type { Test } from 'tap';
import type { PipeError } from '../../src/core/errors.ts';
import { defaultPool } from '../../src/core/pool.ts';
import type { Hello, Refusal, Welcome } from '../../src/layer/trunk/handshake.ts';
import { joinAsClient, joinAsServer } from '../../src/layer/trunk/join.ts';
import { type MemoryPipe, memoryPair } from '../../src/pipe/memory.ts';
import { SimClock } from './sim_clock.ts';

export const KEY = Buffer.alloc(32, 'the shared key');
export const OTHER_KEY = Buffer.alloc(32, 'another');
export const HELLO = {
  trunkId: Buffer.alloc(16, 7),
  carrierId: 3,
  mayCreate: false,
  windows: { stream: 1, trunk: 2 },
};
export const WELCOME: Welcome = { instance: Buffer.alloc(16, 9), windows: { stream: 3, trunk: 4 } };

export type Pipe = MemoryPipe<'bytes'>;

export interface Result<T> {
  calls: number;
  error: PipeError | null;
  value: T | null;
}

export const nothing = <T>(): Result<T> => ({ calls: 0, error: null, value: null });

export function set<T>(result: Result<T>, error: PipeError | null, value: T | null): void {
  result.calls++;
  result.error = error;
  result.value = value;
}

export class Joining {
  readonly clock = new SimClock();
  readonly near: Pipe;
  readonly far: Pipe;
  admitted = 0;
  /** Why the server takes nobody. */
  closed: Refusal | null = null;
  /** What those began with who were taken for something else. */
  readonly others: Buffer[] = [];

  constructor() {
    [this.near, this.far] = memoryPair('bytes');
  }

  client(key: Buffer | null) {
    const result = nothing<Welcome>();
    const link = { socket: this.near, pipe: this.near, secret: null };
    const cancel = joinAsClient(link, HELLO, key, this.clock, (error, value) => set(result, error, value));
    return { result, cancel };
  }

  server(key: Buffer | null, admit: (hello: Hello) => void = () => {}, takesOthers = false) {
    const result = nothing<Hello>();
    const joining = joinAsServer(
      this.far,
      {
        key,
        welcome: WELCOME,
        closed: this.closed,
        encryption: null,
        admit: (hello) => {
          this.admitted++;
          admit(hello);
        },
        onJoined: (hello) => set(result, null, hello),
        onFailed: (error) => set(result, error, null),
        onOther: takesOthers ? (first) => void this.others.push(Buffer.from(first)) : null,
      },
      this.clock,
    );
    return { result, joining };
  }

  say(bytes: Uint8Array): void {
    this.near.send(defaultPool.copy(bytes));
  }

  /** What the stranger on the near side gets to read. */
  heard(): string {
    const chunk = this.near.recv();
    const text = chunk?.view().toString('latin1') ?? '';
    chunk?.release();
    return text;
  }
}

export function isOver(t: Test, joining: Joining, ...results: Result<unknown>[]): void {
  for (const { calls } of results) t.equal(calls, 1, 'called back once');
  t.equal(joining.clock.pending, 0, 'no timer is left');
}
