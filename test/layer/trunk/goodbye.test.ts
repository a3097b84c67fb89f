/** Goal: the end of a trunk is said on each carrier that takes it, and a trunk is not called idle before its time. */
import t from 'tap';
import { PipeError } from '../../../src/core/errors.ts';
import { SlabPool } from '../../../src/core/pool.ts';
import { FIN, GOAWAY, readFrame, STREAM } from '../../../src/layer/trunk/codec.ts';
import { Trunk } from '../../../src/layer/trunk/trunk.ts';
import { type MemoryPipe, memoryPair } from '../../../src/pipe/memory.ts';
import { passes } from '../../helpers/settle.ts';
import { SimClock } from '../../helpers/sim_clock.ts';

function make() {
  const pool = new SlabPool();
  const trunk = new Trunk({
    role: 'client',
    clock: new SimClock(),
    pool,
    peerStreamWindow: 65_536,
    peerTrunkWindow: 65_536,
    streamWindow: 65_536,
    trunkWindow: 65_536,
    onStream: () => {},
    onEnd: () => {},
  });
  return { pool, trunk };
}

/** What came, as types and flags. */
function heard(raw: MemoryPipe<'messages'>): [number, number][] {
  const frames: [number, number][] = [];
  for (let datagram = raw.recv(); datagram !== null; datagram = raw.recv()) {
    while (datagram.length > 0) {
      const { type, flags } = readFrame(datagram);
      frames.push([type, flags]);
      // What is behind a STREAM's header is data.
      if (type === STREAM) datagram.consume(datagram.length);
    }
    datagram.release();
  }
  return frames;
}

t.test('GOAWAY goes on every carrier that has room', async (t) => {
  const { pool, trunk } = make();
  const raws = [0, 1, 2].map((id) => {
    // One message fills it: the PING with which a carrier begins.
    const [raw, carrier] = memoryPair('messages', { capacity: id === 1 ? 1 : 1 << 20 });
    trunk.addCarrier(id, carrier);
    return raw;
  });
  trunk.end(new PipeError('cancelled', 'test', 'enough'));
  await passes(3);
  t.same(
    raws.map((raw) => heard(raw).filter(([type]) => type === GOAWAY).length),
    [1, 0, 1],
  );
  for (const raw of raws) raw.discard();
  t.equal(pool.out, 0);
});

t.test('a trunk whose FIN waits to be sent again is not idle', async (t) => {
  const { pool, trunk } = make();
  const [first, one] = memoryPair('messages');
  trunk.addCarrier(0, one);
  trunk.open(Buffer.alloc(0)).sendFin();
  first.discard(new PipeError('reset', 'test'));
  await passes(3);
  t.equal(trunk.carriers.size, 0);
  t.equal(trunk.unacknowledgedBytes, 0, 'it has no bytes');
  t.equal(trunk.idle, false);
  const [second, two] = memoryPair('messages');
  trunk.addCarrier(1, two);
  await passes(3);
  t.ok(heard(second).some(([type, flags]) => type === STREAM && (flags & FIN) !== 0));
  trunk.end(new PipeError('cancelled', 'test'));
  second.discard();
  t.equal(pool.out, 0);
});
