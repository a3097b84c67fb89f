// Short connections, many at a time: how many a second, and the CPU time of the relay per thousand.

import { run } from '../host/children.ts';
import { load } from '../host/load-programs.ts';
import { type Bench, bySide, type Measure, sum } from './measure.ts';

interface RateResult {
  completed: number;
  errors: number;
  lastError: string;
  seconds: number;
}

async function churn({ contender, cores, settings }: Bench, milliseconds: number): Promise<RateResult> {
  const { rateConcurrency, rateMessageBytes } = settings;
  const command = load('rate_client', contender.port, rateConcurrency, milliseconds, rateMessageBytes);
  return JSON.parse(await run(command, milliseconds + 10_000, { cpus: cores.client })) as RateResult;
}

export const rate: Measure = {
  name: 'rate',
  target: (port) => load('echo_target', port),
  async take(bench) {
    const { contender, settings } = bench;
    await churn(bench, settings.warmUpMs);
    const before = contender.cpuSeconds();
    const { completed, errors, lastError, seconds } = await churn(bench, settings.rateMs);
    const cpu = contender.cpuSeconds().map((after, i) => after - (before[i] ?? 0));
    if (completed === 0) throw new Error(`no connection was completed, ${errors} failed: ${lastError}`);
    const thousands = completed / 1000;
    return {
      whole: {
        connectionsPerSecond: completed / seconds,
        errors,
        cpuSecondsPer1000: sum(cpu) / thousands,
        relayBusyCores: sum(cpu) / seconds,
      },
      sides: bySide(
        contender,
        'cpuSecondsPer1000',
        cpu.map((one) => one / thousands),
      ),
    };
  },
};
