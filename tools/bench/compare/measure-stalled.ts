// A target that never reads: what the relay's process grows by per connection, and how many bytes all the buffers on
// the way take in before the client's writes block. `direct` shows what the kernel's two sockets alone take.

import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../host/children.ts';
import { load } from '../host/load-programs.ts';
import { bySide, type Measure } from './measure.ts';

const longestMs = 15_000;

export const stalled: Measure = {
  name: 'stalled',
  target: (port) => load('stall_target', port),
  async take({ contender, cores, settings }) {
    const { stalledConnections, stalledQuietMs, idleSettleMs } = settings;
    await sleep(idleSettleMs);
    const before = contender.memory();
    const command = load('stall_client', contender.port, stalledConnections, stalledQuietMs, longestMs);
    const client = Child.start(command, { cpus: cores.client });
    try {
      const match = await client.output(/^\{.*\}$/m, longestMs + 10_000);
      const { bytes, blocked } = JSON.parse(match[0]) as { bytes: number; blocked: boolean };
      if (!blocked) throw new Error(`the client could still write after ${longestMs} ms and ${bytes} bytes`);
      const after = contender.memory();
      const perConnection = after.map(
        (one, i) => (one.rssBytes - (before[i]?.rssBytes ?? NaN)) / stalledConnections / 1e6,
      );
      return {
        whole: { absorbedMB: bytes / 1e6 / stalledConnections },
        sides: bySide(contender, 'grownMB', perConnection),
      };
    } finally {
      await client.stop();
    }
  },
};
