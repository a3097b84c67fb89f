/** The connections of apps: as many as one can look through, sorted and searched as one likes. */

import type { ConnectionDocument, StatusDocument } from '../../admin/documents.ts';
import { formatBytes, formatDuration } from '../../core/format.ts';
import { make, part, setAttribute, setForeign, setText } from './elements.ts';
import { formatRate } from './numbers.ts';
import { LiveTable, type TableColumn } from './table.ts';

type Item = ConnectionDocument;

type Value = string | number | null;

interface SortedColumn {
  readonly key: string;
  readonly title: string;
  readonly left?: boolean;
  readonly value: (item: Item) => Value;
  readonly text: (item: Item) => string;
}

/** Rows that are made; who has more of them looks for one with the search. */
const MOST_ROWS = 100;

const bytes = (value: number | null | undefined) => (value == null ? '–' : formatBytes(value));

const COLUMNS: readonly SortedColumn[] = [
  { key: 'id', title: 'Id', left: true, value: ({ id }) => numberIn(id), text: ({ id }) => String(id) },
  { key: 'from', title: 'From', left: true, value: ({ from }) => from, text: ({ from }) => from ?? '–' },
  { key: 'to', title: 'To', left: true, value: ({ to }) => to, text: ({ to }) => to ?? '–' },
  { key: 'state', title: 'State', left: true, value: stateOf, text: stateOf },
  { key: 'age', title: 'Age', value: ({ ageMs }) => ageMs, text: ({ ageMs }) => formatDuration(ageMs) },
  {
    key: 'forward',
    title: 'Sending',
    value: (item) => item.rateForward,
    text: (item) => formatRate(item.rateForward),
  },
  {
    key: 'backward',
    title: 'Receiving',
    value: (item) => item.rateBackward,
    text: (item) => formatRate(item.rateBackward),
  },
  {
    key: 'sent',
    title: 'Sent',
    value: (item) => item.bytesForward,
    text: (item) => bytes(item.bytesForward),
  },
  {
    key: 'received',
    title: 'Received',
    value: (item) => item.bytesBackward,
    text: (item) => bytes(item.bytesBackward),
  },
  {
    key: 'window',
    title: 'Window',
    value: (item) => item.windowBytes,
    text: (item) => bytes(item.windowBytes),
  },
  {
    key: 'early',
    title: 'Reorder memory',
    value: (item) => item.earlyBytes,
    text: (item) => bytes(item.earlyBytes),
  },
  {
    key: 'repeated',
    title: 'Sent again',
    value: (item) => item.repeatedBytes,
    text: (item) => bytes(item.repeatedBytes),
  },
];
/** Columns that not every proxy has something for. */
const OPTIONAL = ['window', 'early', 'repeated'];

export class ConnectionsTable {
  #table: LiveTable<Item> | null = null;
  /** The columns of #table. */
  #shown = '';
  #sort = { key: 'forward', descending: true };
  #find = '';
  #items: readonly Item[] = [];
  #omitted = 0;

  constructor() {
    const input = part('find') as HTMLInputElement;
    input.addEventListener('input', () => {
      this.#find = input.value.trim().toLowerCase();
      this.#show();
    });
  }

  draw({ connections, connectionsOmitted }: StatusDocument): void {
    this.#items = connections;
    this.#omitted = connectionsOmitted;
    this.#show();
  }

  #show(): void {
    const found = this.#items.filter((item) => this.#matches(item)).sort((a, b) => this.#compare(a, b));
    const rows = found.slice(0, MOST_ROWS);
    const columns = COLUMNS.filter(
      ({ key, value }) => !OPTIONAL.includes(key) || this.#items.some((item) => value(item) !== null),
    );
    this.#tableFor(columns).show(rows, ({ id }) => String(id));
    const all = this.#items.length + this.#omitted;
    setText(part('connections-count'), countText(rows.length, found.length, all, this.#find !== ''));
    part('connections').hidden = all === 0;
    part('connections-none').hidden = all > 0;
  }

  #tableFor(columns: readonly SortedColumn[]): LiveTable<Item> {
    const wanted = columns.map(({ key }) => key).join();
    if (this.#table !== null && wanted === this.#shown) return this.#table;
    const table = part('connections');
    for (const section of table.children) section.replaceChildren();
    this.#table = new LiveTable(table, columns.map(tableColumn));
    this.#shown = wanted;
    for (const { key, title } of columns) {
      const button = make('button', { type: 'button', class: 'sort' }, title);
      button.addEventListener('click', () => this.#sortBy(key));
      this.#table.heading(key).replaceChildren(button);
    }
    this.#markSort();
    return this.#table;
  }

  #sortBy(key: string): void {
    const { key: last, descending } = this.#sort;
    const isText = COLUMNS.some((column) => column.key === key && column.left);
    this.#sort = { key, descending: key === last ? !descending : !isText };
    this.#markSort();
    this.#show();
  }

  #markSort(): void {
    for (const { key } of COLUMNS) {
      const heading = this.#table?.heading(key);
      if (heading === undefined) continue;
      const order = this.#sort.descending ? 'descending' : 'ascending';
      setAttribute(heading, 'aria-sort', key === this.#sort.key ? order : null);
    }
  }

  #matches(item: Item): boolean {
    const { id, from, to } = item;
    return this.#find === '' || `${id} ${from} ${to} ${stateOf(item)}`.toLowerCase().includes(this.#find);
  }

  /** What is not known comes last, whichever way it is sorted; what is alike keeps its order, oldest first. */
  #compare(a: Item, b: Item): number {
    const { value } = COLUMNS.find(({ key }) => key === this.#sort.key) as SortedColumn;
    const [left, right] = [value(a), value(b)];
    if (left === null || right === null) return Number(left === null) - Number(right === null);
    const order =
      typeof left === 'number' && typeof right === 'number'
        ? left - right
        : String(left).localeCompare(String(right));
    return this.#sort.descending ? -order : order;
  }
}

function tableColumn({ key, title, left, text }: SortedColumn): TableColumn<Item> {
  const foreign = key === 'from' || key === 'to';
  return {
    key,
    title,
    classes: `${left ? 'left' : ''}${foreign ? ' foreign' : ''}`.trim(),
    cell: (cell) => (left ? (item) => setForeign(cell, text(item)) : (item) => setText(cell, text(item))),
  };
}

/** Of both legs where they differ: the one to the app, the one to the target. */
function stateOf({ state, near, far }: Item): string {
  if (state !== 'open') return state;
  return near === far ? near : `${near}, ${far}`;
}

/** `c12` by its number. */
function numberIn(id: string | number): Value {
  const digits = /\d+$/.exec(String(id));
  return digits === null ? String(id) : Number(digits[0]);
}

function countText(shown: number, found: number, all: number, searched: boolean): string {
  if (searched) return `${found} found${found > shown ? `, ${shown} of them shown` : ''}`;
  return shown < all ? `${all} open, ${shown} of them shown` : `${all} open`;
}
