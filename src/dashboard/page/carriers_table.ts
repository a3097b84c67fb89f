/** The table of the carriers: what each does now, and what is the matter with it. */

import { formatBytes } from '../../core/format.ts';
import { swatch } from './axes.ts';
import { make, part, setAttribute, setForeign, setText } from './elements.ts';
import { type CarrierTrack, isThere } from './history.ts';
import { formatMs, formatShare, inUnit, mean, rateUnit, type Unit } from './numbers.ts';
import { variableOf } from './palette.ts';
import { LiveTable, type TableColumn } from './table.ts';
import type { Verdict } from './verdict.ts';

interface Item {
  readonly track: CarrierTrack;
  readonly share: number | null;
  readonly unit: Unit;
}

/** Shares are those of so many samples: of one they would flicker. */
const SHARE_SAMPLES = 10;

const STATES: Readonly<Record<string, readonly [sign: string, tone: 'good' | 'note' | 'bad']>> = {
  open: ['●', 'good'],
  busy: ['●', 'good'],
  closing: ['◌', 'note'],
  drained: ['◌', 'note'],
  stalled: ['▲', 'bad'],
};
const NOT_THERE = ['✕', 'bad'] as const;

export class CarriersTable {
  readonly #table: LiveTable<Item>;
  #picked: number | null = null;

  /** @param onPick a carrier is to be seen alone, or (null) all of them again */
  constructor(onPick: (index: number | null) => void) {
    const pick = (index: number) => {
      this.#picked = this.#picked === index ? null : index;
      onPick(this.#picked);
    };
    this.#table = new LiveTable(part('carriers'), columns(pick));
  }

  get picked(): number | null {
    return this.#picked;
  }

  show(tracks: readonly CarrierTrack[], verdict: Verdict): void {
    // Who looks at a carrier that is gone for good would see nothing at all.
    if (!tracks.some(({ index }) => index === this.#picked)) this.#picked = null;
    const recent = tracks.map(({ columns }) => mean(columns.traffic.slice(-SHARE_SAMPLES)) ?? 0);
    const total = recent.reduce((sum, rate) => sum + rate, 0);
    const most = Math.max(
      ...tracks.map(({ columns, now }) => Math.max(columns.traffic.at(-1) ?? 0, now.rate ?? 0)),
    );
    const unit = rateUnit(most);
    setText(this.#table.heading('traffic'), `Traffic, ${unit.name}`);
    setText(this.#table.heading('rate'), `At best, ${unit.name}`);
    const items = tracks.map((track, i) => ({
      track,
      unit,
      share: total === 0 ? null : (recent[i] as number) / total,
    }));
    const rows = this.#table.show(items, ({ track }) => String(track.index));
    rows.forEach((row, i) => {
      const { index } = (items[i] as Item).track;
      setAttribute(row, 'data-trouble', verdict.carriers.includes(index) ? verdict.tone : null);
      const button = row.querySelector('button') as HTMLElement;
      setAttribute(button, 'aria-pressed', String(this.#picked === index));
    });
  }
}

function columns(pick: (index: number) => void): TableColumn<Item>[] {
  const text =
    (of: (item: Item) => string) =>
    (cell: HTMLElement) =>
    (item: Item): void =>
      setText(cell, of(item));
  return [
    { key: 'carrier', title: 'Carrier', classes: 'left', cell: (cell, item) => nameCell(cell, item, pick) },
    { key: 'state', title: 'State', classes: 'left', cell: stateCell },
    {
      key: 'traffic',
      title: 'Traffic',
      classes: '',
      cell: text(({ track, unit }) => inUnit(track.columns.traffic.at(-1) ?? null, unit)),
    },
    { key: 'share', title: 'Share', classes: 'left share-column', cell: shareCell },
    {
      key: 'rate',
      title: 'At best',
      classes: 'mid',
      // With a mark where it was not asked for more, as in the status view.
      cell: text(({ track: { now }, unit }) =>
        now.rate === null ? '–' : `${now.rateIsLimit ? '' : '≥ '}${inUnit(now.rate, unit)}`,
      ),
    },
    {
      key: 'rtt',
      title: 'Round trip',
      classes: '',
      cell: text(({ track: { now } }) => (isThere(now.state) ? formatMs(now.srttMs) : '–')),
    },
    {
      key: 'unsent',
      title: 'Unsent',
      classes: 'low mid',
      cell: text(({ track: { now } }) => (now.unsentBytes === null ? '–' : formatBytes(now.unsentBytes))),
    },
    {
      key: 'retransmits',
      title: 'Retransmits',
      classes: 'mid',
      cell: text(({ track: { now } }) => (now.retransmits === null ? '–' : String(now.retransmits))),
    },
    {
      key: 'stalls',
      title: 'Stalls',
      classes: 'mid',
      cell: text(({ track: { now } }) => String(now.stalls)),
    },
    { key: 'way', title: 'From, to', classes: 'low mid left foreign', cell: wayCell },
  ];
}

function nameCell(cell: HTMLElement, { track }: Item, pick: (index: number) => void): () => void {
  const { index } = track;
  const button = make('button', { type: 'button', class: 'pick', 'aria-pressed': 'false' });
  button.append(swatch(index), make('span', { class: 'hidden' }, 'Carrier '), String(index));
  button.addEventListener('click', () => pick(index));
  cell.append(button);
  return () => {};
}

function stateCell(cell: HTMLElement): (item: Item) => void {
  const sign = make('i', { 'aria-hidden': 'true' });
  const word = make('span');
  const state = make('span', { class: 'state' }, sign, word);
  cell.append(state);
  return ({ track: { now } }) => {
    const [shape, tone] = STATES[now.state] ?? NOT_THERE;
    setText(sign, shape);
    setText(word, now.state);
    setAttribute(state, 'data-tone', tone);
  };
}

function shareCell(cell: HTMLElement, { track }: Item): (item: Item) => void {
  const bar = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  bar.setAttribute('viewBox', '0 0 100 10');
  bar.setAttribute('preserveAspectRatio', 'none');
  bar.setAttribute('aria-hidden', 'true');
  const filling = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  filling.setAttribute('height', '10');
  filling.style.fill = variableOf(track.index);
  bar.append(filling);
  const percent = make('span');
  cell.append(make('div', { class: 'share' }, bar, percent));
  return ({ share }) => {
    setText(percent, formatShare(share));
    setAttribute(filling, 'width', String(Math.round((share ?? 0) * 100)));
  };
}

function wayCell(cell: HTMLElement): (item: Item) => void {
  return ({ track: { now } }) => setForeign(cell, `${now.local ?? '–'} → ${now.remote ?? '–'}`);
}
