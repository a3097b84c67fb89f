// What is shown of the results, once, for the terminal, the document and the chart alike: quantities in groups, and
// rows that are contenders, or sides where a contender has more than one.

import type { MeasureName } from './contender.ts';
import type { Results, Summary } from './results.ts';

export interface Quantity {
  /** Column heading; with the group's title it says all. */
  label: string;
  unit: string;
  digits: number;
  measure: MeasureName;
  name: string;
  /** Whether each side has its own figure, or the contender has one. */
  perSide: boolean;
  /** Shown as the difference from `direct` in the same round. */
  added?: boolean;
  moreIsBetter?: boolean;
  charted: boolean;
}

export interface Group {
  title: string;
  note: string;
  quantities: Quantity[];
}

export interface Row {
  contender: string;
  title: string;
  side: string | undefined;
  label: string;
  /** The first of its contender's rows: the one that shows the figures of the whole. */
  first: boolean;
}

type Shape = Pick<Quantity, 'label' | 'unit' | 'digits' | 'name'>;

const whole = (measure: MeasureName, shape: Shape, more: Partial<Quantity> = {}): Quantity => ({
  ...shape,
  measure,
  perSide: false,
  charted: true,
  ...more,
});

const each = (measure: MeasureName, shape: Shape, more: Partial<Quantity> = {}): Quantity =>
  whole(measure, shape, { perSide: true, ...more });

function bulkGroup(measure: 'bulk-up' | 'bulk-down', title: string): Group {
  return {
    title,
    note: 'One connection. Relay and load busy: cores used meanwhile; a relay busy near 1.0 was the bottleneck itself.',
    quantities: [
      each(measure, { label: 'CPU per GB', unit: 's', digits: 3, name: 'cpuSecondsPerGB' }),
      whole(
        measure,
        { label: 'throughput', unit: 'Gbit/s', digits: 2, name: 'gbitPerSecond' },
        { moreIsBetter: true },
      ),
      whole(
        measure,
        { label: 'relay busy', unit: 'cores', digits: 2, name: 'relayBusyCores' },
        { charted: false },
      ),
      whole(
        measure,
        { label: 'load busy', unit: 'cores', digits: 2, name: 'loadBusyCores' },
        { charted: false },
      ),
      whole(
        measure,
        { label: 'others busy', unit: 'cores', digits: 2, name: 'otherBusyCores' },
        { charted: false },
      ),
    ],
  };
}

export const bulkUpGroup = bulkGroup('bulk-up', 'Bulk, client to target');
export const bulkDownGroup = bulkGroup('bulk-down', 'Bulk, target to client');

export const iperf3Group: Group = {
  title: 'iperf3 at both ends',
  note: 'One connection, up (client to target) and down; nothing pinned.',
  quantities: (['up', 'down'] as const).flatMap((way) => [
    whole(
      `iperf3-${way}`,
      { label: `${way}, throughput`, unit: 'Gbit/s', digits: 2, name: 'gbitPerSecond' },
      { moreIsBetter: true },
    ),
    whole(
      `iperf3-${way}`,
      { label: `${way}, CPU per GB`, unit: 's', digits: 3, name: 'cpuSecondsPerGB' },
      { charted: false },
    ),
  ]),
};

export const steadyGroup: Group = {
  title: 'Endurance',
  note: 'Short connections at a steady rate, answered or not: open, 1 KiB each way, end, see the end come back.',
  quantities: [
    whole(
      'steady',
      { label: 'connections', unit: '1/s', digits: 0, name: 'connectionsPerSecond' },
      { moreIsBetter: true, charted: false },
    ),
    whole('steady', { label: 'errors', unit: '', digits: 0, name: 'errors' }, { charted: false }),
    whole('steady', { label: 'p50', unit: 'ms', digits: 2, name: 'p50Ms' }, { charted: false }),
    whole('steady', { label: 'p99', unit: 'ms', digits: 2, name: 'p99Ms' }),
    whole('steady', { label: 'longest', unit: 'ms', digits: 1, name: 'maxMs' }, { charted: false }),
    whole(
      'steady',
      { label: 'relay busy', unit: 'cores', digits: 2, name: 'relayBusyCores' },
      { charted: false },
    ),
  ],
};

