// The saved data: rows of all runs, in pieces put together. A row is a sample, or why there is none. Pure.

import type { Failure, Sample } from '../compare/results.ts';
import { Results } from '../compare/results.ts';
import type { Machine } from '../host/machine.ts';
import { idOf } from './cases.ts';
import type { Figures } from './figures.ts';
import type { Lengths } from './sample.ts';

export interface Run {
  date: string;
  command: string;
  machine: Machine;
  lengths: Lengths;
}

export interface Row {
  scenario: string;
  variables: string[];
  congestion: string;
  contender: string;
  round: number;
  seed: number;
  figures: Figures | null;
  /** Where there are no figures. */
  reason?: string;
  /** Packets that were lost because the machine was too busy. */
  overrun: number;
  /** Which of the runs. */
  run: number;
}

export interface WanData {
  runs: Run[];
  rows: Row[];
}

export type Place = Pick<Row, 'scenario' | 'variables' | 'congestion' | 'contender' | 'round'>;

export const caseOf = ({ scenario, variables, congestion }: Place) =>
  idOf({ name: scenario, variables }, congestion);

/** Whether it has these figures. */
export function isThere({ rows }: WanData, place: Place, names: readonly string[]): boolean {
  const same = (row: Place) =>
    row.contender === place.contender && row.round === place.round && caseOf(row) === caseOf(place);
  return rows.some(
    ({ figures, ...row }) => figures !== null && names.every((name) => name in figures) && same(row),
  );
}

/** A run begins; those of which nothing was saved are forgotten. */
export function withRun(data: WanData, run: Run): WanData {
  const { runs, rows } = forgetRuns(data);
  return { runs: [...runs, run], rows };
}

/** Without what was saved of a case, or of some contenders in it; runs of which nothing is left are forgotten. */
export function without(data: WanData, id: string, contenders: readonly string[] | null): WanData {
  const goes = (row: Row) =>
    caseOf(row) === id && (contenders === null || contenders.includes(row.contender));
  const current = data.runs.at(-1);
  const left = forgetRuns({ ...data, rows: data.rows.filter((row) => !goes(row)) });
  // It is about to have rows.
  return current === undefined || left.runs.includes(current)
    ? left
    : { ...left, runs: [...left.runs, current] };
}

/** With a row more, in place of the one that was there; figures that only the old one has stay, where they go together. */
export function withRow(data: WanData, row: Row, together = false): WanData {
  const isOld = (one: Row) =>
    one.contender === row.contender && one.round === row.round && caseOf(one) === caseOf(row);
  const old = data.rows.find(isOld)?.figures ?? null;
  const figures = together && old !== null && row.figures !== null ? { ...old, ...row.figures } : row.figures;
  return { ...data, rows: [...data.rows.filter((one) => !isOld(one)), { ...row, figures }] };
}

function forgetRuns({ runs, rows }: WanData): WanData {
  const kept = runs.flatMap((_, i) => (rows.some(({ run }) => run === i) ? [i] : []));
  return {
    runs: kept.map((i) => runs[i] as Run),
    rows: rows.map((row) => ({ ...row, run: kept.indexOf(row.run) })),
  };
}

/** The rows of one case, as the other benchmarks have them. */
export function resultsOf({ rows }: WanData, id: string): Results {
  const results = new Results();
  for (const row of rows.filter((one) => caseOf(one) === id)) {
    const { contender, round, figures, reason = '' } = row;
    const measure = `wan:${id}` as const;
    const failure: Failure = { contender, measure, round, reason };
    const sample: Sample = { contender, measure, round, whole: figures ?? {}, sides: {} };
    if (figures === null) results.failures.push(failure);
    else results.samples.push(sample);
  }
  return results;
}

/** Further digits would tell nothing. */
function rounded(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
}

/** A row a line, so that what changes can be seen. */
export function dataText({ runs, rows }: WanData): string {
  const lines = (items: readonly unknown[]) => items.map((item) => JSON.stringify(item, rounded)).join(',\n');
  return `{"runs":[\n${lines(runs)}\n],\n"rows":[\n${lines(rows)}\n]}\n`;
}
