// The saved data as something to read: an overview, the bars, and for each scenario a chart and its tables. Pure.

import { basename } from 'node:path';
import { chart } from '../compare/chart.ts';
import { usualSettings } from '../compare/measure.ts';
import {
  formatSummary,
  machineLines,
  markdownTable,
  type RunDescription,
  tables,
  verdictTable,
} from '../compare/report.ts';
import { Results } from '../compare/results.ts';
import { type Case, cases, chooseCases, idOf } from './cases.ts';
import { allContenders } from './contenders.ts';
import { caseOf, type Row, resultsOf, type WanData } from './data.ts';
import { judge } from './verdicts.ts';
import { groupsOf } from './views.ts';

/** A case with a congestion control, of which there are rows. */
interface Measured {
  one: Case;
  congestion: string;
  id: string;
}

/** In the order of the cases, and cubic before bbr; cases of somebody's own come last. */
export function measuredCases({ rows }: WanData): Measured[] {
  const seen = new Map<string, Measured>();
  for (const row of rows) {
    const { scenario, variables, congestion } = row;
    const [one] = chooseCases([scenario], variables).filter((each) => `${each.variables}` === `${variables}`);
    if (one !== undefined) seen.set(caseOf(row), { one, congestion, id: caseOf(row) });
  }
  const place = ({ one }: Measured) => {
    const index = cases.findIndex((each) => idOf(each, '') === idOf(one, ''));
    return index < 0 ? cases.length : index;
  };
  const kind = ({ congestion }: Measured) => (congestion === 'cubic' ? 0 : 1);
  return [...seen.values()].sort((a, b) => place(a) - place(b) || kind(a) - kind(b));
}

/** Those of whom there are rows, in the order in which they are always shown. */
function contendersIn(rows: readonly Row[]): { name: string; title: string }[] {
  const names = new Set(rows.map(({ contender }) => contender));
  const carriers = [...names].map((name) => Number(name.match(/\d+$/)?.[0] ?? 0));
  const counts = [...new Set(carriers)].filter((count) => count > 0).sort((a, b) => a - b);
  return allContenders([...counts, 'auto'], 'cubic').filter(({ name }) => names.has(name));
}

export function describe(data: WanData, rows: readonly Row[], remarks: string[]): RunDescription | null {
  const run = data.runs[Math.max(...rows.map((row) => row.run))];
  if (run === undefined) return null;
  const { date, command, machine } = run;
  const contenders = contendersIn(rows).map((one) => ({ ...one, version: `Node ${machine.node}` }));
  const settings = usualSettings(false);
  const overrun = rows
    .filter((row) => row.overrun > 0)
    .map(
      (row) => `${row.contender}, run ${row.round}: the machine was too busy, it lost ${row.overrun} packets`,
    );
  const cores = 'nothing is pinned';
  return {
    date,
    command,
    seconds: 0,
    machine,
    cores,
    settings,
    contenders,
    leftOut: [],
    remarks: [...remarks, ...overrun],
  };
}

export interface Page {
  markdown: string;
  /** By file name. */
  charts: Map<string, string>;
}

const introduction = `Transfers over networks made by [tools/wan](../../tools/wan/README.md): the TCP of the kernel at both ends, and a bad
network between them. All contenders of a case ran interleaved, each sample on a fresh network, every round with a seed
of its own. From the client to the server; there and back for messages, which are echoed. Each figure: median
(lowest..highest of the rounds).

Warm-up is the same for all: goodput and pauses are those behind the first 2.5 seconds of the transfer, which are
shown as *at first*. Our connections between the proxies stay open, so their short transfers find them warm; those of
the others begin with a handshake, as they do for whoever uses them. The free flows have no order to restore: what they
get together is the ceiling. *Sent again* is the share of the data that our trunk sent more than once; *reorder* is
the most that waited at the receiver for what was in front of it; *overhead* is everything else on our connections,
both ways; CPU is that of all proxies together, and of little data mostly that of being there. With fewer than 1000
messages, p99.9 is the slowest of them. What waited for its turn when the warm-up ended counts as goodput, which may
bring it a little above what the link carries.`;

