/** Goal: a ping is answered with all that its sender has to know, also where there is room for one message at a time. */

import t from 'tap';
import { PipeError } from '../../../src/core/errors.ts';
import { SlabPool } from '../../../src/core/pool.ts';
import {
  ACK,
  FRAME_BYTES,
  MAX_STREAM_DATA,
  PING,
  PONG,
  readFrame,
  writeFrame,
} from '../../../src/layer/trunk/codec.ts';
import { Trunk } from '../../../src/layer/trunk/trunk.ts';
import { memoryPair } from '../../../src/pipe/memory.ts';
import { passes } from '../../helpers/settle.ts';
import { SimClock } from '../../helpers/sim_clock.ts';

t.test('what came on a carrier is said again with the answer, in one datagram', async (t) => {
  const pool = new SlabPool();
  const trunk = new Trunk({
    role: 'server',
    // It stands still: the ACK's own time never comes.
    clock: new SimClock(),
    pool,
    peerStreamWindow: 65_536,
    peerTrunkWindow: 65_536,
    streamWindow: 65_536,
    trunkWindow: 65_536,
    onStream: () => {},
    onEnd: () => {},
  });
  const [raw, carrier] = memoryPair('messages', { capacity: 1 });
  trunk.addCarrier(7, carrier);
  const say = async (type: number, value: number) => {
    const datagram = pool.take(FRAME_BYTES);
    writeFrame(datagram.memory, datagram.start, type, 0, 0, value);
    raw.send(datagram);
    await passes(3);
  };
  /** The next datagram, as types and values. */
  const heard = (): [number, number][] => {
    const datagram = raw.recv();
    const frames: [number, number][] = [];
    while (datagram !== null && datagram.length > 0) {
      const { type, value } = readFrame(datagram);
      frames.push([type, value]);
    }
    datagram?.release();
    return frames;
  };
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
  trunk.end(new PipeError('cancelled', 'test'));
  raw.discard();
  t.equal(pool.out, 0);
});
