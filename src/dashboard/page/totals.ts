/** The row of totals: what has been carried, and what it takes. */

import type { StatusDocument } from '../../admin/documents.ts';
import { formatBytes, formatDuration } from '../../core/format.ts';
import { make, part, setText } from './elements.ts';
import { formatRate, formatShare } from './numbers.ts';

interface Tile {
  readonly tile: HTMLElement;
  readonly value: HTMLElement;
  readonly small: HTMLElement;
}

export class TotalsRow {
  readonly #tiles = new Map<string, Tile>();
  #last: { readonly clockMs: number; readonly forward: number; readonly backward: number } | null = null;
  /** Bytes per second, from apps to targets and back; null when there is nothing to reckon from yet. */
  rates: { readonly forward: number; readonly backward: number } | null = null;

  /** Takes in what a document says; nothing is drawn. */
  add({ totals, uptimeMs }: StatusDocument): void {
    const { bytesForward: forward, bytesBackward: backward } = totals;
    const last = this.#last;
    const elapsed = last === null ? 0 : uptimeMs - last.clockMs;
    const perSecond = (now: number, before: number) => (Math.max(0, now - before) / elapsed) * 1000;
    this.rates =
      last === null || elapsed <= 0
        ? null
        : { forward: perSecond(forward, last.forward), backward: perSecond(backward, last.backward) };
    this.#last = { clockMs: uptimeMs, forward, backward };
  }

  forget(): void {
    this.#last = null;
    this.rates = null;
  }

  draw({ totals, trunks, memory, uptimeMs }: StatusDocument): void {
    const rate = (way: 'forward' | 'backward') => (this.rates === null ? '–' : formatRate(this.rates[way]));
    this.#tell('Sending', rate('forward'), `${formatBytes(totals.bytesForward)} sent`);
    this.#tell('Receiving', rate('backward'), `${formatBytes(totals.bytesBackward)} received`);
    this.#tell('Connections open', String(totals.open), `${totals.connections} since the start`);
    const trouble = totals.failed + totals.broken;
    this.#tell(
      'Failed or broken',
      String(trouble),
      trouble === 0 ? 'none so far' : `${totals.failed} not reached, ${totals.broken} reset`,
    );
    if (trunks.length > 0) {
      const sum = (of: 'dataBytes' | 'repeatedBytes') => trunks.reduce((all, trunk) => all + trunk[of], 0);
      const [data, repeated] = [sum('dataBytes'), sum('repeatedBytes')];
      const share = data === 0 ? 'by the striping' : `${formatShare(repeated / data)} of the data`;
      this.#tell('Sent again', formatBytes(repeated), share);
    }
    if (memory.capacityBytes !== null) {
      const share = formatShare(memory.usedBytes / memory.capacityBytes);
      this.#tell(
        'Memory in use',
        formatBytes(memory.usedBytes),
        `${share} of ${formatBytes(memory.capacityBytes)}`,
      );
    }
    this.#tell('Up', formatDuration(uptimeMs).replace(/\.\ds$/, 's'), '');
  }

  #tell(title: string, value: string, small: string): void {
    const tile = this.#tiles.get(title) ?? this.#make(title);
    setText(tile.value, value);
    setText(tile.small, small);
  }

  #make(title: string): Tile {
    const value = make('span');
    const small = make('small');
    const tile = make('div', {}, make('dt', {}, title), make('dd', {}, value, small));
    part('totals').append(tile);
    const made = { tile, value, small };
    this.#tiles.set(title, made);
    return made;
  }
}
