/**
 * A lane for each carrier, under the chart of the traffic and in line with it: when it carried, when it was stalled, when
 * it was down, and what was done about it.
 */

import { baseOptions, type Scene, timeAxis, valueAxis } from './axes.ts';
import { make, setAttribute } from './elements.ts';
import type { Happening } from './happenings.ts';
import { type CarrierTrack, isThere } from './history.ts';
import { colourOf, faded, type Theme } from './palette.ts';

const LANE = 19;
const BELOW = 32;
/** Marks closer to each other than this would be a smear, and say no more. */
const APART = 9;
/** A stall is at least so wide, or nobody would see it. */
const LEAST_STALL = 4;

export class Lanes {
  readonly #host: HTMLElement;
  #plot: uPlot | null = null;
  #made = '';
  #scene: Scene | null = null;
  #tracks: readonly CarrierTrack[] = [];
  #times: readonly number[] = [];
  #happenings: readonly Happening[] = [];

  constructor(host: HTMLElement) {
    this.#host = make('div', { role: 'img', 'aria-label': 'What state each carrier was in' });
    host.append(this.#host);
    new ResizeObserver(() => {
      const width = this.#host.clientWidth;
      if (this.#plot !== null && width > 0 && width !== this.#plot.width)
        this.#plot.setSize({ width, height: this.#height });
    }).observe(this.#host);
  }

  get #height(): number {
    return this.#tracks.length * LANE + BELOW;
  }

  draw(
    tracks: readonly CarrierTrack[],
    times: readonly number[],
    happenings: readonly Happening[],
    scene: Scene,
  ): void {
    this.#scene = scene;
    this.#tracks = tracks;
    this.#times = times;
    this.#happenings = happenings;
    const data = [[...times], times.map(() => null)] as unknown as uPlot.AlignedData;
    const made = JSON.stringify([tracks.map(({ index }) => index), scene.theme, scene.picked]);
    if (this.#plot === null || made !== this.#made) {
      this.#made = made;
      this.#plot?.destroy();
      this.#plot = this.#make(data);
      this.#host.replaceChildren(this.#plot.root);
    } else this.#plot.setData(data);
  }

  describe(): void {
    const { now, seconds } = this.#scene as Scene;
    const words = this.#tracks.map(({ index, states }) => {
      const seen = states.filter((_, i) => (this.#times[i] as number) >= now - seconds);
      const share = (match: (state: string) => boolean) =>
        seen.filter((state) => state !== null && match(state)).length;
      const [stalled, down] = [share((s) => kindOf(s) === 'stalled'), share((s) => kindOf(s) === 'down')];
      if (stalled + down === 0) return `carrier ${index} was well`;
      return `carrier ${index} was stalled for ${stalled} s and down for ${down} s`;
    });
    setAttribute(
      this.#host,
      'aria-label',
      `What state each carrier was in, in the last ${seconds} s: ${words.join('; ')}`,
    );
  }

  #make(data: uPlot.AlignedData): uPlot {
    const scene = () => this.#scene as Scene;
    const { xScale, ...base } = baseOptions(scene, this.#host.clientWidth, this.#height);
    const count = this.#tracks.length;
    return new uPlot(
      {
        ...base,
        scales: { x: xScale, y: { range: () => [-count, 0] } },
        axes: [
          timeAxis(scene),
          {
            ...valueAxis(
              scene().theme,
              () => this.#tracks.map((_, i) => -i - 0.5),
              () => this.#tracks.map(({ index }) => String(index)),
            ),
            grid: { show: false },
          },
        ],
        series: [{}, { points: { show: false } }],
        hooks: { draw: [(plot) => this.#paint(plot)] },
      },
      data,
    );
  }

  #paint(plot: uPlot): void {
    const { ctx, bbox } = plot;
    const { theme, picked } = this.#scene as Scene;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    this.#tracks.forEach((track, i) => {
      ctx.globalAlpha = picked === null || picked === track.index ? 1 : 0.25;
      const y = plot.valToPos(-i - 0.5, 'y', true);
      this.#runs(track, (state, from, to) => {
        const [left, right] = [plot.valToPos(from, 'x', true), plot.valToPos(to, 'x', true)];
        paintRun(ctx, theme, colourOf(theme, track.index), state, left, right, y);
      });
      this.#stalls(track.index, (from, to) => {
        const left = plot.valToPos(from, 'x', true);
        const right = Math.max(plot.valToPos(to, 'x', true), left + LEAST_STALL * devicePixelRatio);
        paintRun(ctx, theme, '', 'stalled', left, right, y);
      });
      this.#paintMarks(plot, track.index, y);
    });
    ctx.restore();
  }

  /** Most stalls are over before the next sample: that they were is known from what was told as it happened. */
  #stalls(index: number, found: (from: number, to: number) => void): void {
    let since: number | null = null;
    for (const { carrier, what, seconds } of this.#happenings) {
      if (carrier !== index || what === 'resent') continue;
      if (what === 'stalled') since ??= seconds;
      else if (since !== null) {
        found(since, seconds);
        since = null;
      }
    }
    if (since !== null) found(since, (this.#scene as Scene).now);
  }

  /** Times of one state each. A sample stands for the time since the one before it. */
  #runs({ states }: CarrierTrack, found: (state: string, from: number, to: number) => void): void {
    let start = 0;
    for (let i = 1; i <= states.length; i++) {
      if (i < states.length && kindOf(states[i]) === kindOf(states[start])) continue;
      const from = this.#times[Math.max(0, start - 1)] as number;
      const state = kindOf(states[start]);
      if (state !== null) found(state, from, this.#times[i - 1] as number);
      start = i;
    }
  }

  #paintMarks(plot: uPlot, index: number, y: number): void {
    const { theme } = this.#scene as Scene;
    const last = new Map<string, number>();
    for (const { carrier, what, seconds } of this.#happenings) {
      const mark = MARKS[what];
      if (carrier !== index || mark === undefined) continue;
      const x = plot.valToPos(seconds, 'x', true);
      if (x - (last.get(what) ?? Number.NEGATIVE_INFINITY) < APART * devicePixelRatio) continue;
      last.set(what, x);
      mark(plot.ctx, theme, x, y, 4 * devicePixelRatio);
    }
  }
}

