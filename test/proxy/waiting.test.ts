/** Goal: apps that wait for a trunk are admitted one by one: one that cannot be does not take the others along. */
import t from 'tap';
import { PipeError } from '../../src/core/errors.ts';
import { memoryPair } from '../../src/pipe/memory.ts';
import { WaitingOpens } from '../../src/proxy/waiting.ts';
import { SimClock } from '../helpers/sim_clock.ts';
import { FROM } from '../helpers/trunk_world.ts';

t.test('an opening that fails is that app alone', async (t) => {
  const clock = new SimClock();
  const waiting = new WaitingOpens(clock);
  const events: string[] = [];
  for (const name of ['a', 'b', 'c'])
    waiting.add(
      () => Buffer.from(name),
      1000,
      {
        onReady: () => void events.push(`${name} ready`),
        onFailed: (error) => void events.push(`${name}: ${error.message}`),
      },
      () => new PipeError('timeout', 'test'),
    );
  const [pipe] = memoryPair('bytes');
  const open = (label: Buffer) => {
    if (label.toString() === 'b') throw new PipeError('cancelled', 'trunk', 'no more');
    return pipe;
  };
  waiting.admit({ open, peerCodecs: 0 }, FROM);
  t.same(events, ['a ready', 'b: no more', 'c ready']);
  t.equal(waiting.size + clock.pending, 0);
});
