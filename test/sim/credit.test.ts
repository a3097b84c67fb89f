/** Goal: however little credit there is, and whatever becomes of the news of more, everything arrives. */

import t from 'tap';
import type { Chunk } from '../../src/core/chunk.ts';
import { MAX_DATA, MAX_STREAM_DATA, readFrame, STREAM } from '../../src/layer/trunk/codec.ts';
import type { LinkOptions, SimLink } from './link.ts';
import { SimPair } from './pair.ts';

const KIB = 1024;
const LINK: LinkOptions = { rate: 1000, delayMs: 2, bufferBytes: 256 * KIB };

for (const [stream, trunk] of [
  [1, 1],
  [1, 5],
  [5, 1],
  [15, 16],
  [16, 15],
  [17, 100],
  [300, 200],
  [65_000, 100],
] as const) {
  t.test(`TESTPLAN 23: ${stream} bytes of credit a stream, ${trunk} in all`, async (t) => {
    const pair = new SimPair({ streamWindow: stream, trunkWindow: trunk, capacity: 4 * trunk });
    for (let i = 0; i < 2; i++) pair.dial(LINK);
    const bytes = 50 * Math.min(stream, trunk) + 100;
    for (let i = 0; i < 3; i++) pair.send(bytes + i);
    pair.finish(600_000);
    t.pass(`after ${pair.world.now().toFixed(0)} ms`);
  });
}

/** Whether it tells of credit. */
function grants(datagram: Chunk): boolean {
  const rest = datagram.share();
  let found = false;
  let type = 0;
  while (rest.length > 0 && type !== STREAM) {
    type = readFrame(rest).type;
    found ||= type === MAX_DATA || type === MAX_STREAM_DATA;
  }
  rest.release();
  return found;
}

const FAULTS: Record<string, (pair: SimPair, link: SimLink) => void> = {
  'is reset': (pair, link) => {
    link.cut();
    pair.world.after(50, () => pair.dial(LINK));
  },
  'goes silent for good': (_, link) => link.freeze(),
};

for (const [name, fail] of Object.entries(FAULTS)) {
  for (const carriers of [1, 3]) {
    if (carriers === 1 && name !== 'is reset') continue;
    t.test(`TESTPLAN 24: one of ${carriers} ${name}, with news of credit on it`, async (t) => {
      let most = 0;
      for (let nth = 1; nth <= 12; nth++) {
        const pair = new SimPair({ streamWindow: 16 * KIB, trunkWindow: 24 * KIB, capacity: 96 * KIB });
        let seen = 0;
        const dial = pair.dial.bind(pair);
        pair.dial = (options) => {
          const link = dial(options);
          const send = link.far.send.bind(link.far);
          link.far.send = (datagram) => {
            const lost = grants(datagram) && ++seen === nth;
            send(datagram);
            // It is on its way, and will not arrive.
            if (lost) fail(pair, link);
          };
          return link;
        };
        for (let i = 0; i < carriers; i++) pair.dial(LINK);
        for (let i = 0; i < 2; i++) pair.send(400 * KIB);
        pair.finish(120_000);
        t.ok(seen > nth, `number ${nth} was lost, and more came`);
        most = Math.max(most, pair.world.now());
      }
      t.comment(`at most ${most.toFixed(0)} ms`);
    });
  }
}
