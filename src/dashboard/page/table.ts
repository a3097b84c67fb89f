/** Tables that are brought up to date in place: rows stay the elements that they are, so that focus and selection do, too. */

import { arrange, make } from './elements.ts';

export interface TableColumn<Item> {
  readonly key: string;
  readonly title: string;
  readonly classes: string;
  /** Makes what stands in the cell, once, and gives back what brings it up to date. */
  readonly cell: (cell: HTMLElement, item: Item) => (item: Item) => void;
}

interface Row<Item> {
  readonly element: HTMLTableRowElement;
  readonly updates: readonly ((item: Item) => void)[];
}

export class LiveTable<Item> {
  readonly #body: HTMLElement;
  readonly #columns: readonly TableColumn<Item>[];
  readonly #headings = new Map<string, HTMLTableCellElement>();
  #rows = new Map<string, Row<Item>>();

  /** @param table has an empty thead and tbody; the first column heads its rows */
  constructor(table: HTMLElement, columns: readonly TableColumn<Item>[]) {
    this.#columns = columns;
    this.#body = table.querySelector('tbody') as HTMLElement;
    const headings = columns.map(({ key, title, classes }) => {
      const heading = make('th', { scope: 'col', class: classes }, title);
      this.#headings.set(key, heading);
      return heading;
    });
    table.querySelector('thead')?.append(make('tr', {}, ...headings));
  }

  heading(key: string): HTMLTableCellElement {
    return this.#headings.get(key) as HTMLTableCellElement;
  }

  /** Shows these, in this order. @returns their rows */
  show(items: readonly Item[], keyOf: (item: Item) => string): HTMLTableRowElement[] {
    const rows = new Map<string, Row<Item>>();
    for (const item of items) {
      const key = keyOf(item);
      const row = this.#rows.get(key) ?? this.#make(item);
      for (const update of row.updates) update(item);
      rows.set(key, row);
    }
    this.#rows = rows;
    const elements = [...rows.values()].map(({ element }) => element);
    arrange(this.#body, elements);
    return elements;
  }

  #make(item: Item): Row<Item> {
    const cells = this.#columns.map(({ classes }, i) =>
      i === 0 ? make('th', { scope: 'row', class: classes }) : make('td', { class: classes }),
    );
    const updates = this.#columns.map(({ cell }, i) => cell(cells[i] as HTMLElement, item));
    return { element: make('tr', {}, ...cells), updates };
  }
}
