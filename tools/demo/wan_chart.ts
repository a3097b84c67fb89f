/**
 * The race of `make demo-wan` as an SVG: goodput over time, a line for each transfer.
 */

import { headHeight, niceScale, page, round, tick } from '../bench/compare/chart.ts';
import type { RaceSample } from './wan_race.ts';
import { type Rates, ratesAt } from './wan_view.ts';

const WIDTH = 760;
const HEIGHT = 400;
const LEFT = 60;
const RIGHT = 110;
const BOTTOM = 52;
/** A point is the goodput of so long: short enough to show the beginning. */
const POINT_MS = 500;

export function raceChart(samples: readonly RaceSample[], subtitle: string): string {
  const points = samples.map((sample, i) => ({ ...ratesAt(samples, i, POINT_MS), ms: sample.ms }));
  const lastMs = samples.at(-1)?.ms ?? 1;
  const rates = niceScale(Math.max(1, ...points.map(({ striped, plain }) => Math.max(striped, plain))));
  const times = niceScale(lastMs / 1000);
  const [top, bottom, right] = [headHeight + 10, HEIGHT - BOTTOM, WIDTH - RIGHT];
  const x = (ms: number) => round(LEFT + (ms / lastMs) * (right - LEFT));
  const y = (rate: number) => round(bottom - (rate / rates.end) * (bottom - top));
  const parts: string[] = [];
  for (let rate = 0; rate <= rates.end * 1.0001; rate += rates.step) {
    parts.push(`<line class="grid" x1="${LEFT}" y1="${y(rate)}" x2="${right}" y2="${y(rate)}"/>`);
    parts.push(
      `<text class="faint" x="${LEFT - 8}" y="${y(rate) + 4}" text-anchor="end">${tick(rate)}</text>`,
    );
  }
  for (let second = 0; second * 1000 <= lastMs; second += times.step) {
    const at = x(second * 1000);
    parts.push(
      `<text class="faint" x="${at}" y="${bottom + 16}" text-anchor="middle">${tick(second)}</text>`,
    );
  }
  parts.push(`<text class="faint" x="${LEFT}" y="${bottom + 38}">Goodput in Mbit/s, over seconds</text>`);
  const line = (kind: 'ours' | 'theirs', label: string, of: (rates: Rates) => number) => {
    const path = points.map((point) => `${x(point.ms)},${y(of(point))}`).join(' ');
    const last = points.at(-1);
    parts.push(`<polyline class="line ${kind}" points="${path}"/>`);
    if (last !== undefined) parts.push(`<text x="${right + 8}" y="${y(of(last)) + 4}">${label}</text>`);
  };
  line('theirs', 'one flow', ({ plain }) => plain);
  line('ours', 'striped', ({ striped }) => striped);
  const heading = 'One TCP flow, and the same transfer striped';
  return page({ heading, subtitle, width: WIDTH, height: HEIGHT, body: parts.join('\n') });
}
