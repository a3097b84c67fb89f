// Short connections at a steady rate for a long time: an error, or a rate that was not kept, is what this looks for.

import { run } from '../host/children.ts';
import { load } from '../host/load-programs.ts';
import { type Measure, sum } from './measure.ts';

interface SteadyResult {
  completed: number;
  errors: number;
  /** What the errors were, in words. */
  reasons: string;
  seconds: number;
  p50: number;
  p99: number;
  max: number;
}

export const steady: Measure = {
  name: 'steady',
  target: (port) => load('echo_target', port),
  placed: 'anywhere',
  async take({ contender, cores, settings }) {
    const { steadyPerSecond, steadySeconds, rateMessageBytes } = settings;
    const before = contender.cpuSeconds();
    const command = load('steady_client', contender.port, steadyPerSecond, steadySeconds, rateMessageBytes);
    const output = await run(command, steadySeconds * 1000 + 60_000, { cpus: cores.client });
    const result = JSON.parse(output) as SteadyResult;
    const cpu = contender.cpuSeconds().map((after, i) => after - (before[i] ?? 0));
    if (result.errors > 0) process.stderr.write(`errors: ${result.reasons}\n`);
    return {
      whole: {
        connectionsPerSecond: result.completed / result.seconds,
        errors: result.errors,
        p50Ms: result.p50,
        p99Ms: result.p99,
        maxMs: result.max,
        relayBusyCores: sum(cpu) / result.seconds,
      },
      sides: {},
    };
  },
};
