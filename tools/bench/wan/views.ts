// What is shown of a case, in the terms of the other benchmarks.

import type { MeasureName } from '../compare/contender.ts';
import type { Group, Quantity } from '../compare/views.ts';
import { type Case, idOf } from './cases.ts';
import { uploadSizes } from './figures.ts';

type Shape = [label: string, unit: string, digits: number, name: string];

/** @param widely whether more than goodput is charted */
export function groupsOf(one: Case, congestion: string, title: string, widely: boolean): Group[] {
  const measure: MeasureName = `wan:${idOf(one, congestion)}`;
  const quantity = ([label, unit, digits, name]: Shape, charted: boolean): Quantity => ({
    label,
    unit,
    digits,
    measure,
    name,
    perSide: false,
    moreIsBetter: name.endsWith('PerSecond'),
    charted,
  });
  const goodput = ['goodput', 'Mbit/s', 1, 'mbitPerSecond'] as const;
  const pause = ['longest pause', 'ms', 0, 'longestPauseMs'] as const;
  const bulk: Group = {
    title,
    note: `One long transfer.${one.rival ? ' Other flow: the plain one beside it.' : ''}`,
    quantities: [
      quantity([...goodput], true),
      quantity(['at first', 'Mbit/s', 1, 'firstMbitPerSecond'], false),
      ...(one.rival ? [quantity(['other flow', 'Mbit/s', 1, 'rivalMbitPerSecond'], true)] : []),
      quantity([...pause], widely && !one.quiet),
      ...(one.bar === 'resume' ? [quantity(['back after', 'ms', 0, 'resumedAfterMs'], false)] : []),
      quantity(['sent again', '%', 2, 'repeatedPercent'], false),
      quantity(['reorder', 'MB', 2, 'reorderMB'], false),
      quantity(['overhead', '%', 3, 'overheadPercent'], false),
      quantity(['CPU per GB', 's', 2, 'cpuSecondsPerGB'], false),
    ],
  };
  const uploads: Group = {
    title: `${title}: uploads`,
    note: 'Short transfers, each on a new connection, from connect to the answer that all is there.',
    quantities: uploadSizes.map(({ bytes, label, figure }) =>
      quantity([label, 'ms', 0, figure], widely && bytes >= 100_000),
    ),
  };
  const messages: Group = {
    title: `${title}: messages`,
    note: 'Of 200 bytes, there and back, one every 100 ms; alone, and beside the long transfer.',
    quantities: (['alone', 'busy'] as const).flatMap((when) => {
      const words = when === 'alone' ? 'alone' : 'under bulk';
      return [
        quantity([`${words}, p50`, 'ms', 1, `${when}P50Ms`], false),
        quantity([`${words}, p99`, 'ms', 1, `${when}P99Ms`], widely && when === 'busy'),
        quantity([`${words}, p99.9`, 'ms', 1, `${when}P999Ms`], false),
        quantity([`${words}, lost`, '', 0, `${when}Lost`], false),
      ];
    }),
  };
  return [bulk, uploads, messages];
}
