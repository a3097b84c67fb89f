/** Goal: at the limit of memory what is small still goes on, and a share that shrinks takes nothing from who was promised more. */
import t from 'tap';
import { PipeError } from '../../../src/core/errors.ts';
import { defaultPool, SlabPool } from '../../../src/core/pool.ts';
import { TrunkMemory } from '../../../src/layer/trunk/memory.ts';
import type { StripedPipe } from '../../../src/layer/trunk/stream.ts';
import { Trunk } from '../../../src/layer/trunk/trunk.ts';
import { memoryPair } from '../../../src/pipe/memory.ts';
import { SimClock } from '../../helpers/sim_clock.ts';

const CAPACITY = 16 * 1024 * 1024;
const CANCELLED = new PipeError('cancelled', 'test');

t.test('apps that hold all of the memory do not keep others from small pieces', async (t) => {
  const clock = new SimClock();
  const arrived: Buffer[] = [];
  const end = (role: 'client' | 'server') => {
    const memory = new TrunkMemory({ capacity: CAPACITY, sendPool: new SlabPool() });
    const { stream, trunk } = memory.windows;
    const windows = {
      streamWindow: stream,
      trunkWindow: trunk,
      peerStreamWindow: stream,
      peerTrunkWindow: trunk,
    };
    const take = (stream: StripedPipe) => {
      stream.onActivity = () => {
        for (let chunk = stream.recv(); chunk !== null; chunk = stream.recv()) {
          arrived.push(Buffer.from(chunk.view()));
          chunk.release();
        }
      };
    };
    const options = { role, clock, memory: memory.join(), ...windows, onStream: take, onEnd() {} };
    return { memory, trunk: new Trunk(options) };
  };
  const client = end('client');
  const server = end('server');
  const [near, far] = memoryPair('messages');
  client.trunk.addCarrier(0, near);
  server.trunk.addCarrier(0, far);
  const { sendPool } = client.memory;
  const stream = client.trunk.open(Buffer.from('app'));
  await clock.advance(50);
  t.equal(stream.maxSend, 64 * 1024 - 128);
  // What stalled apps have sent, as far as the pool can see.
  const held = Array.from({ length: 64 }, () => sendPool.take(128 * 1024));
  t.ok(sendPool.heldBytes >= client.memory.half);
  let times = 0;
  client.memory.onShort = () => void times++;
  t.equal(stream.writable, true);
  t.same([times, client.memory.short], [0, false], 'nobody waits');
  t.equal(stream.maxSend, 2048);
  stream.send(sendPool.copy(Buffer.from('ls\n')));
  t.equal(stream.writable, false, 'one piece at a time');
  t.same([times, client.memory.short], [1, true]);
  await clock.advance(50);
  t.equal(Buffer.concat(arrived).toString(), 'ls\n');
  t.equal(stream.writable, true, 'it has arrived: the next one may go');
  for (const chunk of held) chunk.release();
  t.equal(stream.maxSend, 64 * 1024 - 128);
  t.equal(client.memory.short, false);
  client.trunk.end(CANCELLED);
  server.trunk.end(CANCELLED);
  stream.discard();
});

t.test('what one trunk may hold does not fall below what it was promised', async (t) => {
  const memory = new TrunkMemory({ capacity: CAPACITY, spare: true });
  const first = memory.join();
  first.active = true;
  const promised = first.window;
  first.granted = promised;
  t.ok(promised > memory.windows.trunk, `${promised}`);
  for (let i = 0; i < 5; i++) memory.join();
  t.ok(memory.share < 2 * promised, 'others have made its share small');
  t.ok(first.mostHeld >= 2 * promised, `${first.mostHeld}`);
  t.ok(memory.granted <= memory.grantable);
});

t.test('what else the process holds is none of the trunks', async (t) => {
  const memory = new TrunkMemory({ capacity: CAPACITY });
  const held = Array.from({ length: 64 }, () => defaultPool.take(256 * 1024));
  t.equal(memory.join().hasRoom(0), true);
  for (const chunk of held) chunk.release();
  const sent = memory.sendPool.take(10);
  const received = memory.receivePool.take(10);
  t.equal(memory.out, 2);
  for (const chunk of [sent, received]) chunk.release();
});
