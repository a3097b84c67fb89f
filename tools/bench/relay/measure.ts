// What a measure is, and how one sample of it is taken: a fresh target, a fresh relay, nothing else of ours running.

import { Child } from '../host/children.ts';
import type { CorePlan } from '../host/cores.ts';
import { type LoadProgram, load } from '../host/load-programs.ts';
import { awaitListening, freePort } from '../host/ports.ts';
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
  target: LoadProgram;
  /** Client, relay and target on one CPU, where they are pinned at all. */
  onOneCore?: boolean;
  take(bench: Bench): Promise<Figures>;
}

export async function takeSample(
  measure: Measure,
  contender: Contender,
  plan: CorePlan,
  settings: Settings,
): Promise<Figures> {
  const cores = measure.onOneCore === true ? { ...plan, relay: plan.client, target: plan.client } : plan;
  const directory = makeScratch();
  const targetPort = await freePort();
  const target = Child.start(load(measure.target, targetPort), { cpus: cores.target });
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
