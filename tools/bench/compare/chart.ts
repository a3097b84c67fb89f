// The results as one SVG: a panel per quantity, a bar per contender, whiskers from the lowest to the highest round.
// It follows the reader's light or dark scheme.

import type { Comparison } from './comparison.ts';
import { formatSummary, type RunDescription } from './report.ts';
import type { Results, Summary } from './results.ts';
import { figureOf, type Group, type Quantity, type Row, rowsOf } from './views.ts';

const panelWidth = 520;
const labelWidth = 170;
const valueWidth = 62;
const rowHeight = 20;
const barHeight = 12;
export const headHeight = 58;
const titleHeight = 34;
const axisHeight = 42;
const gap = 20;
const barsWidth = panelWidth - labelWidth - valueWidth;

/** An SVG of a picture that is drawn below a heading. */
export interface Page {
  heading: string;
  subtitle: string;
  width: number;
  height: number;
  /** Elements, from `headHeight` downwards. */
  body: string;
}

// No CSS variables: viewers that are not browsers do not know them.
const style = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  .head { font-weight: 600; font-size: 17px; }
  .title { font-weight: 600; font-size: 13px; }
  .faint { fill: #59636e; font-size: 11px; }
  .paper { fill: #ffffff; }
  .grid { stroke: #d8dee4; }
  .whisker { stroke: #1f2328; stroke-width: 1.2; fill: none; }
  .ours { fill: #2da06b; }
  .theirs { fill: #9aa8b7; }
  .line { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
  .line.ours { stroke: #2da06b; fill: none; }
  .line.theirs { stroke: #9aa8b7; fill: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .faint { fill: #9198a1; }
    .paper { fill: #0d1117; }
    .grid { stroke: #30363d; }
    .whisker { stroke: #e6edf3; }
    .ours { fill: #2c8a5f; }
    .theirs { fill: #5d6b7a; }
    .line.ours { stroke: #2c8a5f; }
    .line.theirs { stroke: #5d6b7a; }
  }`;

interface Bar {
  row: Row;
  label: string;
  summary: Summary;
}

interface Panel {
  group: Group;
  quantity: Quantity;
  bars: Bar[];
}

export function chart(
  comparison: Pick<Comparison, 'heading' | 'groups'>,
  results: Results,
  run: RunDescription,
): string {
  const panels = panelsOf(comparison, results, run);
  const parts: string[] = [];
  let top = headHeight;
  for (let i = 0; i < panels.length; i += 2) {
    const pair = panels.slice(i, i + 2);
    for (const [column, panel] of pair.entries())
      parts.push(draw(panel, gap + column * (panelWidth + gap), top));
    top += Math.max(...pair.map(panelHeight)) + gap;
  }
  const width = 2 * panelWidth + 3 * gap;
  const { machine, date, cores } = run;
  const subtitle = `${machine.cpu}, ${machine.cores} cores, ${machine.kernel}; ${cores}; ${date}. Bars: medians; whiskers: lowest to highest round.`;
  return page({ heading: comparison.heading, subtitle, width, height: top, body: parts.join('\n') });
}

export function page({ heading, subtitle, width, height, body }: Page): string {
  const name = escaped(heading);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${name}">
<style>${style}
</style>
<rect class="paper" width="${width}" height="${height}"/>
<text class="head" x="${gap}" y="27">${name}</text>
<text class="faint" x="${gap}" y="45">${escaped(subtitle)}</text>
${body}
</svg>
`;
}

function panelsOf({ groups }: Pick<Comparison, 'groups'>, results: Results, run: RunDescription): Panel[] {
  const panels: Panel[] = [];
  for (const group of groups) {
    const rows = rowsOf(results, run.contenders, group);
    for (const quantity of group.quantities.filter(({ charted }) => charted)) {
      const bars: Bar[] = [];
      for (const row of rows) {
        const summary = figureOf(results, quantity, row);
        if (summary !== null) bars.push({ row, label: quantity.perSide ? row.label : row.title, summary });
      }
      if (bars.length > 0) panels.push({ group, quantity, bars });
    }
  }
  return panels;
}

function panelHeight({ bars }: Panel): number {
  return titleHeight + bars.length * rowHeight + axisHeight;
}

function draw({ group, quantity, bars }: Panel, left: number, top: number): string {
  // One disturbed round may reach far beyond the rest: its whisker is cut off, without an end, at the panel's edge.
  const highest = Math.max(...bars.map(({ summary }) => summary.max));
  const { step, end } = niceScale(
    Math.min(highest, 2 * Math.max(...bars.map(({ summary }) => summary.median))),
  );
  const x = (value: number) => round(labelWidth + (Math.min(Math.max(0, value), end) / end) * barsWidth);
  const bottom = titleHeight + bars.length * rowHeight;
  const parts = [
    `<g transform="translate(${left} ${top})">`,
    `<text class="title" y="16">${escaped(group.title)}: ${escaped(quantity.label)}</text>`,
  ];
  for (let i = 0; i * step <= end * 1.0001; i++) {
    const at = x(i * step);
    parts.push(`<line class="grid" x1="${at}" y1="${titleHeight - 6}" x2="${at}" y2="${bottom}"/>`);
    parts.push(
      `<text class="faint" x="${at}" y="${bottom + 14}" text-anchor="middle">${tick(i * step)}</text>`,
    );
  }
  for (const [i, bar] of bars.entries()) {
    const cut = bar.summary.max > end;
    parts.push(drawBar(bar, quantity.digits, titleHeight + i * rowHeight, x, cut));
  }
  const axis = `${quantity.label}, ${quantity.unit} (${quantity.moreIsBetter === true ? 'more' : 'less'} is better)`;
  parts.push(
    `<text class="faint" x="${labelWidth + barsWidth / 2}" y="${bottom + 30}" text-anchor="middle">${escaped(axis)}</text>`,
    '</g>',
  );
  return parts.join('\n');
}

function drawBar(bar: Bar, digits: number, top: number, x: (value: number) => number, cut: boolean): string {
  const { row, label, summary } = bar;
  const middle = top + rowHeight / 2 - 4;
  const kind = /^(relay|pair|striped)/.test(row.contender) ? 'ours' : 'theirs';
  const [zero, end, low, high] = [x(0), x(summary.median), x(summary.min), x(summary.max)];
  const value = formatSummary({ ...summary, samples: 1 }, digits);
  const parts = [
    `<text x="${labelWidth - 8}" y="${middle + 4}" text-anchor="end">${escaped(label)}</text>`,
    `<rect class="${kind}" x="${zero}" y="${middle - barHeight / 2}" width="${round(end - zero)}" height="${barHeight}"/>`,
    `<text x="${Math.max(end, high) + 6}" y="${middle + 4}">${value}</text>`,
  ];
  if (summary.samples > 1) {
    const ends = cut ? '' : `M${high} ${middle - 4}v8`;
    parts.push(`<path class="whisker" d="M${low} ${middle}H${high}M${low} ${middle - 4}v8${ends}"/>`);
  }
  return parts.join('\n');
}

/** Steps of 1, 2 or 5 times a power of ten, about five of them. */
export function niceScale(max: number): { step: number; end: number } {
  if (!(max > 0)) return { step: 1, end: 1 };
  const rough = max / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  return { step, end: Math.ceil(max / step) * step };
}

export function tick(value: number): string {
  return value >= 10_000 ? `${round(value / 1000)}k` : `${Number(value.toPrecision(4))}`;
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
