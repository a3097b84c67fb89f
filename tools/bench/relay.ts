// `make bench-relay`: compares our relay and our pair with other relays, interleaved in one run. Prints tables, and
// writes the samples, a chart and a page. See `--help`.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { killAllChildren } from './host/children.ts';
import { type CorePlan, planCores } from './host/cores.ts';
import { buildLoadPrograms, root } from './host/load-programs.ts';
import { describeMachine } from './host/machine.ts';
import { type Plan, parsePlan, UsageError, usage } from './relay/arguments.ts';
import { chart } from './relay/chart.ts';
import type { Contender } from './relay/contender.ts';
import { contenders } from './relay/contenders.ts';
import { type Measure, takeSample } from './relay/measure.ts';
import { bulkDown, bulkUp } from './relay/measure-bulk.ts';
import { idle } from './relay/measure-idle.ts';
import { latency } from './relay/measure-latency.ts';
import { rate } from './relay/measure-rate.ts';
import { stalled } from './relay/measure-stalled.ts';
import { jsonReport, markdownReport, type RunDescription, terminalReport } from './relay/report.ts';
import { Results } from './relay/results.ts';

const measures: readonly Measure[] = [bulkUp, bulkDown, rate, latency, idle, stalled];

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

function choose(plan: Plan): { present: Contender[]; leftOut: string[] } {
  const present: Contender[] = [];
  const leftOut: string[] = [];
  for (const contender of contenders) {
    // `direct` is always in: latency is told as the difference from it.
    if (plan.only !== null && !plan.only.includes(contender.name) && contender.name !== 'direct') continue;
    const missing = contender.missing();
    if (missing === null) present.push(contender);
    else leftOut.push(`${contender.name} (${contender.title}): no ${missing.what} here (${missing.remedy})`);
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
  const wanted = measures.filter(({ name }) => plan.measures === null || plan.measures.includes(name));
  const rounds = Math.max(...wanted.map(({ name }) => plan.rounds[name]));
  for (let round = 1; round <= rounds; round++) {
    for (const measure of wanted.filter(({ name }) => round <= plan.rounds[name])) {
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
function commandOf(args: string[]): string {
  const kept = args.filter((word, i) => !word.startsWith('--out') && args[i - 1] !== '--out');
  return ['node dist/tools/bench/relay.js', ...kept].join(' ');
}

async function main(args: string[]): Promise<void> {
  const plan = parsePlan(args, join(root, 'docs/benchmarks'));
  if (plan === 'help') {
    process.stdout.write(`${usage}\n`);
    return;
  }
  quitOnSignal();
  await buildLoadPrograms();
  const started = Date.now();
  const { present, leftOut } = choose(plan);
  for (const reason of leftOut) process.stderr.write(`left out: ${reason}\n`);
  const cores = planCores(plan.pinned);
  const results = new Results();
  const remarks = await measureAll(plan, present, cores, results);

  const run: RunDescription = {
    date: `${new Date(started).toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    command: commandOf(args),
    seconds: (Date.now() - started) / 1000,
    machine: describeMachine(),
    cores: cores.description,
    settings: plan.settings,
    contenders: present.map((contender) => ({
      name: contender.name,
      title: contender.title,
      version: contender.version(),
    })),
    leftOut,
    remarks,
  };
  mkdirSync(plan.out, { recursive: true });
  const file = (name: string) => join(plan.out, name);
  writeFileSync(file('relay.json'), jsonReport(results, run));
  writeFileSync(file('relay.svg'), chart(results, run));
  writeFileSync(file('relay.md'), markdownReport(results, run, 'relay.svg', 'relay.json'));
  process.stdout.write(
    `${terminalReport(results, run)}\nWritten: relay.md, relay.svg and relay.json in ${relative(process.cwd(), plan.out) || '.'}\n`,
  );
}

main(process.argv.slice(2)).catch((error: unknown) => {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n\n${usage}\n`);
    process.exit(2);
  }
  process.stderr.write(`bench relay: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
