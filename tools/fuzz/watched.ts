/**
 * Runs a target in a thread of its own, and watches it: what hangs, or takes all memory, is a failure like any other.
 */

import { Worker } from 'node:worker_threads';
import type { Failure, FuzzResult } from './engine.ts';

export interface ToWorker {
  readonly targetName: string;
  readonly corpus: readonly Uint8Array[];
  readonly seed: number;
  /** Whichever comes first. */
  readonly runs: number;
  readonly milliseconds: number;
  /** Counts the inputs, and holds the length and the bytes of the last. */
  readonly shared: SharedArrayBuffer;
}

export interface Watched {
  /** Null when it did not come to its end. */
  readonly result: FuzzResult | null;
  readonly failures: readonly Failure[];
}

/** No input takes a thousandth of this. */
export const HANG_MS = 20_000;
const MEMORY_MB = 1024;
const INPUT_BYTES = 64 * 1024;

export function fuzzWatched(
  given: Omit<ToWorker, 'shared'>,
  onFailure: (failure: Failure) => void,
  { worker = new URL('./worker.js', import.meta.url), hangMs = HANG_MS } = {},
): Promise<Watched> {
  const shared = new SharedArrayBuffer(8 + INPUT_BYTES);
  const counter = new Int32Array(shared, 0, 1);
  const lastInput = () => {
    const length = Atomics.load(new Int32Array(shared, 4, 1), 0);
    return Buffer.from(new Uint8Array(shared, 8).slice(0, length));
  };
  const failures: Failure[] = [];
  const fail = (failure: Failure) => {
    failures.push(failure);
    onFailure(failure);
  };
  return new Promise((resolve) => {
    let result: FuzzResult | null = null;
    const thread = new Worker(worker, {
      workerData: { ...given, shared },
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
    });
    let before = -1;
    const watch = setInterval(() => {
      const now = Atomics.load(counter, 0);
      if (now === before && now > 0) {
        fail({ input: lastInput(), words: `it hangs: no end within ${hangMs / 1000} s` });
        void thread.terminate();
      }
      before = now;
    }, hangMs);
    thread.on('message', (message: { failure?: Sent; result?: FuzzResult }) => {
      if (message.failure !== undefined) fail(received(message.failure));
      if (message.result !== undefined)
        result = { ...message.result, corpus: message.result.corpus.map((input) => Buffer.from(input)) };
    });
    thread.on('error', (error: Error) => fail({ input: lastInput(), words: error.stack ?? error.message }));
    thread.on('exit', () => {
      clearInterval(watch);
      resolve({ result, failures });
    });
  });
}

interface Sent {
  readonly input: Uint8Array;
  readonly words: string;
}

function received({ input, words }: Sent): Failure {
  return { input: Buffer.from(input), words };
}
