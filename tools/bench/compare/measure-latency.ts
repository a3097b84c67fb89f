// Round trips of one byte over one connection. What the relay adds is the difference from `direct` in the same round.
//
// All on one core: that is what makes the figures hold still. With two, each hop may or may not have to wake a sleeping
// core, which in a virtual machine takes longer than any relay does, and falls to `direct` by another chance than to
// the relays: p50 of `direct` was 12 or 54 us, and the difference anything from -18 to 104.

import { run } from '../host/children.ts';
import { load } from '../host/load-programs.ts';
import type { Measure } from './measure.ts';

const longestMs = 10_000;

export const latency: Measure = {
  name: 'latency',
  target: (port) => load('echo_target', port),
  placed: 'together',
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
