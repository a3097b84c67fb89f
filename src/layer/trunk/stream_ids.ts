/**
 * StreamIds: who may open which stream, and which streams have been and are no more, so that a late copy of a frame does
 * not open one again.
 *
 * The client's streams have even numbers, the server's odd ones; each end gives its own out in order. So all of the
 * peer's below a mark have been used, and what has been used above it is a short list: streams whose first frame arrived
 * before that of their elders.
 */

import { PipeError } from '../../core/errors.ts';

/** The last number that fits the frame's 32 bits. */
const LAST_ID = 0xffff_ffff;

export class StreamIds {
  #next: number;
  readonly #peersFirst: number;
  /** The peer's numbers below this have been used. */
  #mark: number;
  readonly #above = new Set<number>();
  readonly #mostAhead: number;
  readonly #lastId: number;

  /** @param mostAhead how many of the peer's streams may be missing in between, before it is not to be believed */
  constructor(role: 'client' | 'server', mostAhead: number, lastId = LAST_ID) {
    this.#lastId = lastId;
    this.#next = role === 'client' ? 0 : 1;
    this.#peersFirst = 1 - this.#next;
    this.#mark = this.#peersFirst;
    this.#mostAhead = mostAhead;
  }

  /** Half of our numbers are used, 2^30: a new trunk should take the place of this one, as soon as it has no streams. */
  get worn(): boolean {
    return this.#next > this.#lastId / 2;
  }

  /** A number for a stream of our own. @throws PipeError `cancelled` when all are used: it takes a new trunk then */
  open(): number {
    if (this.#next > this.#lastId)
      throw new PipeError('cancelled', 'trunk', 'all numbers for its connections are used');
    const id = this.#next;
    this.#next += 2;
    return id;
  }

  /**
   * Whether a stream that is not known has been one: then a frame for it is late, and means nothing. Otherwise the peer
   * may be opening it.
   *
   * @throws PipeError `malformed` for a number that the peer cannot mean
   */
  isOver(id: number): boolean {
    const peers = id % 2 === this.#peersFirst;
    const used = peers ? id < this.#mark || this.#above.has(id) : id < this.#next;
    if (used) return true;
    if (!peers || id - this.#mark > 2 * this.#mostAhead) {
      throw new PipeError('malformed', 'trunk', `there can be no stream ${id}`);
    }
    return false;
  }

  /** One of the peer's numbers is used from now on. */
  use(id: number): void {
    if (id !== this.#mark) {
      this.#above.add(id);
      return;
    }
    this.#mark += 2;
    while (this.#above.delete(this.#mark)) this.#mark += 2;
  }
}
