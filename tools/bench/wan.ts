// `make bench-wan`: transfers over the networks of tools/wan, striped and not, interleaved in one run. See `--help`.

import { join } from 'node:path';
import { UsageError } from './compare/arguments.ts';
import { terminalReport } from './compare/report.ts';
import { killAllChildren } from './host/children.ts';
import { buildLoadPrograms, root } from './host/load-programs.ts';
import { describeMachine } from './host/machine.ts';
import { parseWanPlan, usage, type WanPlan } from './wan/arguments.ts';
import { type Case, idOf } from './wan/cases.ts';
import { allContenders, type WanContender } from './wan/contenders.ts';
import { caseOf, type Place, resultsOf } from './wan/data.ts';
import { type Figures, uploadSizes } from './wan/figures.ts';
import { checkScenario } from './wan/network.ts';
import { describe } from './wan/page.ts';
import { takeSample } from './wan/sample.ts';
import { Store } from './wan/store.ts';
import { judge } from './wan/verdicts.ts';
import { groupsOf } from './wan/views.ts';

function choose(one: Case, congestion: string, { carriers, contenders, parts }: WanPlan) {
  const all = allContenders(carriers ?? one.carriers, congestion);
  const wanted = all.filter(
    ({ name, bulkOnly = false }) =>
      (contenders === null || contenders.includes(name)) && (!bulkOnly || parts.includes('bulk')),
  );
  const present: WanContender[] = [];
  const leftOut: string[] = [];
  for (const contender of wanted) {
    const missing = contender.missing?.() ?? null;
    if (missing === null) present.push(contender);
    else leftOut.push(`Left out: ${contender.name}: ${missing}`);
  }
  return { present, leftOut };
}

async function measure(one: Case, congestion: string, present: WanContender[], plan: WanPlan, store: Store) {
  const inParts = plan.parts.length < 2;
  for (let round = 1; round <= plan.runs; round++) {
    for (let i = 0; i < present.length; i++) {
      // Each round begins with another contender.
      const contender = present[(i + round - 1) % present.length] as WanContender;
      const { name, variables } = one;
      const place: Place = { scenario: name, variables, congestion, contender: contender.name, round };
      if (plan.resume && store.has(place, figuresOf(contender, plan))) continue;
      const what = `${caseOf(place)}, run ${round}, ${contender.name}`.padEnd(60);
      const seed = plan.seed + round - 1;
      let row: { figures: Figures | null; overrun: number; reason?: string };
      try {
        row = await takeSample(one, contender, congestion, seed, plan.lengths, plan.parts);
      } catch (error) {
        row = { figures: null, overrun: 0, reason: error instanceof Error ? error.message : String(error) };
      }
      if (!plan.resume && !inParts) store.replace(idOf(one, congestion), plan.contenders);
      store.add({ ...place, seed, ...row }, inParts);
      process.stderr.write(
        `${what} ${row.figures === null ? `failed: ${row.reason}` : inShort(row.figures)}\n`,
      );
    }
  }
}

/** Without these it is not done. */
function figuresOf({ bulkOnly = false }: WanContender, { parts }: WanPlan): string[] {
  return parts.flatMap((part) => (part === 'bulk' ? ['mbitPerSecond'] : bulkOnly ? [] : ['aloneP50Ms']));
}

function inShort({ mbitPerSecond, longestPauseMs = 0, upload2MBMs, aloneP50Ms, busyP99Ms }: Figures): string {
  const parts = [
    mbitPerSecond === undefined
      ? ''
      : `${mbitPerSecond.toFixed(1)} Mbit/s, pause ${longestPauseMs.toFixed(0)} ms`,
    upload2MBMs === undefined ? '' : `2 MB in ${upload2MBMs.toFixed(0)} ms`,
    aloneP50Ms === undefined ? '' : `message ${aloneP50Ms.toFixed(0)} ms`,
    busyP99Ms === undefined ? '' : `p99 under bulk ${busyP99Ms.toFixed(0)} ms`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

async function compare(one: Case, congestion: string, plan: WanPlan, store: Store): Promise<void> {
  const began = Date.now();
  const { present, leftOut } = choose(one, congestion, plan);
  await measure(one, congestion, present, plan, store);
  const id = idOf(one, congestion);
  const rows = store.data.rows.filter((row) => caseOf(row) === id);
  const { warmUpMs, totalMs } = plan.lengths;
  const lengths = `${(totalMs - warmUpMs) / 1000} s each, after ${warmUpMs / 1000} s of warm-up`;
  const description = describe(store.data, rows, [lengths, ...leftOut]);
  if (description === null) return;
  const comparison = {
    groups: groupsOf(one, congestion, `${one.title}; ${congestion}`, true),
    judge: () => judge(one, congestion, resultsOf(store.data, id)),
  };
  const text = terminalReport(comparison, resultsOf(store.data, id), {
    ...description,
    seconds: (Date.now() - began) / 1000,
  });
  process.stdout.write(`\n# ${one.title}; ${congestion}\n${text}\n`);
  store.savePage();
}

/** How long it takes, in minutes, if no short transfer takes longer than it is meant to. */
function estimate(plan: WanPlan, store: Store): number {
  const { totalMs, messages, uploadMs } = plan.lengths;
  const setUpMs = 3000;
  const bulkMs = setUpMs + totalMs;
  const smallMs = setUpMs + messages * 100 + uploadSizes.length * uploadMs;
  let all = 0;
  for (const place of placesOf(plan)) {
    if (plan.resume && store.has(place, figuresOf(place.who, plan))) continue;
    if (plan.parts.includes('bulk')) all += bulkMs;
    if (plan.parts.includes('small') && place.who.bulkOnly !== true) all += smallMs;
  }
  return all / 60_000;
}

function* placesOf(plan: WanPlan): Generator<Place & { who: WanContender }> {
  for (const one of plan.cases) {
    for (const congestion of plan.congestions) {
      const { name: scenario, variables } = one;
      for (const who of choose(one, congestion, plan).present) {
        for (let round = 1; round <= plan.runs; round++)
          yield { scenario, variables, congestion, contender: who.name, round, who };
      }
    }
  }
}

async function run(args: string[]): Promise<void> {
  const plan = parseWanPlan(args, join(root, 'docs/benchmarks'));
  if (plan === 'help') {
    process.stdout.write(`${usage}\n`);
    return;
  }
  process.on('exit', killAllChildren);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
  await buildLoadPrograms();
  const checked = new Set<string>();
  for (const one of plan.cases) {
    const said = await checkScenario(one);
    if (!checked.has(one.name)) process.stderr.write(said);
    checked.add(one.name);
  }
  const store = new Store(plan.save, {
    date: `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    command: ['node dist/tools/bench/wan.js', ...args].join(' '),
    machine: describeMachine(),
    lengths: plan.lengths,
  });
  const minutes = estimate(plan, store);
  const goesOn = plan.save === null ? '' : '; whatever ends it, --resume goes on';
  process.stderr.write(`about ${Math.ceil(minutes)} minutes${goesOn}\n`);
  for (const one of plan.cases) {
    for (const congestion of plan.congestions) await compare(one, congestion, plan, store);
  }
}

run(process.argv.slice(2)).catch((error: unknown) => {
  const usageError = error instanceof UsageError;
  process.stderr.write(`bench wan: ${error instanceof Error ? error.message : String(error)}\n`);
  if (usageError) process.stderr.write(`\n${usage}\n`);
  process.exit(usageError ? 2 : 1);
});
