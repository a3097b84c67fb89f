// What a measure is, and how one sample of it is taken: a fresh target, a fresh relay, nothing else of ours running.

import { readFileSync } from 'node:fs';
import { Child, type CommandLine } from '../host/children.ts';
import type { CorePlan } from '../host/cores.ts';
import { awaitListening, freePort } from '../host/ports.ts';
import type { Missing } from '../host/programs.ts';
import { makeScratch, removeScratch } from '../host/scratch.ts';
import { type Contender, type MeasureName, RunningContender } from './contender.ts';

export interface Settings {
  bulkMs: number;
  rateMs: number;
  warmUpMs: number;
  rateConcurrency: number;
  rateMessageBytes: number;
  roundTrips: number;
  idleConnections: number;
  idleSettleMs: number;
  stalledConnections: number;
  stalledQuietMs: number;
  iperfSeconds: number;
  steadyPerSecond: number;
  steadySeconds: number;
}

export function usualSettings(quick: boolean): Settings {
  return {
    bulkMs: quick ? 600 : 2000,
    rateMs: quick ? 600 : 2000,
    warmUpMs: quick ? 200 : 400,
    rateConcurrency: 64,
    rateMessageBytes: 1024,
    roundTrips: quick ? 4000 : 20_000,
    idleConnections: 5000,
    idleSettleMs: quick ? 300 : 1000,
    stalledConnections: 50,
    stalledQuietMs: quick ? 1000 : 2000,
    iperfSeconds: quick ? 1 : 3,
    steadyPerSecond: 2000,
    steadySeconds: quick ? 4 : 60,
  };
}

/** So many connections at once can a relay have that takes so many descriptors for each. */
export function mostConnections(descriptorsEach: number): number {
  const line = readFileSync('/proc/self/limits', 'utf8').match(/^Max open files\s+\S+\s+(\S+)/m)?.[1];
  const limit = line === undefined || line === 'unlimited' ? 65_536 : Number(line);
  return Math.floor((limit - 500) / descriptorsEach);
}

/** Figures by name, the unit in the name; those of the whole, and those of each side. */
export interface Figures {
  whole: Record<string, number>;
  sides: Record<string, Record<string, number>>;
}

export interface Bench {
  contender: RunningContender;
  target: Child;
  cores: CorePlan;
  settings: Settings;
}

export interface Measure {
  name: MeasureName;
  /** The program that the client talks to through the relay. */
  target(port: number): CommandLine;
  /** Where they run, if they are pinned at all: relay and load apart (default), all on one CPU, or not pinned. */
  placed?: 'together' | 'anywhere';
  /** What has to be installed for it. */
  missing?(): Missing | null;
  take(bench: Bench): Promise<Figures>;
}

export async function takeSample(
  measure: Measure,
  contender: Contender,
  plan: CorePlan,
  settings: Settings,
): Promise<Figures> {
  const cores = placed(plan, measure.placed);
  const directory = makeScratch();
  const targetPort = await freePort();
  const target = Child.start(measure.target(targetPort), { cpus: cores.target });
  let relay: RunningContender | null = null;
  try {
    if (!(await awaitListening(targetPort, () => !target.hasEnded))) {
      throw new Error(`the target does not listen: ${target.lastWords()}`);
    }
    const place = { listen: await freePort(), target: targetPort, directory };
    relay = await RunningContender.start(contender, place, cores.relay);
    return await measure.take({ contender: relay, target, cores, settings });
  } finally {
    await relay?.stop();
    await target.stop();
    removeScratch(directory);
  }
}

function placed(plan: CorePlan, how: Measure['placed']): CorePlan {
  if (how === 'together') return { ...plan, relay: plan.client, target: plan.client };
  if (how === 'anywhere') return { ...plan, relay: '', client: '', target: '' };
  return plan;
}

/** The same figure for each side, by the side's name. */
export function bySide(
  contender: RunningContender,
  name: string,
  values: number[],
): Record<string, Record<string, number>> {
  return Object.fromEntries(contender.sides.map((side, i) => [side.name, { [name]: values[i] ?? 0 }]));
}

export function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
