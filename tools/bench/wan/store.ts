// The saved data on disk: read when there is some, written after each sample, with the page and the charts after each case.

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  dataText,
  isThere,
  type Place,
  type Row,
  type Run,
  type WanData,
  without,
  withRow,
  withRun,
} from './data.ts';
import { pageOf } from './page.ts';

export class Store {
  /** Null: nothing is kept. */
  readonly #folder: string | null;
  #data: WanData;
  readonly #run: Run;
  #replaced = new Set<string>();

  constructor(folder: string | null, run: Run) {
    this.#folder = folder;
    const file = folder === null ? null : join(folder, 'wan.json');
    const before: WanData =
      file !== null && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { runs: [], rows: [] };
    this.#run = run;
    this.#data = withRun(before, run);
  }

  get data(): WanData {
    return this.#data;
  }

  has(place: Place, names: readonly string[]): boolean {
    return isThere(this.#data, place, names);
  }

  /** What was there of this case, or of these contenders in it, is replaced as soon as there is something new. */
  replace(id: string, contenders: readonly string[] | null): void {
    if (this.#replaced.has(id)) return;
    this.#replaced.add(id);
    this.#data = without(this.#data, id, contenders);
  }

  /** @param together whether it is a part of what is there */
  add(row: Omit<Row, 'run'>, together: boolean): void {
    this.#data = withRow(this.#data, { ...row, run: this.#data.runs.indexOf(this.#run) }, together);
    if (this.#folder === null) return;
    mkdirSync(this.#folder, { recursive: true });
    this.#write('wan.json', dataText(this.#data));
  }

  savePage(): void {
    if (this.#folder === null) return;
    const { markdown, charts } = pageOf(this.#data);
    for (const [name, svg] of charts) this.#write(name, svg);
    this.#write('wan.md', markdown);
  }

  /** Whoever ends it in the middle has the old one or the new one. */
  #write(name: string, text: string): void {
    const file = join(this.#folder ?? '', name);
    writeFileSync(`${file}.part`, text);
    renameSync(`${file}.part`, file);
  }
}
