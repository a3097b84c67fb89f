// iperf3 at both ends, one connection, one way: what a user would measure. Nothing is pinned: two sides and two ends share
// the cores as the scheduler likes.

import { run } from '../host/children.ts';
import { find, missingProgram } from '../host/programs.ts';
import { type Figures, type Measure, sum } from './measure.ts';

interface Report {
  end: { sum_received: { bytes: number; seconds: number; bits_per_second: number } };
}

function iperf3(direction: 'up' | 'down'): Measure {
  const program = () => find('iperf3') ?? 'iperf3';
  return {
    name: `iperf3-${direction}`,
    target: (port) => ({ program: program(), args: ['-s', '-B', '127.0.0.1', '-p', `${port}`] }),
    placed: 'anywhere',
    missing: () => missingProgram('iperf3', 'iperf3'),
    async take({ contender, settings }): Promise<Figures> {
      const { iperfSeconds } = settings;
      const args = ['-c', '127.0.0.1', '-p', `${contender.port}`, '-t', `${iperfSeconds}`, '-J'];
      if (direction === 'down') args.push('-R');
      const before = contender.cpuSeconds();
      const output = await run({ program: program(), args }, iperfSeconds * 1000 + 20_000);
      const cpu = contender.cpuSeconds().map((after, i) => after - (before[i] ?? 0));
      const { bytes, seconds, bits_per_second: bits } = (JSON.parse(output) as Report).end.sum_received;
      return {
        whole: {
          gbitPerSecond: bits / 1e9,
          cpuSecondsPerGB: sum(cpu) / (bytes / 1e9),
          relayBusyCores: sum(cpu) / seconds,
        },
        sides: {},
      };
    },
  };
}

export const iperf3Up = iperf3('up');
export const iperf3Down = iperf3('down');
