/** Goal: thousands of stalled streams fit into a trunk's credit, and the peer hears in time how little there is. */

import fc from 'fast-check';
import t from 'tap';
import { PipeError } from '../../../src/core/errors.ts';
import { FIRST_WINDOW } from '../../../src/layer/trunk/codec.ts';
import { FirstWindow } from '../../../src/layer/trunk/first_window.ts';
import { allFrames, LoneTrunk } from '../../helpers/lone_trunk.ts';
import { passes } from '../../helpers/settle.ts';

const KIB = 1024;
const BASE = 64 * KIB;

t.test('streams that stall one after the other', async (t) => {
  const window = 24 * KIB * KIB;
  const first = new FirstWindow(BASE);
  let free = window;
  let said = BASE;
  let streams = 0;
  while (free >= said) {
    streams++;
    free -= said;
    said = first.news(first.bytesAt(free / window), streams) ?? said;
  }
  t.ok(streams > 4000, `${streams} of them`);
  t.equal(said, KIB, 'the last ones get a request each');
});

t.test('more is told later than less', async (t) => {
  const first = new FirstWindow(BASE);
  t.equal(first.news(BASE, 0), null, 'which the handshake said');
  t.equal(first.news(BASE - 1, 0), BASE / 2);
  t.equal(first.news(BASE / 2 + 1, 1), null, 'the same step');
  t.equal(first.news(5000, 2), 4096);
  t.equal(first.news(BASE, 1001), null, 'not within a second');
  t.equal(first.news(BASE, 1002), BASE);
  t.equal(first.leastSaid, 4096, 'which a stream may still have begun with');
});

t.test('whatever is free, it is between 1 KiB and all, and no step is skipped for less', async () => {
  const part = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 20 }), fc.array(part, { minLength: 1 }), (most, parts) => {
      const first = new FirstWindow(most);
      let said = most;
      for (const [i, free] of parts.entries()) {
        const bytes = first.bytesAt(free);
        if (bytes > most || bytes < Math.min(KIB, most)) return false;
        said = first.news(bytes, i) ?? said;
        if (said > bytes || said < 1) return false;
      }
      return true;
    }),
  );
});

t.test('a stream of ours goes as far as the peer told last', async (t) => {
  const lone = new LoneTrunk('client');
  const wire = lone.carrier(0);
  const bytesOfNext = async () => {
    const stream = lone.trunk.open(Buffer.alloc(0));
    stream.send(lone.pool.take(Math.min(stream.maxSend, 6 * KIB)));
    await passes(3);
    const { offset } = stream.sending;
    stream.discard();
    await passes(3);
    allFrames(wire);
    return offset;
  };
  t.equal(await bytesOfNext(), 6 * KIB);
  await lone.say(wire, FIRST_WINDOW, 2 * KIB, 2);
  t.equal(await bytesOfNext(), 2 * KIB);
  await lone.say(wire, FIRST_WINDOW, KIB, 1);
  t.equal(await bytesOfNext(), 2 * KIB, 'older news that comes later means nothing');
  await lone.say(wire, FIRST_WINDOW, 2 ** 40, 3);
  t.equal(await bytesOfNext(), 6 * KIB, 'and no news means more than the handshake');
  lone.trunk.end(new PipeError('cancelled', 'test'));
});
