// The command line of the WAN benchmark.

import { parseArgs } from 'node:util';
import { positive, UsageError } from '../compare/arguments.ts';
import { type Case, cases, chooseCases, quickCases } from './cases.ts';
import type { Carriers } from './contenders.ts';
import type { Lengths } from './sample.ts';

export const usage = `usage: wan.js [--quick] [--only SCENARIO,...] [--set NAME=VALUE]... [--cc NAME,...] [--carriers N,...]
              [--contenders NAME,...] [--part NAME,...] [--runs N] [--seed N] [--save [--resume] [--out DIR]]

Compares transfers over bad networks, interleaved: one flow, as many free flows as there are carriers (the ceiling),
the kernel's MPTCP, the plain relay, the striped pair, and the same in round robin. Needs root: see tools/wan/README.md.
  --quick       a first look, some minutes: four scenarios, cubic, one short run of each; all of it takes hours
  --only        scenarios of tools/wan/scenarios, or files of your own (default: all that there are cases for)
  --set         values for what the scenarios declare: loss=1%
  --cc          congestion controls, of apps and carriers alike (cubic,bbr)
  --carriers    numbers of carriers (4; with flow-cap 1,2,4,8,16,auto)
  --contenders  only these: flows-1, relay, flows-4, mptcp-4, round-robin-4, striped-4, striped-bbr-4
  --part        bulk, small: a long transfer with messages beside it; short transfers and messages alone (both); one of
                them is added to what was saved of the other
  --runs        of each contender; every run has its own seed (3)
  --seed        of the first run (1)
  --save        writes wan.json, wan.md and charts; each case that was measured replaces what was saved of it, and the
                rest stays, so that it may be done in pieces; with --contenders, only theirs is replaced
  --resume      measures only what is not there yet
  --out DIR     where they are (docs/benchmarks)`;

export type Part = 'bulk' | 'small';
const partNames: readonly Part[] = ['bulk', 'small'];

export interface WanPlan {
  cases: Case[];
  congestions: string[];
  /** Null: those of each case. */
  carriers: Carriers[] | null;
  /** Null: everybody. */
  contenders: string[] | null;
  parts: Part[];
  runs: number;
  seed: number;
  lengths: Lengths;
  resume: boolean;
  save: string | null;
}

const fullLengths: Lengths = { warmUpMs: 2500, totalMs: 12_000, messages: 40, uploads: 10, uploadMs: 1500 };
const quickLengths: Lengths = { warmUpMs: 2500, totalMs: 8000, messages: 20, uploads: 3, uploadMs: 500 };

export function parseWanPlan(args: string[], defaultFolder: string): WanPlan | 'help' {
  const values = parse(args);
  if (values.help === true) return 'help';
  const quick = values.quick === true;
  if (values.resume === true && values.save !== true) throw new UsageError('--resume goes with --save');
  const variables = values.set ?? [];
  if (variables.length > 0 && values.only === undefined) throw new UsageError('--set goes with --only');
  return {
    cases:
      values.only === undefined
        ? [...(quick ? quickCases : cases)]
        : chooseCases(list(values.only), variables),
    congestions: list(values.cc ?? (quick ? 'cubic' : 'cubic,bbr')),
    carriers: carriersOf(values.carriers ?? (quick ? '4' : undefined)),
    contenders: values.contenders === undefined ? null : list(values.contenders),
    parts: list(values.part ?? 'bulk,small').map(part),
    runs: positive('--runs', values.runs ?? (quick ? '1' : '3')),
    seed: positive('--seed', values.seed ?? '1'),
    lengths: quick ? quickLengths : fullLengths,
    resume: values.resume === true,
    save: values.save === true ? (values.out ?? defaultFolder) : null,
  };
}

function parse(args: string[]) {
  try {
    const text = { type: 'string' } as const;
    const flag = { type: 'boolean' } as const;
    const options = {
      quick: flag,
      only: text,
      set: { type: 'string', multiple: true },
      cc: text,
      carriers: text,
      contenders: text,
      part: text,
      runs: text,
      seed: text,
      save: flag,
      resume: flag,
      out: text,
      help: flag,
    } as const;
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function list(text: string): string[] {
  return text.split(',').map((word) => word.trim());
}

function carriersOf(text: string | undefined): Carriers[] | null {
  if (text === undefined) return null;
  return list(text).map((word) => (word === 'auto' ? word : positive('--carriers', word)));
}

function part(word: string): Part {
  const name = partNames.find((one) => one === word);
  if (name === undefined) throw new UsageError(`--part takes ${partNames.join(' and ')}, not '${word}'`);
  return name;
}
