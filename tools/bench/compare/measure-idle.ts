// Memory of the relay's process per idle connection: after connect, and after one byte went each way on each.

import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../host/children.ts';
import { load } from '../host/load-programs.ts';
import type { Memory } from '../host/process-stats.ts';
import { type Bench, type Figures, type Measure, mostConnections } from './measure.ts';

function growth(
  after: Memory | undefined,
  before: Memory | undefined,
  key: keyof Memory,
  connections: number,
): number {
  return ((after?.[key] ?? NaN) - (before?.[key] ?? NaN)) / connections / 1000;
}

async function hold(
  { contender, target, settings }: Bench,
  client: Child,
  before: Memory[],
  connections: number,
): Promise<Figures> {
  const { idleSettleMs } = settings;
  await client.output(/^connected$/m, 60_000);
  // The target's count, too: what a relay has accepted it has not necessarily carried on.
  await target.output(new RegExp(`^open ${connections}$`, 'm'), 30_000);
  await sleep(idleSettleMs);
  const connected = contender.memory();
  client.say('echo');
  await client.output(/^echoed$/m, 60_000);
  await sleep(idleSettleMs);
  const echoed = contender.memory();

  const sides: Figures['sides'] = {};
  for (const [i, { name }] of contender.sides.entries()) {
    sides[name] = {
      emptyMB: (before[i]?.rssBytes ?? NaN) / 1e6,
      connectedRssKB: growth(connected[i], before[i], 'rssBytes', connections),
      connectedPssKB: growth(connected[i], before[i], 'pssBytes', connections),
      echoedRssKB: growth(echoed[i], before[i], 'rssBytes', connections),
      echoedPssKB: growth(echoed[i], before[i], 'pssBytes', connections),
    };
  }
  return { whole: { connections }, sides };
}

export const idle: Measure = {
  name: 'idle',
  target: (port) => load('echo_target', port),
  async take(bench) {
    const { contender, cores, settings } = bench;
    // The process at rest is the zero: let it finish starting.
    await sleep(settings.idleSettleMs);
    const before = contender.memory();
    const connections = Math.min(settings.idleConnections, mostConnections(contender.descriptorsEach));
    const client = Child.start(load('hold_client', contender.port, connections), {
      cpus: cores.client,
    });
    try {
      return await hold(bench, client, before, connections);
    } finally {
      await client.stop();
    }
  },
};
