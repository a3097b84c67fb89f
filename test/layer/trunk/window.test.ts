/** Goal: a stream's window grows for apps that read, and not for sockets that fill. */

import t from 'tap';
import { SlabPool } from '../../../src/core/pool.ts';
import { ReceiveStream } from '../../../src/layer/trunk/receive.ts';
import { StreamWindow } from '../../../src/layer/trunk/window.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const BASE = 64 * KIB;
const PIECE = 16 * KIB;
const PLENTY = { reserve: 64 * MIB, first: BASE, leastSaid: BASE, freeBytes: 64 * MIB, free: 1 };

const LOCAL = { bytesPerMs: 600 * KIB, rttMs: 1, minRttMs: 0.02 };
const FAR = { bytesPerMs: 100 * KIB, rttMs: 40, minRttMs: 40 };

/** A peer that sends whatever it may, and an app that reads `bytes` at a steady pace: the window, and what is granted. */
function windowAfter(bytes: number, { bytesPerMs, rttMs, minRttMs }: typeof LOCAL, room = PLENTY): number[] {
  const pool = new SlabPool();
  const receiving = new ReceiveStream(pool, BASE);
  const window = new StreamWindow(BASE, 0);
  while (receiving.readOffset < bytes) {
    receiving.push(receiving.highest, pool.take(PIECE), false);
    window.onArrival(receiving, room);
    receiving.read(PIECE)?.release();
    window.onRead(receiving, receiving.readOffset / bytesPerMs, { rttMs, minRttMs }, room);
  }
  return [window.bytes, receiving.limit - receiving.readOffset];
}

t.test('on one machine: the first megabytes may be a buffer that fills, what follows is read', async (t) => {
  t.equal(windowAfter(PIECE, LOCAL)[0], 256 * KIB, 'as soon as data comes');
  t.equal(windowAfter(3 * MIB, LOCAL)[0], 256 * KIB, 'that may have been a buffer');
  t.equal(windowAfter(16 * MIB, LOCAL)[0], 256 * KIB, 'and that, at both ends');
  t.equal(windowAfter(64 * MIB, LOCAL)[0], 2 * MIB, 'that was an app, and no more is of use here');
});

t.test('a long path needs more at once', async (t) => {
  t.ok((windowAfter(3 * MIB, FAR)[0] as number) >= MIB);
});

t.test('without memory there is the base, whatever is read', async (t) => {
  t.ok((windowAfter(16 * MIB, LOCAL, { ...PLENTY, reserve: 0 })[1] as number) <= BASE);
});
