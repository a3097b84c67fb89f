/** All that is shown of one trunk: the table of its carriers, the charts, and what happened. */

import type { Scene } from './axes.ts';
import { CarriersTable } from './carriers_table.ts';
import { CarrierChart } from './chart.ts';
import { make, part, setText } from './elements.ts';
import type { Happening } from './happenings.ts';
import type { TrunkHistory } from './history.ts';
import { Lanes } from './lanes.ts';
import { rateUnit } from './numbers.ts';
import type { Verdict } from './verdict.ts';
import { Windows } from './windows.ts';

const EVENTS_SHOWN = 100;
const PER_SECOND = { name: 'segments/s', size: 1 };
const MILLISECONDS = { name: 'ms', size: 1 };

export class TrunkView {
  readonly #table: CarriersTable;
  readonly #charts: readonly CarrierChart[];
  readonly #lanes: Lanes;
  readonly #windows: Windows;
  #lastEvent: Happening | null = null;

  /** @param onPick another carrier is to be looked at alone, or none */
  constructor(onPick: () => void) {
    this.#table = new CarriersTable(onPick);
    const chart = (id: string, options: ConstructorParameters<typeof CarrierChart>[1]) =>
      new CarrierChart(part(id), options);
    this.#charts = [
      chart('chart-traffic', {
        label: 'Traffic of each carrier, sent and received, stacked',
        metric: 'traffic',
        kind: 'stack',
        height: 200,
        // The lanes are right below it, and have it.
        timeAxis: false,
        least: 12_500,
        unit: rateUnit,
      }),
      chart('chart-share', {
        label: 'Share of each carrier in the traffic',
        metric: 'traffic',
        kind: 'share',
        height: 180,
        least: 1,
        unit: rateUnit,
      }),
      chart('chart-rtt', {
        label: 'Round trip of each carrier, smoothed by TCP',
        metric: 'srttMs',
        kind: 'lines',
        height: 180,
        least: 1,
        unit: () => MILLISECONDS,
      }),
      chart('chart-retransmits', {
        label: 'Segments that TCP sent again on each carrier, stacked',
        metric: 'retransmits',
        kind: 'steps',
        height: 204,
        least: 4,
        unit: () => PER_SECOND,
      }),
    ];
    this.#lanes = new Lanes(part('chart-lanes'));
    this.#windows = new Windows(part('windows'));
  }

  /** The carrier that is to be seen alone, or null. */
  get picked(): number | null {
    return this.#table.picked;
  }

  draw(history: TrunkHistory, happenings: readonly Happening[], verdict: Verdict, scene: Scene): void {
    const { tracks, times } = history;
    this.#table.show(tracks, verdict);
    for (const chart of this.#charts) chart.draw(tracks, times, scene);
    this.#lanes.draw(tracks, times, happenings, scene);
    this.#windows.draw(tracks, times, scene);
    this.#list(happenings);
  }

  describe(): void {
    for (const chart of this.#charts) chart.describe();
    this.#lanes.describe();
    this.#windows.describe();
  }

  #list(happenings: readonly Happening[]): void {
    const last = happenings.at(-1) ?? null;
    if (last === this.#lastEvent) return;
    this.#lastEvent = last;
    setText(part('happened-count'), `(${happenings.length})`);
    const items = happenings.slice(-EVENTS_SHOWN).reverse();
    part('events').replaceChildren(
      ...items.map(({ seconds, text }) => {
        const date = new Date(seconds * 1000);
        const time = make('time', { datetime: date.toISOString() }, date.toLocaleTimeString());
        return make('li', {}, time, text);
      }),
    );
  }
}
