/** Goal: TESTPLAN 5: an end that travels on a fast carrier never overtakes the data on a slow one. */

import t from 'tap';
import { SimPair, type Transfer } from './pair.ts';

const KIB = 1024;

/** Looks every millisecond for an end that is known at the far side while data before it is not there. */
function watch(pair: SimPair, transfer: Transfer): { early: boolean } {
  const seen = { early: false };
  const look = () => {
    const receiving = transfer.far?.receiving;
    const known = receiving !== undefined && receiving.finalOffset !== null;
    seen.early ||= known && transfer.read < transfer.total && !transfer.finRead;
    if (!transfer.over) pair.world.after(1, look);
  };
  look();
  return seen;
}

for (const [name, slow] of [
  ['slow', { rate: 20, delayMs: 100 }],
  ['far away', { rate: 1000, delayMs: 400 }],
  ['frozen', { rate: 1000, delayMs: 1 }],
] as const) {
  t.test(`the end on a fast carrier, data on one that is ${name}`, async (t) => {
    for (const total of [1, 3000, 30_000]) {
      const pair = new SimPair();
      const link = pair.dial({ ...slow, bufferBytes: 128 * KIB });
      const transfer = pair.send(total, 50);
      if (name === 'frozen') pair.world.after(0, () => pair.world.after(0, () => link.freeze()));
      // The app ends when the data is on its way, and a better carrier has come.
      pair.world.after(40, () => void pair.dial({ rate: 2000, delayMs: 1, bufferBytes: 128 * KIB }));
      pair.world.after(5000, () => link.thaw());
      const seen = watch(pair, transfer);
      pair.finish(60_000);
      t.ok(seen.early, `${total} bytes: the end was there before them, and waited`);
      t.ok(transfer.finRead);
    }
  });
}
