/**
 * A thread that fuzzes a function with a failure behind several conditions. In a thread of its own, because to ask for coverage
 * takes as long as there is code loaded, and the test runner is much of that.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { fuzz } from '../../tools/fuzz/engine.ts';
import type { FuzzTarget } from '../../tools/fuzz/target.ts';
import type { ToWorker } from '../../tools/fuzz/watched.ts';

/** Random bytes would need some 2^40 tries; each byte by itself is a new branch, which coverage shows. */
function guarded(input: Buffer): number {
  if (input[0] !== 0x7b) return 0;
  if (input[1] !== 0x11) return 1;
  if (input[2] !== 0xfe) return 2;
  if (input[3] !== 0x40) return 3;
  if (input.length < 6) return 4;
  throw new Error('five conditions deep');
}

const planted: FuzzTarget = {
  name: 'planted',
  maxBytes: 64,
  dictionary: [],
  seeds: [Buffer.alloc(20, 'x')],
  run: (input) => [guarded(input) < 0 ? 'never' : 'fine'],
};

const { runs, seed } = workerData as ToWorker;
const result = fuzz({
  target: planted,
  corpus: [],
  seed,
  isWatched: (url) => url === import.meta.url,
  isOver: (done, failures) => failures > 0 || done > runs,
  onFailure: (failure) => parentPort?.postMessage({ failure }),
});
parentPort?.postMessage({ result });
