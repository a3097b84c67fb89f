/**
 * Where the keys of a TOML document are, which its parser does not say. The document is known to be right: so it is enough
 * to know where strings, comments and brackets begin and end.
 */

import type { Path, Place } from './place.ts';

/** Places of tables, of the elements of arrays, and of keys, by their paths as JSON. */
export function tomlPlaces(text: string): Map<string, Place> {
  return new Walk(text).run();
}

const BARE = /[\w-]/;

class Walk {
  readonly #text: string;
  readonly #places = new Map<string, Place>();
  /** How many elements each [[array of tables]] has so far. */
  readonly #counts = new Map<string, number>();
  #at = 0;
  #line = 1;
  #lineStart = 0;

  constructor(text: string) {
    this.#text = text;
  }

  run(): Map<string, Place> {
    let table: Path = [];
    for (this.#skip(); this.#at < this.#text.length; this.#skip()) {
      if (this.#next === '[') table = this.#header();
      else this.#pair(table);
    }
    return this.#places;
  }

  get #next(): string {
    return this.#text[this.#at] ?? '';
  }

  #step(count = 1): void {
    for (; count > 0; count--) {
      if (this.#next === '\n') {
        this.#line++;
        this.#lineStart = this.#at + 1;
      }
      this.#at++;
    }
  }

  /** Blanks, line ends, comments, commas. */
  #skip(): void {
    for (; this.#at < this.#text.length; this.#step()) {
      if (this.#next === '#') this.#step(/^.*/.exec(this.#text.slice(this.#at))?.[0].length);
      if (!/[\s,]/.test(this.#next)) return;
    }
  }

  #mark(path: Path, place = this.#place): void {
    this.#places.set(JSON.stringify(path), place);
  }

  get #place(): Place {
    return { line: this.#line, column: this.#at - this.#lineStart + 1 };
  }

  /** `[a.b]` or `[[a.b]]`; the path of what follows. */
  #header(): Path {
    const place = this.#place;
    const isArray = this.#text.startsWith('[[', this.#at);
    this.#step(isArray ? 2 : 1);
    const names = this.#key();
    this.#step(isArray ? 2 : 1);
    // A name on the way may be that of an array: its last element is meant.
    let path: (string | number)[] = [];
    for (const [i, name] of names.entries()) {
      path = [...path, name];
      const count = this.#counts.get(JSON.stringify(path));
      if (isArray && i === names.length - 1) {
        this.#counts.set(JSON.stringify(path), (count ?? 0) + 1);
        if (count === undefined) this.#mark(path, place);
        path.push(count ?? 0);
      } else if (count !== undefined) path.push(count - 1);
    }
    this.#mark(path, place);
    return path;
  }

  #pair(table: Path): void {
    const place = this.#place;
    const path = [...table, ...this.#key()];
    this.#mark(path, place);
    this.#step(); // =
    this.#value(path);
  }

  /** `a.b."c d"`. */
  #key(): string[] {
    const names: string[] = [];
    for (this.#blanks(); this.#at < this.#text.length; this.#blanks()) {
      if (this.#next === '.') this.#step();
      else if (this.#next === '"' || this.#next === "'") names.push(this.#string());
      else if (BARE.test(this.#next)) {
        const start = this.#at;
        while (BARE.test(this.#next)) this.#step();
        names.push(this.#text.slice(start, this.#at));
      } else break;
    }
    return names;
  }

  #blanks(): void {
    while (this.#next === ' ' || this.#next === '\t') this.#step();
  }

  #value(path: Path): void {
    this.#skip();
    if (this.#next === '"' || this.#next === "'") this.#string();
    else if (this.#next === '[')
      this.#inside(']', (i) => {
        this.#mark([...path, i]);
        this.#value([...path, i]);
      });
    else if (this.#next === '{') this.#inside('}', () => this.#pair(path));
    else while (this.#at < this.#text.length && !/[\s,\]}#]/.test(this.#next)) this.#step();
  }

  #inside(end: string, element: (index: number) => void): void {
    this.#step();
    this.#skip();
    for (let i = 0; this.#at < this.#text.length && this.#next !== end; i++, this.#skip()) element(i);
    this.#step();
  }

  /** Its content, as it is written. */
  #string(): string {
    const mark = this.#next;
    const quote = this.#text.startsWith(mark.repeat(3), this.#at) ? mark.repeat(3) : mark;
    this.#step(quote.length);
    const start = this.#at;
    while (this.#at < this.#text.length && !this.#text.startsWith(quote, this.#at))
      this.#step(mark === '"' && this.#next === '\\' ? 2 : 1);
    const content = this.#text.slice(start, this.#at);
    this.#step(quote.length);
    // Up to two more quotation marks belong to what is inside of three.
    while (quote.length === 3 && this.#next === mark) this.#step();
    return content;
  }
}
