/** Goal: apps that do not read leave something to the others, however many they are. */

import t from 'tap';
import type { LinkOptions } from './link.ts';
import { SimPair, type Transfer } from './pair.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** 100 MB/s. */
const LINK: LinkOptions = { rate: 100_000, delayMs: 2, bufferBytes: 256 * KIB };
/** So many come one after the other, and never read. */
const STALLED = 2000;
/** With the memory that a proxy has by default. */
const CAPACITY = 256 * MIB;

t.test(`${STALLED} readers are stalled, and the others go on`, { timeout: 300_000 }, async (t) => {
  const pair = new SimPair({ capacity: CAPACITY });
  for (let i = 0; i < 2; i++) pair.dial(LINK);
  const stalled: Transfer[] = [];
  for (let i = 0; i < STALLED; i++) {
    const transfer = pair.send(256 * KIB, 0, i);
    transfer.stalled = true;
    stalled.push(transfer);
  }
  const { world } = pair;
  world.run(
    () => false,
    STALLED + 1000,
    () => {},
  );
  t.ok(
    stalled.every(({ far }) => far !== null),
    'all of them are there',
  );
  t.ok(pair.client.creditLeft > 64 * KIB, `credit for ${pair.client.creditLeft} bytes is left`);

  const before = world.now();
  const bulk = pair.send(MIB);
  const requests = Array.from({ length: 20 }, (_, i) => pair.send(300, 0, 10 * i));
  world.run(
    () => [bulk, ...requests].every(({ over }) => over),
    before + 60_000,
    () => {},
  );
  t.ok(
    requests.every(({ over }) => over),
    'requests are answered',
  );
  t.ok(bulk.over, `1 MiB goes through, in ${(world.now() - before).toFixed(0)} ms`);

  for (const transfer of stalled) {
    transfer.stalled = false;
    transfer.look();
  }
  pair.finish(600_000);
  t.pass('and when they read, they get all that was sent to them');
});
