/** Goal: the end of a trunk is said on each carrier that takes it, and a trunk is not called idle before its time. */
import t from 'tap';
import { PipeError } from '../../../src/core/errors.ts';
import { FIN, GOAWAY, PING, STREAM } from '../../../src/layer/trunk/codec.ts';
import { allFrames, LoneTrunk, nextFrames } from '../../helpers/lone_trunk.ts';
import { passes } from '../../helpers/settle.ts';

t.test('GOAWAY goes on every carrier that has room', async (t) => {
  const lone = new LoneTrunk('client');
  // One message fills it: the PING with which a carrier begins.
  const wires = [0, 1, 2].map((id) => lone.carrier(id, id === 1 ? 1 : undefined));
  lone.trunk.end(new PipeError('cancelled', 'test', 'enough'));
  await passes(3);
  t.same(
    wires.map((wire) => allFrames(wire).filter(({ type }) => type === GOAWAY).length),
    [1, 0, 1],
  );
  for (const wire of wires) wire.discard();
  t.equal(lone.pool.out, 0);
});

t.test('who leaves says so, goes on reading, and lets the peer close', async (t) => {
  const lone = new LoneTrunk('server');
  const wires = [0, 1].map((id) => lone.carrier(id));
  lone.trunk.leave(new PipeError('cancelled', 'test', 'enough'));
  await passes(3);
  const words = wires.flatMap(allFrames).filter(({ type }) => type === GOAWAY);
  t.match(words, [{ text: Buffer.from('enough') }]);
  for (const wire of wires) await lone.say(wire, PING, 1);
  t.same(
    wires.map((wire) => [wire.finReceived, wire.broken, allFrames(wire).length > 0]),
    wires.map(() => [false, null, true]),
    'a close could make a reset of what is unread, and take the word back',
  );
  for (const wire of wires) wire.discard();
  await passes(3);
  t.equal(lone.trunk.carriers.size, 0);
  lone.trunk.end(new PipeError('cancelled', 'test'));
  t.match(lone.trunk.report, { carriers: [{ id: 0 }, { id: 1 }], lost: { count: 0 } });
  t.equal(lone.pool.out, 0);
});

t.test('who leaves without room for a word says it when there is some', async (t) => {
  const lone = new LoneTrunk('server');
  const wire = lone.carrier(0, 1);
  lone.trunk.leave(new PipeError('cancelled', 'test', 'enough'));
  await passes(3);
  t.match(nextFrames(wire), [{ type: PING }]);
  await passes(3);
  t.match(nextFrames(wire), [{ type: GOAWAY }]);
  wire.discard();
  lone.trunk.end(new PipeError('cancelled', 'test'));
  t.equal(lone.pool.out, 0);
});

t.test('a trunk whose FIN waits to be sent again is not idle', async (t) => {
  const lone = new LoneTrunk('client');
  const { trunk } = lone;
  const first = lone.carrier(0);
  trunk.open(Buffer.alloc(0)).sendFin();
  first.discard(new PipeError('reset', 'test'));
  await passes(3);
  t.equal(trunk.carriers.size, 0);
  t.equal(trunk.unacknowledgedBytes, 0, 'it has no bytes');
  t.equal(trunk.idle, false);
  const second = lone.carrier(1);
  await passes(3);
  t.ok(allFrames(second).some(({ type, flags }) => type === STREAM && (flags & FIN) !== 0));
  trunk.end(new PipeError('cancelled', 'test'));
  second.discard();
  t.equal(lone.pool.out, 0);
});