export function pageOf(data: WanData): Page {
  const measured = measuredCases(data);
  const parts = ['# Bad networks, compared', '', introduction, '', ...origin(data), ''];
  parts.push('## Goodput, Mbit/s', '', markdownTable(overview(data, measured)), '');
  parts.push('## Against the bars', '', ...bars(data, measured));
  const charts = new Map<string, string>();
  for (const name of new Set(measured.map(({ one }) => one.name))) {
    const its = measured.filter(({ one }) => one.name === name);
    const file = `wan-${basename(name, '.wan').replaceAll(/[^\w-]+/g, '-')}.svg`;
    parts.push('', `## ${name}`, '', `![Charts of the figures below](${file})`);
    const rows = data.rows.filter(({ scenario }) => scenario === name);
    const run = describe(data, rows, []);
    if (run === null) continue;
    const widely = its.length <= 4;
    const groups = its.flatMap(({ one, congestion }) =>
      groupsOf(one, congestion, `${one.title}; ${congestion}`, widely),
    );
    // What all panels have in common is over them.
    const panels = its.flatMap(({ one, congestion }) =>
      groupsOf(one, congestion, [...one.variables, congestion].join(', '), widely),
    );
    const titles = new Set(its.map(({ one }) => one.title));
    const heading = titles.size === 1 ? `${name}: ${[...titles][0]}` : name;
    const results = together(data, its);
    charts.set(file, chart({ heading, groups: panels }, results, run));
    for (const table of tables({ groups }, results, run))
      parts.push('', `### ${table.title}`, '', table.note, '', markdownTable(table.rows));
    for (const { contender, round, reason } of results.failures)
      parts.push('', `Failed: ${contender}, round ${round}: ${reason}`);
  }
  return { markdown: `${parts.join('\n')}\n`, charts };
}

function together(data: WanData, measured: readonly Measured[]): Results {
  const all = new Results();
  for (const { id } of measured) {
    const { samples, failures } = resultsOf(data, id);
    all.samples.push(...samples);
    all.failures.push(...failures);
  }
  return all;
}

/** The commands that made it, and where. */
function origin(data: WanData): string[] {
  const commands = [...new Set(data.runs.map(({ command }) => command))];
  const machines = new Set<string>();
  for (const [i] of data.runs.entries()) {
    const rows = data.rows.filter(({ run }) => run === i);
    const run = describe(data, rows, []);
    if (run !== null) machines.add(machineLines(run)[0] ?? '');
  }
  const seconds = new Set(data.runs.map(({ lengths }) => lengths.totalMs / 1000));
  const dates = data.runs.map(({ date }) => date).sort();
  return [
    'All samples: [wan.json](wan.json). Made by',
    '',
    '```',
    ...commands,
    '```',
    '',
    `${[...machines].join('; ')}; ${[...new Set([dates.at(0), dates.at(-1)])].join(' to ')}; long transfers of ` +
      `${[...seconds].join(' or ')} s`,
  ];
}

/** Contenders with four connections, or without any, side by side. */
function overview(data: WanData, measured: readonly Measured[]): string[][] {
  const shown = contendersIn(data.rows).filter(
    ({ name }) => name === 'flows-1' || !/\d$/.test(name) || /-4$/.test(name),
  );
  const heading = ['', ...shown.map(({ title }) => title)];
  const lines = measured.map(({ one, congestion, id }) => {
    const results = resultsOf(data, id);
    const cell = ({ name }: { name: string }) =>
      formatSummary(results.summary({ contender: name, measure: `wan:${id}`, name: 'mbitPerSecond' }), 1);
    return [`${one.title}; ${congestion}`, ...shown.map(cell)];
  });
  return [heading, ...lines];
}

function bars(data: WanData, measured: readonly Measured[]): string[] {
  const verdicts = measured.flatMap(({ one, congestion, id }) =>
    judge(one, congestion, resultsOf(data, id)).map((verdict) => ({
      ...verdict,
      what: `${one.title}; ${congestion}: ${verdict.what}`,
    })),
  );
  const known = verdicts.filter(({ met }) => met !== null);
  const met = known.filter((verdict) => verdict.met);
  const table = verdictTable(known);
  return [`${met.length} of ${known.length} are met. ${table.note}`, '', markdownTable(table.rows)];
}
