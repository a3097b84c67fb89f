/** Goal: a stall, its end, and what is sent again on account of it are told when they happen, with the carrier that it is. */
import t, { type Test } from 'tap';
import { PipeError } from '../../../src/core/errors.ts';
import {
  CARRIER_LOSE,
  CARRIER_MOVE,
  CARRIER_RESEND,
  CARRIER_STALL,
  type TraceChannel,
} from '../../../src/core/trace.ts';
import { ACK } from '../../../src/layer/trunk/codec.ts';
import { LoneTrunk } from '../../helpers/lone_trunk.ts';
import { passes } from '../../helpers/settle.ts';

function hear<T>(t: Test, channel: TraceChannel<T>): T[] {
  const messages: T[] = [];
  const listener = (message: T) => void messages.push(message);
  channel.subscribe(listener);
  t.teardown(() => void channel.unsubscribe(listener));
  return messages;
}

t.test('a carrier that nobody answers on stalls; others send what it has', async (t) => {
  const [stalls, moves, resent, lost] = [
    hear(t, CARRIER_STALL),
    hear(t, CARRIER_MOVE),
    hear(t, CARRIER_RESEND),
    hear(t, CARRIER_LOSE),
  ] as const;
  const world = new LoneTrunk('client');
  t.teardown(() => world.trunk.end(new PipeError('cancelled', 'test')));
  const wires = new Map([7, 9].map((id) => [id, world.carrier(id)]));
  const stream = world.trunk.open(Buffer.alloc(0));
  stream.send(world.pool.copy(Buffer.alloc(1000, 1)));
  const holder = [...world.trunk.carriers.values()].find(({ inFlightBytes }) => inFlightBytes > 0);
  const other = [...world.trunk.carriers.values()].find((carrier) => carrier !== holder);
  t.equal(stalls.length, 0);

  await world.clock.advance(3000);
  t.match(stalls[0], {
    service: '',
    trunk: 1,
    index: holder?.id,
    carrier: holder?.id,
    inFlightBytes: Number,
  });
  t.match(resent[0], { carrier: other?.id });
  t.equal(
    resent.reduce((sum, { bytes }) => sum + bytes, 0),
    1000,
  );
  t.equal(other?.repeatedBytes, 1000);
  t.equal(moves.length, 0);

  const wire = wires.get(holder?.id ?? -1);
  if (wire === undefined || holder === undefined) throw new Error('no carrier has it');
  await world.say(wire, ACK, holder.inFlight, holder.id);
  t.match(moves, [{ carrier: holder.id }]);

  const { sentBytes } = holder;
  wire.discard(new PipeError('reset', 'test', 'a cable was cut'));
  await passes(5);
  t.match(lost, [{ carrier: holder.id, error: String, inFlightBytes: 0, sentBytes }]);
});
