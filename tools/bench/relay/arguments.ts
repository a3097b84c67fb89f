// The command line of the relay benchmark, and what its words mean for the plan of the run.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { MeasureName } from './contender.ts';
import { contenders } from './contenders.ts';
import type { Settings } from './measure.ts';

export interface Plan {
  only: string[] | null;
  measures: MeasureName[] | null;
  /** How often each measure is taken; those of memory hold steady and take long, so they are taken less often. */
  rounds: Record<MeasureName, number>;
  settings: Settings;
  out: string;
  pinned: boolean;
  /** No new sample is begun after this. */
  budgetMs: number;
}

export const usage = `usage: relay.js [--quick] [--rounds N] [--only NAME,...] [--measure NAME,...] [--out DIR] [--no-pin]

Compares tcp-proxy -r and the pair with other relays, interleaved, on loopback.
  --quick      short samples and few rounds: under 3 minutes (a full run: under 15)
  --rounds N   rounds of bulk, rate and latency; memory is measured at most 3 times
  --only       contenders: ${contenders.map(({ name }) => name).join(', ')}
  --measure    measures: bulk-up, bulk-down, rate, latency, idle, stalled
  --out DIR    where relay.json, relay.svg and relay.md go (docs/benchmarks)
  --no-pin     let the scheduler place relay and load; otherwise each has its own CPU`;

export class UsageError extends Error {}

const measureNames: readonly MeasureName[] = ['bulk-up', 'bulk-down', 'rate', 'latency', 'idle', 'stalled'];

export function parsePlan(args: string[], defaultOut: string): Plan | 'help' {
  const values = parse(args);
  if (values.help === true) return 'help';
  const quick = values.quick === true;
  const asked = values.rounds === undefined ? undefined : positive('--rounds', values.rounds);
  const bulk = asked ?? (quick ? 2 : 6);
  const timed = asked ?? (quick ? 2 : 4);
  const memory = Math.min(asked ?? 2, quick ? 1 : 3);
  return {
    only: chosen(
      '--only',
      values.only,
      contenders.map(({ name }) => name),
    ),
    measures: chosen('--measure', values.measure, measureNames),
    rounds: {
      'bulk-up': bulk,
      'bulk-down': bulk,
      rate: timed,
      latency: timed,
      idle: memory,
      stalled: memory,
    },
    settings: settings(quick),
    out: values.out ?? defaultOut,
    pinned: values['no-pin'] !== true,
    budgetMs: (quick ? 165 : 870) * 1000,
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

function positive(option: string, text: string): number {
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

function settings(quick: boolean): Settings {
  return {
    bulkMs: quick ? 600 : 2000,
    rateMs: quick ? 600 : 2000,
    warmUpMs: quick ? 200 : 400,
    rateConcurrency: 64,
    rateMessageBytes: 1024,
    roundTrips: quick ? 4000 : 20_000,
    idleConnections: Math.min(5000, Math.floor((descriptorLimit() - 500) / 2)),
    idleSettleMs: quick ? 300 : 1000,
    stalledConnections: 50,
    stalledQuietMs: quick ? 1000 : 2000,
  };
}

/** A relay takes two descriptors per connection. */
function descriptorLimit(): number {
  const line = readFileSync('/proc/self/limits', 'utf8').match(/^Max open files\s+\S+\s+(\S+)/m)?.[1];
  return line === undefined || line === 'unlimited' ? 65_536 : Number(line);
}
