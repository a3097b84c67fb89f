// Round trips of one byte over one connection. What the relay adds is the difference from `direct` in the same round.

import { run } from '../host/children.ts';
import { load } from '../host/load-programs.ts';
import type { Measure } from './measure.ts';

const longestMs = 10_000;

export const latency: Measure = {
  name: 'latency',
  target: 'echo_target',
  async take({ contender, cores, settings }) {
    const command = load('latency_client', contender.port, settings.roundTrips, longestMs);
    const output = await run(command, longestMs + 5000, { cpus: cores.client });
    const { p50, p99, p999, roundTrips } = JSON.parse(output) as Record<string, number>;
    return {
      whole: { p50Us: p50 ?? NaN, p99Us: p99 ?? NaN, p999Us: p999 ?? NaN, roundTrips: roundTrips ?? 0 },
      sides: {},
    };
  },
};
