/**
 * A chart of one number of all carriers over the last minutes: stacked, as shares of the whole, or a line each.
 *
 * The number of each carrier now, or at the pointer, stands above it; where its line or its layer ends, its number.
 */

import { baseOptions, RIGHT, type Scene, swatch, timeAxis, valueAxis } from './axes.ts';
import { arrange, make, setAttribute, setText } from './elements.ts';
import type { CarrierTrack, Column, Metric } from './history.ts';
import { inUnit, type Unit } from './numbers.ts';
import { colourOf, dashOf, faded } from './palette.ts';
import { scaleOf, splitsOf, stacked } from './scales.ts';

export interface ChartOptions {
  /** What it shows, for those who do not see it: `Traffic of each carrier`. */
  readonly label: string;
  readonly metric: Metric;
  readonly kind: 'stack' | 'share' | 'lines' | 'steps';
  readonly height: number;
  /** Whether times stand below it; default true. */
  readonly timeAxis?: boolean;
  /** The scale holds at least so much, so that a whisper does not look like a storm. */
  readonly least: number;
  readonly unit: (most: number) => Unit;
}

const PERCENT: Unit = { name: '%', size: 0.01 };
const LABEL_PX = 12;

export class CarrierChart {
  readonly #options: ChartOptions;
  readonly #caption: HTMLElement;
  readonly #unitText: HTMLElement;
  readonly #values: HTMLElement;
  readonly #plotHost: HTMLElement;
  #plot: uPlot | null = null;
  /** What #plot was made for: other carriers or colours need another one. */
  #made = '';
  #scene: Scene | null = null;
  #tracks: readonly CarrierTrack[] = [];
  #raw: Column[] = [];
  #unit: Unit = PERCENT;
  #scale = { end: 1, step: 0.25 };
  readonly #readouts = new Map<number, { item: HTMLElement; value: HTMLElement }>();

