// `make bench-wan`: transfers over the networks of tools/wan, striped and not, interleaved in one run. See `--help`.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from './compare/arguments.ts';
import { chart } from './compare/chart.ts';
import { usualSettings } from './compare/measure.ts';
import { jsonReport, type RunDescription, terminalReport } from './compare/report.ts';
import { Results } from './compare/results.ts';
import { killAllChildren } from './host/children.ts';
import { buildLoadPrograms, root } from './host/load-programs.ts';
import { describeMachine } from './host/machine.ts';
import { parseWanPlan, usage, type WanPlan } from './wan/arguments.ts';
import { wanComparison } from './wan/comparison.ts';
import { mptcp, plainFlows, relay, striped, type WanContender } from './wan/contenders.ts';
import { checkScenario, type Scenario } from './wan/network.ts';
import { takeTransfer } from './wan/sample.ts';

function choose({ carriers }: WanPlan): { present: WanContender[]; leftOut: string[] } {
  const present: WanContender[] = [plainFlows(1), relay];
  const leftOut: string[] = [];
  for (const count of carriers) {
    if (count > 1) present.push(plainFlows(count));
    // The kernel has room for eight subflows.
    if (count > 1 && count <= 8) {
      const contender = mptcp(count);
      const missing = contender.missing?.() ?? null;
      if (missing === null) present.push(contender);
      else leftOut.push(`${contender.name}: ${missing}`);
    }
    present.push(striped(count));
  }
  return { present, leftOut };
}

async function measure(
  scenario: Scenario,
  congestion: string,
  present: WanContender[],
  plan: WanPlan,
): Promise<{ results: Results; remarks: string[]; tenths: Record<string, number[][]> }> {
  const results = new Results();
  const remarks: string[] = [];
  const tenths: Record<string, number[][]> = {};
  for (let round = 1; round <= plan.runs; round++) {
    for (let i = 0; i < present.length; i++) {
      // Each round begins with another contender.
      const contender = present[(i + round - 1) % present.length] as WanContender;
      const { name } = contender;
      const what = `${scenario.name} ${congestion}  run ${round}  ${name.padEnd(10)}`;
      try {
        const seed = plan.seed + round - 1;
        const taken = await takeTransfer(scenario, contender, congestion, seed, plan.lengths);
        results.samples.push({ contender: name, measure: 'wan', round, whole: taken.figures, sides: {} });
        tenths[name] = [...(tenths[name] ?? []), taken.tenths];
        const { mbitPerSecond = 0, longestPauseMs = 0, pauseAtMs = 0 } = taken.figures;
        process.stderr.write(
          `${what}  ${mbitPerSecond.toFixed(1)} Mbit/s, longest pause ${longestPauseMs.toFixed(0)} ms at ${(pauseAtMs / 1000).toFixed(1)} s\n`,
        );
        if (taken.overrun > 0)
          remarks.push(
            `${name}, run ${round}: the machine was too busy, ${taken.overrun} packets were lost by it`,
          );
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        results.failures.push({ contender: name, measure: 'wan', round, reason });
        process.stderr.write(`${what}  failed: ${reason}\n`);
      }
    }
  }
  return { results, remarks, tenths };
}

async function compare(name: string, congestion: string, plan: WanPlan, command: string): Promise<void> {
  const scenario = { name, variables: plan.variables };
  const { present, leftOut } = choose(plan);
  const started = Date.now();
  const { results, remarks, tenths } = await measure(scenario, congestion, present, plan);
  const { warmUpMs, totalMs } = plan.lengths;
  const comparison = wanComparison(name, congestion, present);
  const description: RunDescription = {
    date: `${new Date(started).toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    command,
    seconds: (Date.now() - started) / 1000,
    machine: describeMachine(),
    cores: 'nothing is pinned',
    settings: usualSettings(false),
    contenders: present.map(({ name, title }) => ({ name, title, version: `Node ${process.version}` })),
    leftOut,
    remarks: [
      `${(totalMs - warmUpMs) / 1000} s each, after ${warmUpMs / 1000} s of warm-up; congestion control ${congestion}`,
      ...remarks,
    ],
  };
  process.stdout.write(`\n# ${comparison.heading}\n${terminalReport(comparison, results, description)}`);
  if (plan.save === null) return;
  mkdirSync(plan.save, { recursive: true });
  const file = (ending: string) => join(plan.save ?? '', `${comparison.name}.${ending}`);
  writeFileSync(
    file('json'),
    JSON.stringify({ ...JSON.parse(jsonReport(comparison, results, description)), tenths }, null, 1),
  );
  writeFileSync(file('svg'), chart(comparison, results, description));
}

async function run(args: string[]): Promise<void> {
  const plan = parseWanPlan(args, join(root, 'docs/benchmarks/wan'));
  if (plan === 'help') {
    process.stdout.write(`${usage}\n`);
    return;
  }
  process.on('exit', killAllChildren);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
  await buildLoadPrograms();
  for (const name of plan.scenarios)
    process.stderr.write(await checkScenario({ name, variables: plan.variables }));
  const command = ['node dist/tools/bench/wan.js', ...args].join(' ');
  for (const name of plan.scenarios) {
    for (const congestion of plan.congestions) await compare(name, congestion, plan, command);
  }
}

run(process.argv.slice(2)).catch((error: unknown) => {
  const usageError = error instanceof UsageError;
  process.stderr.write(`bench wan: ${error instanceof Error ? error.message : String(error)}\n`);
  if (usageError) process.stderr.write(`\n${usage}\n`);
  process.exit(usageError ? 2 : 1);
});
