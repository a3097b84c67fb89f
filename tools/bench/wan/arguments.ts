// The command line of the WAN benchmark.

import { parseArgs } from 'node:util';
import { UsageError } from '../compare/arguments.ts';
import type { Lengths } from './sample.ts';

export const usage = `usage: wan.js [--quick] [--scenario NAME,...] [--set NAME=VALUE]... [--cc NAME,...] [--carriers N,...]
              [--runs N] [--seed N] [--save [--out DIR]]

Compares transfers over bad networks, interleaved: one flow, as many free flows as there are carriers (the ceiling),
the kernel's MPTCP, the plain relay, and the striped pair. Needs root: see tools/wan/README.md.
  --quick      one run of each, shorter, with 4 carriers only
  --scenario   of tools/wan/scenarios, or files (flow-cap,loss,pair-near-far,one-blackholed)
  --set        another value for what the scenarios declare
  --cc         congestion controls, of apps and carriers alike (cubic,bbr)
  --carriers   numbers of carriers (1,4,8)
  --runs       of each contender; every run has its own seed (3)
  --seed       of the first run (1)
  --save       writes the samples and a chart for each scenario
  --out DIR    where to (docs/benchmarks/wan)`;

export interface WanPlan {
  scenarios: string[];
  variables: string[];
  congestions: string[];
  carriers: number[];
  runs: number;
  seed: number;
  lengths: Lengths;
  save: string | null;
}

export function parseWanPlan(args: string[], defaultFolder: string): WanPlan | 'help' {
  const values = parse(args);
  if (values.help === true) return 'help';
  const quick = values.quick === true;
  const list = (text: string) => text.split(',').map((word) => word.trim());
  return {
    scenarios: list(values.scenario ?? 'flow-cap,loss,pair-near-far,one-blackholed'),
    variables: values.set ?? [],
    congestions: list(values.cc ?? 'cubic,bbr'),
    carriers: list(values.carriers ?? (quick ? '4' : '1,4,8')).map((text) => positive('--carriers', text)),
    runs: positive('--runs', values.runs ?? (quick ? '1' : '3')),
    seed: positive('--seed', values.seed ?? '1'),
    lengths: quick ? { warmUpMs: 2500, totalMs: 8000 } : { warmUpMs: 2500, totalMs: 12_000 },
    save: values.save === true ? (values.out ?? defaultFolder) : null,
  };
}

function parse(args: string[]) {
  try {
    const text = { type: 'string' } as const;
    const flag = { type: 'boolean' } as const;
    const options = {
      quick: flag,
      scenario: text,
      set: { type: 'string', multiple: true },
      cc: text,
      carriers: text,
      runs: text,
      seed: text,
      save: flag,
      out: text,
      help: flag,
    } as const;
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`${option} takes whole numbers from 1, not '${text}'`);
  return value;
}
