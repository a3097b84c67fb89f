/** What has happened to carriers: as many of the last events of a proxy as one may want to look back on. */

import type { CarrierEvent } from '../../admin/documents.ts';
import { escapeText } from '../../core/format.ts';

export interface Happening {
  readonly trunk: string;
  readonly carrier: number;
  readonly what: string;
  /** Seconds since 1970 by the clock of the browser, as for the charts: the proxy's may go otherwise. */
  readonly seconds: number;
  readonly text: string;
}

/** A carrier that flaps may cause many a second; those of five minutes are on the charts. */
const KEPT = 1000;

const WORDS: Readonly<Record<string, string>> = {
  joined: 'is up',
  lost: 'was lost',
  stalled: 'has stalled: it gets nothing new until it moves',
  moving: 'moves again',
  dialling: 'is dialled',
  resent: 'sent again what was late on another',
  closed: 'was closed',
};

export class Happenings {
  #all: Happening[] = [];

  add({ trunk, index, what, detail }: CarrierEvent, atMs: number): void {
    const words = WORDS[what] ?? escapeText(what, 100);
    const why = detail ? ` (${escapeText(detail, 200)})` : '';
    const text = `Carrier ${index} ${words}${why}`;
    this.#all.push({ trunk: String(trunk), carrier: index, what, seconds: atMs / 1000, text });
    if (this.#all.length > KEPT) this.#all = this.#all.slice(-KEPT / 2);
  }

  of(trunk: string): Happening[] {
    return this.#all.filter((one) => one.trunk === trunk);
  }
}
