// One run of a comparison, from the command line to the files: every measure of every contender, round by round.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { killAllChildren } from '../host/children.ts';
import { type CorePlan, planCores } from '../host/cores.ts';
import { buildLoadPrograms, root } from '../host/load-programs.ts';
import { describeMachine } from '../host/machine.ts';
import { type Plan, parsePlan, UsageError, usage } from './arguments.ts';
import { chart } from './chart.ts';
import type { Comparison } from './comparison.ts';
import type { Contender } from './contender.ts';
import { type Measure, takeSample } from './measure.ts';
import { jsonReport, markdownReport, type RunDescription, terminalReport } from './report.ts';
import { Results } from './results.ts';

function quitOnSignal(): void {
  process.on('exit', killAllChildren);
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(signal, () => process.exit(code));
  }
}

function choose(comparison: Comparison, plan: Plan): { present: Contender[]; leftOut: string[] } {
  const present: Contender[] = [];
  const leftOut: string[] = [];
  for (const contender of comparison.contenders) {
    // `direct` is always in: latency is told as the difference from it.
    if (plan.only !== null && !plan.only.includes(contender.name) && contender.name !== 'direct') continue;
    const missing = contender.missing();
    if (missing === null) present.push(contender);
    else leftOut.push(`${contender.name} (${contender.title}): no ${missing.what} here (${missing.remedy})`);
  }
  for (const { measure } of plan.measures) {
    const missing = measure.missing?.() ?? null;
    if (missing !== null) leftOut.push(`${measure.name}: no ${missing.what} here (${missing.remedy})`);
  }
  return { present, leftOut };
}

async function measureAll(
  plan: Plan,
  present: Contender[],
  cores: CorePlan,
  results: Results,
): Promise<string[]> {
  const deadline = Date.now() + plan.budgetMs;
  const last = Math.max(...plan.measures.map(({ rounds }) => rounds));
  for (let round = 1; round <= last; round++) {
    for (const { measure } of plan.measures.filter(({ rounds }) => round <= rounds)) {
      if ((measure.missing?.() ?? null) !== null) continue;
      const able = present.filter(({ measures }) => measures.has(measure.name));
      // Each round begins with another contender: none is always the one after the same neighbour.
      for (let i = 0; i < able.length; i++) {
        const contender = able[(i + round - 1) % able.length];
        if (contender === undefined) continue;
        if (Date.now() > deadline)
          return [`The time was up in round ${round} at ${measure.name}: later samples are missing.`];
        await measureOne(measure, contender, round, { plan, cores, results });
      }
    }
  }
  return [];
}

async function measureOne(
  measure: Measure,
  contender: Contender,
  round: number,
  { plan, cores, results }: { plan: Plan; cores: CorePlan; results: Results },
): Promise<void> {
  const what = `round ${round}  ${measure.name.padEnd(9)}  ${contender.name.padEnd(14)}`;
  try {
    const figures = await takeSample(measure, contender, cores, plan.settings);
    results.samples.push({ contender: contender.name, measure: measure.name, round, ...figures });
    process.stderr.write(
      `${what}  ${brief(figures.whole)}  ${Object.values(figures.sides).map(brief).join('  ')}\n`,
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    results.failures.push({ contender: contender.name, measure: measure.name, round, reason });
    process.stderr.write(`${what}  failed: ${reason}\n`);
  }
}

function brief(figures: Record<string, number>): string {
  return Object.entries(figures)
    .slice(0, 2)
    .map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`)
    .join(' ');
}

/** What to type for the same run; where its files go is no part of that. */
function commandOf(name: string, args: string[]): string {
  const kept = args.filter((word, i) => !word.startsWith('--out') && args[i - 1] !== '--out');
  return [`node dist/tools/bench/${name}.js`, ...kept].join(' ');
}

async function run(comparison: Comparison, args: string[]): Promise<void> {
  const plan = parsePlan(comparison, args, join(root, 'docs/benchmarks'));
  if (plan === 'help') {
    process.stdout.write(`${usage(comparison)}\n`);
    return;
  }
  quitOnSignal();
  await buildLoadPrograms();
  const started = Date.now();
  const { present, leftOut } = choose(comparison, plan);
  for (const reason of leftOut) process.stderr.write(`left out: ${reason}\n`);
  const cores = planCores(plan.pinned);
  const results = new Results();
  const remarks = await measureAll(plan, present, cores, results);

  const { name } = comparison;
  const description: RunDescription = {
    date: `${new Date(started).toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    command: commandOf(name, args),
    seconds: (Date.now() - started) / 1000,
    machine: describeMachine(),
    cores: cores.description,
    settings: plan.settings,
    contenders: present.map(({ name, title, version }) => ({ name, title, version: version() })),
    leftOut,
    remarks,
  };
  mkdirSync(plan.out, { recursive: true });
  const file = (ending: string) => join(plan.out, `${name}.${ending}`);
  writeFileSync(file('json'), jsonReport(comparison, results, description));
  writeFileSync(file('svg'), chart(comparison, results, description));
  writeFileSync(file('md'), markdownReport(comparison, results, description, `${name}.svg`, `${name}.json`));
  const where = relative(process.cwd(), plan.out) || '.';
  process.stdout.write(
    `${terminalReport(comparison, results, description)}\nWritten: ${name}.md, ${name}.svg and ${name}.json in ${where}\n`,
  );
}

export function runComparison(comparison: Comparison, args: string[]): void {
  run(comparison, args).catch((error: unknown) => {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n\n${usage(comparison)}\n`);
      process.exit(2);
    }
    process.stderr.write(
      `bench ${comparison.name}: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    process.exit(1);
  });
}