export const rateGroup: Group = {
  title: 'Short connections',
  note: '64 at a time: open, 1 KiB each way, close.',
  quantities: [
    whole(
      'rate',
      { label: 'connections', unit: '1/s', digits: 0, name: 'connectionsPerSecond' },
      { moreIsBetter: true },
    ),
    each('rate', { label: 'CPU per 1000', unit: 's', digits: 3, name: 'cpuSecondsPer1000' }),
    whole(
      'rate',
      { label: 'relay busy', unit: 'cores', digits: 2, name: 'relayBusyCores' },
      { charted: false },
    ),
    whole('rate', { label: 'errors', unit: '', digits: 0, name: 'errors' }, { charted: false }),
  ],
};

export const latencyGroup: Group = {
  title: 'Latency of a 1-byte echo',
  note: 'One connection, one byte under way, all processes on one core. Added: minus no relay, in the same round.',
  quantities: [
    whole('latency', { label: 'added p50', unit: 'µs', digits: 1, name: 'p50Us' }, { added: true }),
    whole('latency', { label: 'added p99', unit: 'µs', digits: 1, name: 'p99Us' }, { added: true }),
    whole('latency', { label: 'p50', unit: 'µs', digits: 1, name: 'p50Us' }, { charted: false }),
    whole('latency', { label: 'p99', unit: 'µs', digits: 1, name: 'p99Us' }, { charted: false }),
  ],
};

export const idleGroup: Group = {
  title: 'Memory per idle connection',
  note: "The process's growth per relayed connection; 1 KB is 1000 bytes. Memory of the kernel is not in it.",
  quantities: [
    each('idle', { label: 'RSS after echo', unit: 'KB', digits: 2, name: 'echoedRssKB' }),
    each('idle', { label: 'PSS after echo', unit: 'KB', digits: 2, name: 'echoedPssKB' }, { charted: false }),
    each(
      'idle',
      { label: 'RSS after connect', unit: 'KB', digits: 2, name: 'connectedRssKB' },
      { charted: false },
    ),
    each('idle', { label: 'empty process', unit: 'MB', digits: 1, name: 'emptyMB' }, { charted: false }),
  ],
};

export const stalledGroup: Group = {
  title: 'Stalled reader',
  note: 'The target never reads. Absorbed: all that the client could write, per connection, kernel buffers included.',
  quantities: [
    each('stalled', { label: 'process growth', unit: 'MB', digits: 3, name: 'grownMB' }),
    whole('stalled', { label: 'absorbed', unit: 'MB', digits: 2, name: 'absorbedMB' }, { charted: false }),
  ],
};

/** One row per contender, or, where a group has figures of sides, one per side. */
export function rowsOf(
  results: Results,
  contenders: readonly { name: string; title: string }[],
  group: Group,
): Row[] {
  const bySide = group.quantities.some(({ perSide }) => perSide);
  return contenders.flatMap(({ name, title }): Row[] => {
    const sides = results.sides(name);
    if (!bySide || sides.length < 2) {
      return [{ contender: name, title, side: sides[0], label: title, first: true }];
    }
    return sides.map(
      (side, i): Row => ({
        contender: name,
        title,
        side,
        label: `${title}: ${side}`,
        first: i === 0,
      }),
    );
  });
}

export function figureOf(results: Results, quantity: Quantity, row: Row): Summary | null {
  const { measure, name } = quantity;
  const figure = { contender: row.contender, measure, name };
  if (quantity.perSide) return row.side === undefined ? null : results.summary({ ...figure, side: row.side });
  if (!row.first) return null;
  if (quantity.added !== true) return results.summary(figure);
  return row.contender === 'direct' ? null : results.difference(figure, { ...figure, contender: 'direct' });
}
