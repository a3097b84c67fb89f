/**
 * Goal: a ping is answered with all that its sender has to know, also where there is room for one message at a time; and
 * where there is no room to ask, silence is an answer.
 */

import t from 'tap';
import { PipeError } from '../../../src/core/errors.ts';
import { ACK, MAX_STREAM_DATA, PING, PONG } from '../../../src/layer/trunk/codec.ts';
import { LoneTrunk, nextFrames } from '../../helpers/lone_trunk.ts';
import { passes } from '../../helpers/settle.ts';

t.test('what came on a carrier is said again with the answer, in one datagram', async (t) => {
  // Its clock stands still: the ACK's own time never comes.
  const lone = new LoneTrunk('server');
  const wire = lone.carrier(7, 1);
  const say = (type: number, value: number) => lone.say(wire, type, value);
  const heard = () => nextFrames(wire).map(({ type, value }) => [type, value]);
  await passes(3);
  t.match(heard(), [[PING, Number]], 'it asks first');
  await say(PING, 5);
  t.same(heard(), [[PONG, 5]], 'nothing has come that counts');
  await say(MAX_STREAM_DATA, 1);
  await say(MAX_STREAM_DATA, 2);
  await say(PING, 6);
  t.same(heard(), [
    [PONG, 6],
    [ACK, 2],
  ]);
  lone.trunk.end(new PipeError('cancelled', 'test'));
  wire.discard();
  t.equal(lone.pool.out, 0);
});

t.test('a carrier without room, and with nothing in flight, is given up when it stays silent', async (t) => {
  const lone = new LoneTrunk('server');
  const wire = lone.carrier(7, 1);
  await passes(3);
  nextFrames(wire);
  // The answer fills it, and is no datagram that would have to be acknowledged: nobody reads it any more.
  await lone.say(wire, PING, 5);
  const [carrier] = lone.trunk.carriers.values();
  t.same([carrier?.inFlight, carrier?.pipe.writable], [0, false]);
  await lone.clock.advance(15_000);
  t.equal(lone.trunk.carriers.size, 1, 'not before its time');
  await lone.clock.advance(10_000);
  t.match(lone.lost, [{ code: 'timeout', message: 'the connection is silent' }]);
  t.equal(lone.trunk.carriers.size, 0);
  lone.trunk.end(new PipeError('cancelled', 'test'));
  wire.discard();
  t.equal(lone.pool.out, 0);
});

t.test('one without room that is heard again stays', async (t) => {
  const lone = new LoneTrunk('server');
  const wire = lone.carrier(7, 1);
  await passes(3);
  nextFrames(wire);
  await lone.say(wire, PING, 5);
  for (let i = 0; i < 5; i++) {
    await lone.clock.advance(14_000);
    await lone.say(wire, MAX_STREAM_DATA, i);
  }
  t.equal(lone.trunk.carriers.size, 1);
  lone.trunk.end(new PipeError('cancelled', 'test'));
  wire.discard();
  t.equal(lone.pool.out, 0);
});
