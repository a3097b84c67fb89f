/** Goal: a stream of a trunk keeps the contract of a pipe, over one carrier and over three. */
import t from 'tap';
import { systemClock } from '../../../src/core/clock.ts';
import { PipeError } from '../../../src/core/errors.ts';
import type { SlabPool } from '../../../src/core/pool.ts';
import { TrunkMemory } from '../../../src/layer/trunk/memory.ts';
import type { StripedPipe } from '../../../src/layer/trunk/stream.ts';
import { Trunk } from '../../../src/layer/trunk/trunk.ts';
import { memoryPair } from '../../../src/pipe/memory.ts';
import { testPipe } from '../../contract/suite.ts';
import { MEMORY } from '../../contract/traits.ts';
import { eventually } from '../../helpers/settle.ts';

const STREAM_WINDOW = 128 * 1024;
const TRUNK_WINDOW = 512 * 1024;

const trunks: Trunk[] = [];
t.teardown(() => {
  for (const trunk of trunks) trunk.end(new PipeError('cancelled', 'test'));
});

/** A stream as both its ends see it. */
async function streamPair(pool: SlabPool, carriers: number): Promise<[StripedPipe, StripedPipe]> {
  let accepted: StripedPipe | null = null;
  const options = {
    clock: systemClock,
    streamWindow: STREAM_WINDOW,
    trunkWindow: TRUNK_WINDOW,
    peerStreamWindow: STREAM_WINDOW,
    peerTrunkWindow: TRUNK_WINDOW,
    onEnd() {},
  };
  // Plenty: where memory is short, maxSend goes by credit.
  const memory = () => new TrunkMemory({ sendPool: pool, capacity: 2 ** 30 }).join();
  const client = new Trunk({ ...options, memory: memory(), role: 'client', onStream() {} });
  const server = new Trunk({
    ...options,
    memory: memory(),
    role: 'server',
    onStream: (stream) => {
      accepted = stream;
    },
  });
  trunks.push(client, server);
  for (let id = 0; id < carriers; id++) {
    const [near, far] = memoryPair('messages', { capacity: 64 * 1024 });
    client.addCarrier(id, near);
    server.addCarrier(id, far);
  }
  const opened = client.open(Buffer.from('label'));
  await eventually('a stream', () => accepted !== null);
  return [opened, accepted as unknown as StripedPipe];
}

for (const carriers of [1, 3]) {
  testPipe(
    t,
    `a stream over ${carriers === 1 ? 'one carrier' : `${carriers} carriers`}`,
    async ({ pool }) => streamPair(pool, carriers),
    { kind: 'bytes', ...MEMORY, tellsReason: true },
  );
}
