// The command line of a comparison, and what its words mean for the plan of the run.

import { parseArgs } from 'node:util';
import type { Comparison } from './comparison.ts';
import { type Measure, type Settings, usualSettings } from './measure.ts';

export interface Plan {
  only: string[] | null;
  measures: { measure: Measure; rounds: number }[];
  settings: Settings;
  out: string;
  pinned: boolean;
  /** No new sample is begun after this. */
  budgetMs: number;
}

export class UsageError extends Error {}

export function usage({ name, compares, contenders, plan, budgetSeconds }: Comparison): string {
  const minutes = (seconds: number) => Math.ceil(seconds / 60);
  const capped = plan.filter(({ most }) => most !== undefined).map(({ measure }) => measure.name);
  return `usage: ${name}.js [--quick] [--rounds N] [--only NAME,...] [--measure NAME,...] [--out DIR] [--no-pin]

Compares ${compares}, interleaved, on loopback.
  --quick      short samples and few rounds: under ${minutes(budgetSeconds.quick)} minutes (a full run: under ${minutes(budgetSeconds.full)})
  --rounds N   rounds of each measure; fewer of ${capped.join(', ')}
  --only       contenders: ${contenders.map(({ name }) => name).join(', ')}
  --measure    measures: ${plan.map(({ measure }) => measure.name).join(', ')}
  --out DIR    where ${name}.json, ${name}.svg and ${name}.md go (docs/benchmarks)
  --no-pin     let the scheduler place relay and load; otherwise each has its own CPU`;
}

export function parsePlan(comparison: Comparison, args: string[], defaultOut: string): Plan | 'help' {
  const values = parse(args);
  if (values.help === true) return 'help';
  const quick = values.quick === true;
  const asked = values.rounds === undefined ? undefined : positive('--rounds', values.rounds);
  const { plan, contenders, budgetSeconds, settings } = comparison;
  const measures = plan.map(({ measure }) => measure.name);
  const wanted = chosen('--measure', values.measure, measures) ?? measures;
  return {
    only: chosen(
      '--only',
      values.only,
      contenders.map(({ name }) => name),
    ),
    measures: plan
      .filter(({ measure }) => wanted.includes(measure.name))
      .map(({ measure, full, quick: few, most = Number.POSITIVE_INFINITY }) => ({
        measure,
        rounds: Math.min(asked ?? (quick ? few : full), most),
      })),
    settings: { ...usualSettings(quick), ...settings },
    out: values.out ?? defaultOut,
    pinned: values['no-pin'] !== true,
    budgetMs: (quick ? budgetSeconds.quick : budgetSeconds.full) * 1000,
  };
}

function parse(args: string[]) {
  try {
    const text = { type: 'string' } as const;
    const flag = { type: 'boolean' } as const;
    const options = {
      quick: flag,
      rounds: text,
      only: text,
      measure: text,
      out: text,
      'no-pin': flag,
      help: flag,
    };
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

export function positive(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`${option} takes a whole number from 1, not '${text}'`);
  return value;
}

function chosen<Name extends string>(
  option: string,
  text: string | undefined,
  known: readonly Name[],
): Name[] | null {
  if (text === undefined) return null;
  return text.split(',').map((word) => {
    const name = known.find((one) => one === word.trim());
    if (name === undefined)
      throw new UsageError(`${option} does not know '${word}'; it knows: ${known.join(', ')}`);
    return name;
  });
}