  constructor(host: HTMLElement, options: ChartOptions) {
    this.#options = options;
    this.#unitText = make('li');
    this.#values = make('ul', { class: 'keys', 'aria-hidden': 'true' }, this.#unitText);
    this.#caption = make('figcaption', {}, this.#values);
    this.#plotHost = make('div', { role: 'img', 'aria-label': options.label });
    host.append(this.#caption, this.#plotHost);
    new ResizeObserver(() => this.#resize()).observe(this.#plotHost);
  }

  draw(tracks: readonly CarrierTrack[], times: readonly number[], scene: Scene): void {
    this.#scene = scene;
    this.#tracks = tracks;
    const from = Math.max(0, times.findIndex((time) => time >= scene.now - scene.seconds) - 1);
    const shown = times.slice(from);
    this.#raw = this.#numbers(from);
    const columns = this.#options.kind === 'lines' ? this.#raw : stacked(this.#raw);
    let most = this.#options.least;
    for (const column of columns)
      for (const value of column) if (value !== null && value > most) most = value;
    this.#unit = this.#options.kind === 'share' ? PERCENT : this.#options.unit(most);
    this.#scale = scaleOf(this.#options.kind === 'share' ? 1 : most, this.#unit, 4);
    const made = JSON.stringify([tracks.map(({ index }) => index), scene.theme, scene.picked]);
    if (this.#plot === null || made !== this.#made) {
      this.#made = made;
      this.#plot?.destroy();
      this.#plot = this.#make([shown, ...columns]);
      this.#plotHost.replaceChildren(this.#plot.root);
    } else this.#plot.setData([shown, ...columns]);
    this.#tell(this.#plot.cursor.idx ?? null);
  }

  /** In words, for those who do not see it: what it shows now. Not at each sample, lest it be read out for ever. */
  describe(): void {
    const values = this.#tracks.map(({ index }, i) => {
      const value = inUnit(this.#raw[i]?.at(-1) ?? null, this.#unit);
      return `carrier ${index}: ${value}`;
    });
    const text = `${this.#options.label}, in ${this.#unit.name}. Of late, ${values.join('; ')}`;
    setAttribute(this.#plotHost, 'aria-label', text);
  }

  #numbers(from: number): Column[] {
    const columns = this.#tracks.map(({ columns }) => columns[this.#options.metric].slice(from));
    if (this.#options.kind !== 'share') return columns;
    return columns.map((column) =>
      column.map((value, at) => {
        const total = columns.reduce((sum, other) => sum + (other[at] ?? 0), 0);
        return value === null || total === 0 ? null : value / total;
      }),
    );
  }

  #make(data: (number | null)[][]): uPlot {
    const { theme, picked } = this.#scene as Scene;
    const { kind, height } = this.#options;
    const scene = () => this.#scene as Scene;
    const { xScale, ...base } = baseOptions(scene, this.#plotHost.clientWidth, height);
    const filled = kind !== 'lines';
    const paths = kind === 'steps' ? uPlot.paths.stepped?.({ align: -1 }) : uPlot.paths.linear?.();
    const series = this.#tracks.map(({ index }): uPlot.Series => {
      const colour = colourOf(theme, index);
      const opacity = picked === null || picked === index ? 1 : 0.18;
      return {
        stroke: faded(colour, opacity),
        width: filled ? 1 : 2,
        points: { show: false },
        ...(filled ? { fill: faded(colour, opacity * 0.62) } : { dash: dashOf(index) }),
        ...(paths === undefined ? {} : { paths }),
      };
    });
    const options: uPlot.Options = {
      ...base,
      scales: { x: xScale, y: { range: () => [0, this.#scale.end] } },
      axes: [
        timeAxis(scene, this.#options.timeAxis),
        valueAxis(
          theme,
          () => splitsOf(this.#scale),
          (at) => at.map((value) => axisText(value, this.#unit, this.#scale.step)),
        ),
      ],
      series: [{}, ...series],
      // A layer lies on the one below it, and hides nothing of it.
      bands: filled ? series.slice(1).map((_, i): uPlot.Band => ({ series: [i + 2, i + 1] })) : [],
      hooks: {
        draw: [(plot) => this.#label(plot)],
        setCursor: [(plot) => this.#tell(plot.cursor.idx ?? null)],
      },
    };
    return new uPlot(options, data as unknown as uPlot.AlignedData);
  }

  /** The values at a place in time, or now. */
  #tell(at: number | null): void {
    const place = this.#plot?.cursor.left !== undefined && this.#plot.cursor.left >= 0 ? at : null;
    const { now } = this.#scene as Scene;
    const time = place === null ? null : (this.#plot?.data[0][place] ?? null);
    const when = time === null ? '' : `, ${Math.round(now - time)} s ago`;
    setText(this.#unitText, `${this.#unit.name}${when}`);
    const items: Element[] = [this.#unitText];
    this.#tracks.forEach(({ index }, i) => {
      const { item, value } = this.#readout(index);
      const column = this.#raw[i] ?? [];
      setText(value, inUnit((place === null ? column.at(-1) : column[place]) ?? null, this.#unit));
      items.push(item);
    });
    arrange(this.#values, items);
  }

  #readout(index: number): { item: HTMLElement; value: HTMLElement } {
    const known = this.#readouts.get(index);
    if (known !== undefined) return known;
    const value = make('b');
    const item = make('li', {}, swatch(index), `${index}`, value);
    const readout = { item, value };
    this.#readouts.set(index, readout);
    return readout;
  }

  /** The number of each carrier at the right end of its line, or in the middle of its layer. */
  #label(plot: uPlot): void {
    const { theme, picked } = this.#scene as Scene;
    const ratio = devicePixelRatio;
    const places: { index: number; y: number }[] = [];
    let below = 0;
    this.#tracks.forEach(({ index }, i) => {
      const top = plot.data[i + 1]?.at(-1) ?? null;
      if (top === null) return;
      const middle = this.#options.kind === 'lines' ? top : (below + top) / 2;
      const height = plot.valToPos(below, 'y', true) - plot.valToPos(top, 'y', true);
      if (this.#options.kind === 'lines' || height >= LABEL_PX * ratio || index === picked)
        places.push({ index, y: plot.valToPos(middle, 'y', true) });
      below = top;
    });
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.font = `600 ${12 * ratio}px ${theme.font}`;
    ctx.textBaseline = 'middle';
    ctx.textAlign = 'left';
    for (const { index, y } of spread(places, LABEL_PX * ratio, bbox.top + bbox.height)) {
      ctx.fillStyle = colourOf(theme, index);
      ctx.fillText(String(index), bbox.left + bbox.width + (RIGHT / 3) * ratio, y);
    }
    ctx.restore();
  }

  #resize(): void {
    const width = this.#plotHost.clientWidth;
    if (this.#plot !== null && width > 0 && width !== this.#plot.width)
      this.#plot.setSize({ width, height: this.#options.height });
  }
}

/** So far apart that they can be read, none below `bottom`. */
function spread<Place extends { y: number }>(places: Place[], apart: number, bottom: number): Place[] {
  const sorted = places.toSorted((a, b) => b.y - a.y);
  let limit = bottom;
  for (const place of sorted) {
    place.y = Math.min(place.y, limit);
    limit = place.y - apart;
  }
  return sorted;
}

function axisText(value: number, { size }: Unit, step: number): string {
  const digits = Math.max(0, -Math.floor(Math.log10(step / size) + 1e-9));
  return (value / size).toFixed(Math.min(digits, 2));
}
