/** What all charts over time have in common: the same left and right edges, so that what happened at one time stands in line. */

import { type Theme, variableOf } from './palette.ts';

const LEFT = 56;
export const RIGHT = 22;

/** What is to be seen, the same for all charts. */
export interface Scene {
  readonly theme: Theme;
  /** Seconds; the end of the time axis, seconds since 1970, and how long it is. */
  readonly now: number;
  readonly seconds: number;
  /** The carrier that is looked at alone, or null. */
  readonly picked: number | null;
}

function timeStep(seconds: number, width: number): number {
  const wide = width > 460;
  if (seconds <= 30) return wide ? 5 : 10;
  if (seconds <= 60) return wide ? 10 : 20;
  if (seconds <= 180) return wide ? 20 : 40;
  return wide ? 60 : 120;
}

function ago(seconds: number): string {
  if (seconds === 0) return 'now';
  return seconds % 60 === 0 ? `−${seconds / 60} min` : `−${seconds} s`;
}

/** Both axes; `scene` is asked anew each time, as the charts live longer than it does. */
export function timeAxis(scene: () => Scene, labelled = true): uPlot.Axis {
  const { theme } = scene();
  return {
    scale: 'x',
    size: labelled ? 26 : 6,
    gap: 4,
    font: `12px ${theme.font}`,
    stroke: theme.soft,
    grid: { show: false },
    ticks: { stroke: theme.grid, size: 4, width: 1 },
    splits: (self) => {
      const { now, seconds } = scene();
      const step = timeStep(seconds, self.width);
      return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, i) => now - i * step).reverse();
    },
    values: (_self, splits) => splits.map((at) => (labelled ? ago(Math.round(scene().now - at)) : '')),
  };
}

export function valueAxis(
  theme: Theme,
  splits: () => number[],
  values: (splits: number[]) => string[],
): uPlot.Axis {
  return {
    scale: 'y',
    size: LEFT,
    gap: 6,
    font: `12px ${theme.font}`,
    stroke: theme.soft,
    grid: { stroke: theme.grid, width: 1 },
    ticks: { show: false },
    splits,
    values: (_self, at) => values(at),
  };
}

/** A square in the colour of a carrier. */
export function swatch(index: number): HTMLElement {
  const square = document.createElement('span');
  square.className = 'swatch';
  square.style.background = variableOf(index);
  return square;
}

/** What any chart is made with: no legend of uPlot's own, one cursor for all, nothing to drag. */
export function baseOptions(scene: () => Scene, width: number, height: number) {
  return {
    width,
    height,
    padding: [10, RIGHT, 0, 0] as uPlot.Padding,
    legend: { show: false },
    cursor: {
      y: false,
      points: { show: false },
      drag: { x: false, y: false },
      sync: { key: 'time', setSeries: false },
    } satisfies uPlot.Cursor,
    xScale: {
      time: false,
      range: (): [number, number] => [scene().now - scene().seconds, scene().now],
    } satisfies uPlot.Scale,
  };
}
