// Bulk data over one connection, one way: throughput, and the CPU time of the relay per GB (10^9 bytes).

import { run } from '../host/children.ts';
import { load } from '../host/load-programs.ts';
import { cpuSeconds, machineBusySeconds } from '../host/process-stats.ts';
import { type Bench, bySide, type Figures, type Measure, sum } from './measure.ts';

async function transfer({ contender, cores }: Bench, direction: 'up' | 'down', milliseconds: number) {
  const command = load('bulk_client', contender.port, direction, milliseconds);
  const output = await run(command, milliseconds + 20_000, { cpus: cores.client });
  return JSON.parse(output) as { bytes: number; seconds: number; cpuSeconds: number };
}

function bulk(direction: 'up' | 'down'): Measure {
  return {
    name: `bulk-${direction}`,
    target: (port) => load('bulk_target', port),
    async take(bench): Promise<Figures> {
      const { contender, target, settings } = bench;
      await transfer(bench, direction, settings.warmUpMs);

      const cpuBefore = contender.cpuSeconds();
      const targetBefore = cpuSeconds(target.pid);
      const machineBefore = machineBusySeconds();
      const { bytes, seconds, cpuSeconds: clientSeconds } = await transfer(bench, direction, settings.bulkMs);
      const cpu = contender.cpuSeconds().map((after, i) => after - (cpuBefore[i] ?? 0));
      const loadSeconds = clientSeconds + cpuSeconds(target.pid) - targetBefore;
      const otherSeconds = machineBusySeconds() - machineBefore - sum(cpu) - loadSeconds;

      const gigabytes = bytes / 1e9;
      return {
        whole: {
          gbitPerSecond: (bytes * 8) / 1e9 / seconds,
          cpuSecondsPerGB: sum(cpu) / gigabytes,
          // Says whether the relay was the bottleneck (near 1), and whether somebody else used the machine meanwhile.
          relayBusyCores: sum(cpu) / seconds,
          loadBusyCores: loadSeconds / seconds,
          otherBusyCores: Math.max(0, otherSeconds / seconds),
        },
        sides: bySide(
          contender,
          'cpuSecondsPerGB',
          cpu.map((one) => one / gigabytes),
        ),
      };
    },
  };
}

export const bulkUp = bulk('up');
export const bulkDown = bulk('down');