function kindOf(state: string | null | undefined): 'well' | 'stalled' | 'down' | null {
  if (state === null || state === undefined || state === 'drained') return null;
  return state === 'stalled' ? 'stalled' : isThere(state) ? 'well' : 'down';
}

function paintRun(
  ctx: CanvasRenderingContext2D,
  theme: Theme,
  colour: string,
  kind: string,
  left: number,
  right: number,
  y: number,
): void {
  const ratio = devicePixelRatio;
  const half = (kind === 'well' ? 2.5 : 6) * ratio;
  ctx.fillStyle = kind === 'well' ? faded(colour, 0.7) : kind === 'down' ? theme.bad : theme.noteBack;
  ctx.fillRect(left, y - half, right - left, 2 * half);
  if (kind !== 'stalled') return;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, y - half, right - left, 2 * half);
  ctx.clip();
  ctx.strokeStyle = theme.note;
  ctx.lineWidth = 1.5 * ratio;
  ctx.strokeRect(left, y - half, right - left, 2 * half);
  ctx.lineWidth = ratio;
  for (let x = left - 2 * half; x < right; x += 5 * ratio) {
    ctx.moveTo(x, y + half);
    ctx.lineTo(x + 2 * half, y - half);
  }
  ctx.stroke();
  ctx.restore();
}

type Mark = (ctx: CanvasRenderingContext2D, theme: Theme, x: number, y: number, r: number) => void;

/** Shapes that differ, so that no colour is needed to tell them apart. */
const MARKS: Readonly<Record<string, Mark>> = {
  resent: (ctx, theme, x, y, r) => {
    ctx.fillStyle = theme.text;
    ctx.beginPath();
    ctx.moveTo(x, y - r);
    ctx.lineTo(x + r, y + r);
    ctx.lineTo(x - r, y + r);
    ctx.fill();
  },
  lost: (ctx, theme, x, y, r) => {
    for (const [style, width] of [
      [theme.card, 5],
      [theme.bad, 2.2],
    ] as const) {
      ctx.strokeStyle = style;
      ctx.lineWidth = width * devicePixelRatio;
      ctx.beginPath();
      ctx.moveTo(x - r, y - r);
      ctx.lineTo(x + r, y + r);
      ctx.moveTo(x - r, y + r);
      ctx.lineTo(x + r, y - r);
      ctx.stroke();
    }
  },
  dialling: (ctx, theme, x, y, r) => {
    ctx.fillStyle = theme.card;
    ctx.strokeStyle = theme.text;
    ctx.lineWidth = 1.6 * devicePixelRatio;
    ctx.beginPath();
    ctx.arc(x, y, r, 0, 2 * Math.PI);
    ctx.fill();
    ctx.stroke();
  },
};
