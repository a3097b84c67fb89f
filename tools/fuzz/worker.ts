/**
 * The thread that one target runs in, so that it can be stopped where it hangs.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { fuzz } from './engine.ts';
import { TARGETS } from './targets.ts';
import type { ToWorker } from './watched.ts';

const { targetName, corpus, seed, runs, milliseconds, shared } = workerData as ToWorker;
const target = TARGETS.find(({ name }) => name === targetName);
if (target === undefined) throw new Error(`there is no target ${targetName}`);

const [counter, length] = [new Int32Array(shared, 0, 1), new Int32Array(shared, 4, 1)];
const bytes = new Uint8Array(shared, 8);
const end = performance.now() + milliseconds;

const result = fuzz({
  target,
  corpus: corpus.map((input) => Buffer.from(input)),
  seed,
  isOver: (done) => done >= runs || performance.now() >= end,
  isWatched: (url) => url.includes('/dist/src/'),
  onInput(input) {
    length[0] = Math.min(input.length, bytes.length);
    bytes.set(input.subarray(0, bytes.length));
    Atomics.add(counter, 0, 1);
  },
  onFailure: (failure) => parentPort?.postMessage({ failure }),
});
parentPort?.postMessage({ result });
