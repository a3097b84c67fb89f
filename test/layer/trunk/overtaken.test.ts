/** Goal: frames about a stream that arrive before the one that opens it, over another carrier, lose nothing. */
import t, { type Test } from 'tap';
import { PipeError } from '../../../src/core/errors.ts';
import { SlabPool } from '../../../src/core/pool.ts';
import {
  frameLength,
  MAX_DATA,
  MAX_STREAM_DATA,
  OPEN,
  RESET_STREAM,
  readFrame,
  STOP_SENDING,
  STREAM,
  writeFrame,
} from '../../../src/layer/trunk/codec.ts';
import type { StripedPipe } from '../../../src/layer/trunk/stream.ts';
import { Trunk } from '../../../src/layer/trunk/trunk.ts';
import { memoryPair } from '../../../src/pipe/memory.ts';
import { passes } from '../../helpers/settle.ts';
import { SimClock } from '../../helpers/sim_clock.ts';

const WINDOW = 65_536;
const LABEL = Buffer.from('x');

/** A server's trunk, and what its peer says and hears, frame by frame. */
function rig(t: Test) {
  const pool = new SlabPool();
  const streams: StripedPipe[] = [];
  const trunk = new Trunk({
    role: 'server',
    clock: new SimClock(),
    pool,
    peerStreamWindow: WINDOW,
    peerTrunkWindow: 4 * WINDOW,
    streamWindow: WINDOW,
    trunkWindow: WINDOW,
    onStream: (stream) => streams.push(stream),
    onEnd: (error) => {
      if (error.layer !== 'test') t.fail(error.message);
    },
  });
  const [raw, carrier] = memoryPair('messages', { capacity: 1 << 20 });
  trunk.addCarrier(0, carrier);
  const say = async (type: number, flags: number, id: number, value: number, data = Buffer.alloc(0)) => {
    const text = type === STREAM && flags & OPEN ? LABEL : null;
    const datagram = pool.take(frameLength(text) + data.length);
    const at = writeFrame(datagram.memory, datagram.start, type, flags, id, value, text);
    data.copy(datagram.memory, at);
    raw.send(datagram);
    await passes(2);
  };
  const heard = () => {
    const frames: { type: number; id: number; value: number }[] = [];
    for (let datagram = raw.recv(); datagram !== null; datagram = raw.recv()) {
      while (datagram.length > 0) {
        const { type, id, value } = readFrame(datagram);
        frames.push({ type, id, value });
      }
      datagram.release();
    }
    return frames;
  };
  const end = () => {
    for (const stream of streams) stream.discard();
    trunk.end(new PipeError('cancelled', 'test'));
    raw.discard();
    t.equal(pool.out, 0, 'nothing is kept');
  };
  return { trunk, streams, say, heard, end };
}

t.test('STOP_SENDING before the opening: no app gets the stream, and its bytes count', async (t) => {
  const { trunk, streams, say, heard, end } = rig(t);
  let limit = WINDOW;
  let sent = 0;
  for (let id = 0; id < 100; id += 2) {
    await say(STOP_SENDING, 0, id, 0);
    t.equal(trunk.streams.size, 1, 'nobody knows yet where it ends');
    sent += 8000;
    t.ok(sent <= limit, `credit for ${limit} where ${sent} bytes were sent`);
    await say(STREAM, OPEN, id, 0, Buffer.alloc(8000));
    await say(RESET_STREAM, 0, id, 8000);
    t.equal(trunk.streams.size, 0);
    const frames = heard();
    const resets = frames.filter(({ type }) => type === RESET_STREAM);
    t.same(resets, [{ type: RESET_STREAM, id, value: 0 }], 'one answer');
    for (const { type, value } of frames) if (type === MAX_DATA) limit = Math.max(limit, value);
  }
  t.equal(trunk.bufferedBytes, 0);
  t.equal(streams.length, 0);
  end();
});

t.test('RESET_STREAM before the opening: lost bytes count, and what comes late means nothing', async (t) => {
  const { trunk, streams, say, heard, end } = rig(t);
  let limit = WINDOW;
  for (let id = 0; id < 100; id += 2) {
    t.ok(4000 * (id + 2) <= limit, `credit for ${limit}`);
    await say(RESET_STREAM, 0, id, 8000);
    await say(STREAM, OPEN, id, 0, Buffer.alloc(8000));
    t.equal(trunk.streams.size, 0);
    const frames = heard();
    t.equal(frames.filter(({ type }) => type === RESET_STREAM).length, 1, 'one answer');
    for (const { type, value } of frames) if (type === MAX_DATA) limit = Math.max(limit, value);
  }
  t.equal(trunk.bufferedBytes, 0);
  t.equal(streams.length, 0);
  end();
});

t.test('MAX_STREAM_DATA before the opening is kept for it', async (t) => {
  const { streams, say, end } = rig(t);
  await say(MAX_STREAM_DATA, 0, 2, 3 * WINDOW);
  await say(MAX_STREAM_DATA, 0, 2, 2 * WINDOW);
  t.equal(streams.length, 0, 'it opens nothing');
  await say(STREAM, OPEN, 0, 0, LABEL);
  await say(STREAM, OPEN, 2, 0, LABEL);
  t.same(
    streams.map(({ id, sending }) => [id, sending.limit]),
    [
      [0, WINDOW],
      [2, 3 * WINDOW],
    ],
  );
  end();
});
