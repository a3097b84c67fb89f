// The networks that are compared on, and what is known of each: scenarios of tools/wan, some of them with several values.

import type { Carriers } from './contenders.ts';
import type { Scenario } from './network.ts';

export interface Case extends Scenario {
  title: string;
  /** Numbers of carriers, unless others are asked for. */
  carriers: readonly Carriers[];
  /** What four connections have together, and the longest of their paths; null where nobody has said. */
  link: { mbit: number; rttMs: number; queueMs: number } | null;
  /** What striping is to show here, beside what it has to show everywhere. */
  bar: 'flows' | 'sum' | 'pause' | 'resume' | null;
  /** Nothing happens in it. */
  quiet: boolean;
  /** A plain flow of somebody else has its share of the bottleneck. */
  rival: boolean;
}

/** When all paths of `all-dead` are back, after the beginning. */
export const returnsAtMs = 6000;
/** What a path queues when its scenario does not say otherwise. */
const queueMs = 100;

function one(name: string, title: string, mbit: number, rttMs: number, more: Partial<Case> = {}): Case {
  const link = { mbit, rttMs, queueMs };
  return { name, variables: [], title, carriers: [4], link, bar: null, quiet: true, rival: false, ...more };
}

const losses = ['0%', '0.1%', '1%', '3%'];
const roundTrips = [10, 50, 100, 200];

const grid = losses.flatMap((loss) =>
  roundTrips.map((rttMs) =>
    one('loss', `200 Mbit/s, ${loss.replace('%', ' %')} lost, RTT ${rttMs} ms`, 200, rttMs, {
      variables: [`loss=${loss}`, `rtt=${rttMs}ms`],
      bar: 'flows',
    }),
  ),
);

export const cases: readonly Case[] = [
  one('flow-cap', '20 Mbit/s for each flow', 80, 50, { carriers: [1, 2, 4, 8, 16, 'auto'], bar: 'flows' }),
  ...grid,
  one('pair-lossy', '25 Mbit/s, 24 ms, 1 % lost, and 5 Mbit/s, 64 ms', 30, 64, { bar: 'sum' }),
  one('pair-uneven', '8.6 Mbit/s and 0.3 Mbit/s', 8.9, 40, { bar: 'sum' }),
  one('pair-near-far', '30 Mbit/s, 1 ms, and 10 Mbit/s, 50 ms', 40, 50, { bar: 'sum' }),
  one('one-lossy', 'four of 20 Mbit/s, one loses 5 %', 80, 50),
  one('one-slow', 'three of 20 Mbit/s, one of 1 Mbit/s', 61, 50),
  one('one-blackholed', 'four of 20 Mbit/s, one is swallowed from 3 s on', 80, 50, {
    bar: 'pause',
    quiet: false,
  }),
  one('one-dies', 'four of 20 Mbit/s, one is reset at 3 s and back at 6 s', 80, 50, { quiet: false }),
  one('one-freezes', 'four of 20 Mbit/s, one stands still for 2 s at 3 s', 80, 50, { quiet: false }),
  one('one-flaps', 'four of 20 Mbit/s, one is away for half a second of every two', 80, 50, { quiet: false }),
  one('all-dead', 'four of 20 Mbit/s, all swallowed from 3 s to 6 s', 80, 50, {
    bar: 'resume',
    quiet: false,
  }),
  one('rate-steps', 'two of 1 to 20 Mbit/s, at random', 20, 50, { quiet: false }),
  one('shared', '50 Mbit/s, shared with a plain flow of another', 50, 50, { rival: true }),
  one('two-uplinks', 'two uplinks of 10 Mbit/s, 20 ms and 45 to 55 ms', 20, 55, { bar: 'sum' }),
];

/** Enough for a first look. */
export const quickCases: readonly Case[] = cases.filter(
  ({ name, variables }) =>
    ['flow-cap', 'pair-near-far', 'one-blackholed'].includes(name) ||
    (variables.includes('loss=1%') && variables.includes('rtt=100ms')),
);

/** Names a case, with its congestion control, in the saved data. */
export function idOf({ name, variables }: Scenario, congestion: string): string {
  return [name, ...variables, congestion].join(' ');
}

/**
 * Those of the named scenarios, with these values where some are given; a scenario that is not among ours, or has other
 * values, is a case that nothing is known of.
 */
export function chooseCases(names: readonly string[], variables: readonly string[]): Case[] {
  return names.flatMap((name) => {
    const ours = cases.filter((one) => one.name === name);
    const meant = ours.filter((one) => variables.every((variable) => one.variables.includes(variable)));
    if (meant.length > 0) return meant;
    const title = variables.length === 0 ? name : `${name}, ${variables.join(', ')}`;
    const unknown = { variables: [...variables], title, carriers: [4], link: null, bar: null };
    return [{ name, ...unknown, quiet: false, rival: ours[0]?.rival ?? false }];
  });
}
