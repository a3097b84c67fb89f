/** What apps and targets sent each other over the last minutes, where there are no carriers to speak of. */

import { baseOptions, type Scene, timeAxis, valueAxis } from './axes.ts';
import { make, setAttribute } from './elements.ts';
import { type Column, KEPT } from './history.ts';
import { brief, formatRate, rateUnit } from './numbers.ts';
import { colourOf, dashOf, faded } from './palette.ts';
import { scaleOf, splitsOf } from './scales.ts';

const HEIGHT = 220;
const LEAST = 12_500;

export class AppsChart {
  readonly #host: HTMLElement;
  readonly #caption: HTMLElement;
  readonly #times: number[] = [];
  readonly #forward: Column = [];
  readonly #backward: Column = [];
  #plot: uPlot | null = null;
  #made = '';
  #scene: Scene | null = null;
  #scale = { end: LEAST, step: LEAST };

  constructor(host: HTMLElement) {
    this.#caption = make('p', { class: 'hint' });
    this.#host = make('div', { role: 'img' });
    host.append(make('figcaption', {}, this.#caption), this.#host);
    new ResizeObserver(() => {
      const width = this.#host.clientWidth;
      if (this.#plot !== null && width > 0 && width !== this.#plot.width)
        this.#plot.setSize({ width, height: HEIGHT });
    }).observe(this.#host);
  }

  /** Bytes per second; null where nothing is known. */
  add(rates: { readonly forward: number; readonly backward: number } | null, atMs: number): void {
    this.#times.push(atMs / 1000);
    this.#forward.push(rates?.forward ?? null);
    this.#backward.push(rates?.backward ?? null);
    for (const column of [this.#times, this.#forward, this.#backward])
      column.splice(0, Math.max(0, column.length - KEPT));
  }

  draw(scene: Scene): void {
    this.#scene = scene;
    const from = Math.max(0, this.#times.findIndex((time) => time >= scene.now - scene.seconds) - 1);
    const data = [this.#times, this.#forward, this.#backward].map((column) => column.slice(from));
    const most = Math.max(LEAST, ...[...(data[1] ?? []), ...(data[2] ?? [])].map((value) => value ?? 0));
    const unit = rateUnit(most);
    this.#scale = scaleOf(most, unit, 4);
    const made = JSON.stringify(scene.theme);
    if (this.#plot === null || made !== this.#made) {
      this.#made = made;
      this.#plot?.destroy();
      this.#plot = this.#make(scene, data as unknown as uPlot.AlignedData);
      this.#host.replaceChildren(this.#plot.root);
    } else this.#plot.setData(data as unknown as uPlot.AlignedData);
    this.#caption.textContent = `${unit.name}. Filled: from apps to targets. Dashed: back.`;
    const last = (column: Column) => formatRate(column.at(-1) ?? 0);
    const text = `Throughput: from apps to targets ${last(this.#forward)}, back ${last(this.#backward)}`;
    setAttribute(this.#host, 'aria-label', text);
  }

  #make(scene: Scene, data: uPlot.AlignedData): uPlot {
    const now = () => this.#scene as Scene;
    const { xScale, ...base } = baseOptions(now, this.#host.clientWidth, HEIGHT);
    const colours = [colourOf(scene.theme, 0), colourOf(scene.theme, 1)] as const;
    return new uPlot(
      {
        ...base,
        scales: { x: xScale, y: { range: () => [0, this.#scale.end] } },
        axes: [
          timeAxis(now),
          valueAxis(
            scene.theme,
            () => splitsOf(this.#scale),
            (at) => at.map((value) => brief(value, rateUnit(this.#scale.end))),
          ),
        ],
        series: [
          {},
          { stroke: colours[0], fill: faded(colours[0], 0.35), width: 2, points: { show: false } },
          { stroke: colours[1], dash: dashOf(1), width: 2, points: { show: false } },
        ],
      },
      data,
    );
  }
}
