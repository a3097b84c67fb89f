// The run as something to read and to keep: text tables, a Markdown page and JSON.

import type { Machine } from '../host/machine.ts';
import type { Comparison } from './comparison.ts';
import type { Settings } from './measure.ts';
import type { Results, Summary } from './results.ts';
import type { Verdict } from './verdict.ts';
import { figureOf, type Quantity, type Row, rowsOf } from './views.ts';

export interface RunDescription {
  date: string;
  command: string;
  seconds: number;
  machine: Machine;
  cores: string;
  settings: Settings;
  contenders: { name: string; title: string; version: string }[];
  /** Contenders that could not take part, and why. */
  leftOut: string[];
  /** What else a reader must know of this run. */
  remarks: string[];
}

export interface Table {
  title: string;
  note: string;
  rows: string[][];
}

const dash = '–';

export function formatSummary(summary: Summary | null, digits: number): string {
  if (summary === null) return dash;
  const text = (value: number) => value.toFixed(digits);
  if (summary.samples === 1) return text(summary.median);
  return `${text(summary.median)} (${text(summary.min)}..${text(summary.max)})`;
}

/** Those of all groups of which anything was measured. */
export function tables(
  { groups }: Pick<Comparison, 'groups'>,
  results: Results,
  run: RunDescription,
): Table[] {
  const tables: Table[] = [];
  for (const group of groups) {
    const { title, note, quantities } = group;
    const rows = rowsOf(results, run.contenders, group);
    const measured = rows.filter((row) =>
      quantities.some((quantity) => figureOf(results, quantity, row) !== null),
    );
    if (measured.length === 0) continue;
    const heading = ['', ...quantities.map(({ label, unit }) => (unit === '' ? label : `${label}, ${unit}`))];
    const cell = (quantity: Quantity, row: Row) =>
      quantity.perSide || row.first ? formatSummary(figureOf(results, quantity, row), quantity.digits) : '';
    const cells = (row: Row) => [row.label, ...quantities.map((quantity) => cell(quantity, row))];
    tables.push({ title, note, rows: [heading, ...measured.map(cells)] });
  }
  return tables;
}

export function verdictTable(verdicts: Verdict[]): Table {
  const rows = verdicts.map(({ what, unit, comparison, bar, measured, met }) => [
    what,
    `${formatSummary(measured, 2)}${measured === null || unit === '' ? '' : ` ${unit}`}`,
    `${comparison} ${bar}${unit === '' ? '' : ` ${unit}`}`,
    met === null ? 'not measured' : met ? 'met' : 'not met',
  ]);
  return {
    title: 'Against the bars',
    note: 'Ratios are taken within each round; the median decides.',
    rows: [['', 'measured', 'bar', ''], ...rows],
  };
}

export function machineLines({
  machine,
  cores,
  contenders,
  date,
  seconds,
  leftOut,
  remarks,
}: RunDescription): string[] {
  const versions = [...new Set(contenders.map(({ version }) => version).filter((version) => version !== ''))];
  return [
    `${machine.cpu}, ${machine.cores} cores${machine.virtualised ? ' (a virtual machine)' : ''}, ${machine.memoryGiB} GiB, ` +
      `${machine.distribution}, ${machine.kernel}`,
    `${versions.join(', ')}; ${cores}; ${date}, ${Math.round(seconds)} s`,
    ...leftOut.map((reason) => `Left out: ${reason}`),
    ...remarks,
  ];
}

function failureLines(results: Results): string[] {
  return results.failures.map(
    ({ contender, measure, round, reason }) => `Failed: ${contender}, ${measure}, round ${round}: ${reason}`,
  );
}

export function terminalReport(
  comparison: Pick<Comparison, 'groups' | 'judge'>,
  results: Results,
  run: RunDescription,
): string {
  const parts = [...machineLines(run), ...failureLines(results)];
  for (const table of [...tables(comparison, results, run), verdictTable(comparison.judge(results))]) {
    parts.push('', `${table.title}. ${table.note}`, alignColumns(table.rows));
  }
  parts.push('', 'Each figure: median (lowest..highest of the rounds).');
  return `${parts.join('\n')}\n`;
}

function alignColumns(rows: string[][]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  const line = (row: string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('   ')
      .trimEnd();
  return rows.map((row) => `  ${line(row)}`).join('\n');
}

export function markdownReport(
  comparison: Comparison,
  results: Results,
  run: RunDescription,
  chartName: string,
  dataName: string,
): string {
  const parts = [
    `# ${comparison.heading}`,
    '',
    `All contenders ran interleaved in one run, on loopback. Load: the small C++ programs of tools/bench/load (128 KiB`,
    'writes; readers throw bytes away in the kernel). CPU: user and system time of the relay process and its children',
    `from /proc. Figures: median (lowest..highest of the rounds). All samples: [${dataName}](${dataName}).`,
    '',
    '```',
    run.command,
    '```',
    '',
    ...machineLines(run).map((line) => `- ${line}`),
    ...failureLines(results).map((line) => `- ${line}`),
    '',
    `![Chart of the figures below](${chartName})`,
  ];
  for (const table of [verdictTable(comparison.judge(results)), ...tables(comparison, results, run)]) {
    parts.push('', `## ${table.title}`, '', table.note, '', markdownTable(table.rows));
  }
  return `${parts.join('\n')}\n`;
}

export function markdownTable(rows: string[][]): string {
  const [heading = [], ...body] = rows;
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  const rule = line(heading.map((_, i) => (i === 0 ? '---' : '--:')));
  return [line(heading), rule, ...body.map(line)].join('\n');
}

export function jsonReport(comparison: Comparison, results: Results, run: RunDescription): string {
  const verdicts = comparison.judge(results);
  return `${JSON.stringify({ ...run, verdicts, failures: results.failures, samples: results.samples }, null, 1)}\n`;
}
