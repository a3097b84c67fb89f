/**
 * What is in flight on each carrier against what its congestion window allows: a small chart each, all to one scale. Where
 * the two touch, TCP is what holds the carrier back; where they do not, nothing more was there to send.
 */

import { baseOptions, type Scene, swatch, valueAxis } from './axes.ts';
import { arrange, make, setAttribute, setText } from './elements.ts';
import type { CarrierTrack, Column } from './history.ts';
import { brief, byteUnit, type Unit } from './numbers.ts';
import { colourOf, faded } from './palette.ts';
import { scaleOf, splitsOf } from './scales.ts';

const HEIGHT = 92;
const LEAST_BYTES = 32_000;

interface Scale {
  readonly unit: Unit;
  readonly end: number;
  readonly step: number;
}

export class Windows {
  readonly #host: HTMLElement;
  readonly #charts = new Map<number, WindowChart>();

  constructor(host: HTMLElement) {
    this.#host = host;
  }

  draw(tracks: readonly CarrierTrack[], times: readonly number[], scene: Scene): void {
    const from = Math.max(0, times.findIndex((time) => time >= scene.now - scene.seconds) - 1);
    let most = LEAST_BYTES;
    for (const { columns } of tracks) {
      for (const column of [columns.inFlightBytes, columns.cwndBytes])
        for (let i = from; i < column.length; i++) most = Math.max(most, column[i] ?? 0);
    }
    const ends = scaleOf(most, byteUnit(most), 2);
    const scale = { unit: byteUnit(ends.end), ...ends };
    for (const [index, chart] of this.#charts) {
      if (tracks.some((track) => track.index === index)) continue;
      chart.remove();
      this.#charts.delete(index);
    }
    const shown = tracks.map((track) => {
      const chart = this.#charts.get(track.index) ?? new WindowChart(track.index);
      this.#charts.set(track.index, chart);
      return { track, chart };
    });
    // In the page before they are drawn: what is not has no width.
    arrange(
      this.#host,
      shown.map(({ chart }) => chart.figure),
    );
    for (const { track, chart } of shown) {
      const { inFlightBytes, cwndBytes } = track.columns;
      chart.draw(times.slice(from), inFlightBytes.slice(from), cwndBytes.slice(from), scale, scene);
    }
  }

  describe(): void {
    for (const chart of this.#charts.values()) chart.describe();
  }
}

class WindowChart {
  readonly figure: HTMLElement;
  readonly #index: number;
  readonly #now = make('span');
  readonly #host: HTMLElement;
  readonly #observer: ResizeObserver;
  #plot: uPlot | null = null;
  #made = '';
  #scene: Scene | null = null;
  #scale: Scale = { unit: byteUnit(0), end: 1, step: 1 };

  constructor(index: number) {
    this.#index = index;
    this.#host = make('div', { role: 'img', 'aria-label': `In flight on carrier ${index}` });
    const caption = make(
      'figcaption',
      { 'aria-hidden': 'true' },
      swatch(index),
      make('b', {}, `${index}`),
      this.#now,
    );
    this.figure = make('figure', {}, caption, this.#host);
    this.#observer = new ResizeObserver(() => {
      const width = this.#host.clientWidth;
      if (this.#plot !== null && width > 0 && width !== this.#plot.width)
        this.#plot.setSize({ width, height: HEIGHT });
    });
    this.#observer.observe(this.#host);
  }

  draw(times: number[], inFlight: Column, window: Column, scale: Scale, scene: Scene): void {
    this.#scale = scale;
    this.#scene = scene;
    const data = [times, inFlight, window] as uPlot.AlignedData;
    const made = JSON.stringify([scene.theme, scene.picked]);
    if (this.#plot === null || made !== this.#made) {
      this.#made = made;
      this.#plot?.destroy();
      this.#plot = this.#make(data);
      this.#host.replaceChildren(this.#plot.root);
    } else this.#plot.setData(data);
    setText(this.#now, inWords(inFlight.at(-1) ?? null, window.at(-1) ?? null));
  }

  describe(): void {
    const text = this.#now.textContent;
    setAttribute(
      this.#host,
      'aria-label',
      `In flight on carrier ${this.#index}, and its congestion window: of late ${text}`,
    );
  }

  remove(): void {
    this.#observer.disconnect();
    this.#plot?.destroy();
    this.figure.remove();
  }

  #make(data: uPlot.AlignedData): uPlot {
    const { theme, picked } = this.#scene as Scene;
    const opacity = picked === null || picked === this.#index ? 1 : 0.25;
    const colour = colourOf(theme, this.#index);
    const { xScale, ...base } = baseOptions(() => this.#scene as Scene, this.#host.clientWidth, HEIGHT);
    return new uPlot(
      {
        ...base,
        padding: [6, 2, 6, 0],
        scales: { x: xScale, y: { range: () => [0, this.#scale.end] } },
        axes: [
          { show: false },
          {
            ...valueAxis(
              theme,
              () => splitsOf(this.#scale),
              (at) => at.map((value) => axisText(value, this.#scale)),
            ),
            size: 50,
          },
        ],
        series: [
          {},
          {
            stroke: faded(colour, opacity),
            fill: faded(colour, 0.4 * opacity),
            width: 1.5,
            points: { show: false },
          },
          { stroke: faded(theme.text, opacity), width: 1.2, dash: [4, 3], points: { show: false } },
        ],
      },
      data,
    );
  }
}

function axisText(value: number, { unit, end }: Scale): string {
  const number = (value / unit.size).toFixed(end / unit.size < 3 ? 1 : 0);
  return value === end ? `${number} ${unit.name}` : number;
}

/** `0.8 of 1.2 MB`. */
function inWords(inFlight: number | null, window: number | null): string {
  if (inFlight === null) return '–';
  const unit = byteUnit(Math.max(inFlight, window ?? 0));
  const amount = brief(inFlight, unit);
  return window === null ? `${amount} ${unit.name}` : `${amount} of ${brief(window, unit)} ${unit.name}`;
}
