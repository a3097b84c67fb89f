/**
 * Strangers: connections that have not said who they are, a bounded number of them.
 *
 * At the bound nobody is turned away at the door: whoever has waited longest has to go. A client needs one round trip or
 * two, so those who do nothing, however many, make room for those who come. One source can fill its own share only.
 */

import type { SocketAddress } from '../core/address.ts';

export interface StrangerLimits {
  readonly most: number;
  readonly mostOfOneSource: number;
}

interface Stranger {
  readonly source: string;
  readonly dismiss: () => void;
}

export class Strangers {
  readonly #limits: StrangerLimits;
  /** In the order in which they came, as a Set keeps it. */
  readonly #all = new Set<Stranger>();
  readonly #bySource = new Map<string, Set<Stranger>>();

  constructor(limits: StrangerLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#all.size;
  }

  /**
   * @param dismiss is called at most once, when it has to make room; never from within this call
   * @returns to be called when it is no stranger any more
   */
  add(from: SocketAddress | null, dismiss: () => void): () => void {
    const source = sourceOf(from);
    const same = this.#bySource.get(source) ?? new Set();
    this.#bySource.set(source, same);
    if (same.size >= this.#limits.mostOfOneSource) this.#dismissFirst(same);
    if (this.#all.size >= this.#limits.most) this.#dismissFirst(this.#all);
    const stranger = { source, dismiss };
    this.#all.add(stranger);
    // It may have been emptied, and forgotten, just now.
    this.#bySource.set(source, same.add(stranger));
    return () => this.#remove(stranger);
  }

  #dismissFirst(strangers: ReadonlySet<Stranger>): void {
    const [first] = strangers;
    if (first !== undefined && this.#remove(first)) first.dismiss();
  }

  #remove(stranger: Stranger): boolean {
    if (!this.#all.delete(stranger)) return false;
    const same = this.#bySource.get(stranger.source);
    same?.delete(stranger);
    if (same?.size === 0) this.#bySource.delete(stranger.source);
    return true;
  }
}

/** What one party can be assumed to have as many of as it likes: an IPv4 address, or a /64 of IPv6 (RFC 6177). */
export function sourceOf(from: SocketAddress | null): string {
  if (from === null || from.family === 'unix') return 'unix';
  if (from.family === 4) return from.host;
  const [left = '', right] = (from.host.split('%')[0] as string).split('::');
  const groups = left === '' ? [] : left.split(':');
  const behind = right === undefined || right === '' ? 0 : right.split(':').length;
  const zeros = right === undefined ? 0 : Math.max(0, 8 - groups.length - behind);
  const all = [...groups, ...Array(zeros).fill('0'), ...(right ?? '').split(':')];
  return all.slice(0, 4).join(':');
}
