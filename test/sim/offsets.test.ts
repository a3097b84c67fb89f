/** Goal: TESTPLAN 15: nothing counts in 32 bits: streams, credit and what is sent again work on beyond 4 GiB. */

import t from 'tap';
import { SimPair } from './pair.ts';

const MIB = 1024 * 1024;

t.setTimeout(900_000);

t.test(
  '4 GiB and a little on one stream, with carriers that freeze and die around that offset',
  async (t) => {
    const pair = new SimPair();
    const link = { rate: 1_000_000, delayMs: 1, bufferBytes: MIB };
    for (let i = 0; i < 3; i++) pair.dial(link);
    const transfer = pair.send(2 ** 32 + 24 * MIB);
    const due: [number, () => void][] = [
      [2 ** 32 - 2 * MIB, () => pair.links[0]?.freeze()],
      [2 ** 32 + 2 * MIB, () => pair.links[1]?.cut()],
      [2 ** 32 + 8 * MIB, () => pair.links[0]?.thaw()],
      [2 ** 32 + 12 * MIB, () => pair.links[2]?.cut()],
      [2 ** 32 + 12 * MIB, () => void pair.dial(link)],
    ];
    let early = 0;
    transfer.onRead = () => {
      if (transfer.read > 2 ** 32) early = Math.max(early, transfer.far?.receiving.earlyBytes ?? 0);
      while (due[0] !== undefined && transfer.read >= due[0][0])
        pair.world.after(0, (due.shift() as (typeof due)[0])[1]);
    };
    pair.finish(3_600_000);
    t.same(due, [], 'all of it happened');
    t.ok(pair.client.resentBytes > 0, `${pair.client.resentBytes} bytes were sent again`);
    t.ok(early > 0, `${early} bytes came early beyond 4 GiB`);
  },
);
