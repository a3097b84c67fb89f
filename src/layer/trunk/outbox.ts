/**
 * Outbox: which stream's data goes next.
 *
 * Lines in order of asking. Small pieces (a keystroke, a request) go before bulk, so that a transfer does not slow a
 * shell; after a run of small ones bulk gets a turn, so that neither can starve the other. What has no bytes at all (the
 * opening of a stream, its end) needs no credit, and goes first. What has to be sent again goes before all: somebody is
 * waiting for it.
 *
 * Pure: no I/O, no clock.
 */

import type { Segment } from './send.ts';
import type { StripedPipe } from './stream.ts';

/** Up to this size a piece goes before bulk. */
export const URGENT_BYTES = 4 * 1024;
const URGENT_RUN = 32;

export class Outbox {
  readonly #bare = new Line();
  readonly #urgent = new Line();
  readonly #bulk = new Line();
  #urgentRun = 0;
  /** In order. */
  #resend: Segment[] = [];

  /** The stream has something new to send. */
  add(stream: StripedPipe): void {
    const bytes = stream.sending.pendingBytes;
    const line = bytes === 0 ? this.#bare : bytes <= URGENT_BYTES ? this.#urgent : this.#bulk;
    if (stream.line !== line) line.add(stream);
  }

  remove(stream: StripedPipe): void {
    stream.line = null;
  }

  /** Whose turn it is; null when nobody has anything that its own credit allows. */
  peek(): StripedPipe | null {
    const bare = this.#bare.peek();
    if (bare !== null) return bare;
    const first = this.#urgentRun >= URGENT_RUN ? this.#bulk : this.#urgent;
    return first.peek() ?? (first === this.#bulk ? this.#urgent : this.#bulk).peek();
  }

  /** The same, of those who have no bytes to send. */
  peekBare(): StripedPipe | null {
    return this.#bare.peek();
  }

  /** Bulk cannot go now, and small pieces do not wait for it. @returns whether there are any */
  passOverBulk(): boolean {
    this.#urgentRun = 0;
    return this.#urgent.peek() !== null;
  }

  /** It had its turn: it is out of its line until it asks again. */
  take(stream: StripedPipe): void {
    this.#urgentRun = stream.line === this.#bulk ? 0 : this.#urgentRun + 1;
    stream.line = null;
  }

  /** The segment is to be sent again, unless that is known. */
  sendAgain(segment: Segment): void {
    if (segment.queued || segment.acknowledged || segment.stream.over) return;
    segment.queued = true;
    this.#resend.push(segment);
  }

  /** Something waits to be sent again. */
  get hasResend(): boolean {
    return this.#resend.length > 0;
  }

  /** Offers what is to be sent again, in order, without what has become needless. What `take` refuses waits on. */
  offerResend(take: (segment: Segment) => boolean): void {
    const offered = this.#resend;
    this.#resend = [];
    for (const segment of offered) {
      segment.queued = false;
      if (segment.acknowledged || segment.stream.over || take(segment)) continue;
      segment.queued = true;
      this.#resend.push(segment);
    }
  }

  clear(): void {
    for (const line of [this.#bare, this.#urgent, this.#bulk]) line.clear();
    this.#resend = [];
  }
}

/** Streams in order of asking. One that has left, or asked anew since, is passed over when its old turn comes. */
class Line {
  #waiting: { readonly stream: StripedPipe; readonly ticket: number }[] = [];
  #head = 0;

  add(stream: StripedPipe): void {
    // A line that never empties would otherwise remember all that have ever stood in it.
    if (this.#head >= 64 && this.#head * 2 > this.#waiting.length) {
      this.#waiting.splice(0, this.#head);
      this.#head = 0;
    }
    stream.line = this;
    this.#waiting.push({ stream, ticket: ++stream.ticket });
  }

  /** The first that can send now; null when there is none. The others wait for credit, and ask again when it comes. */
  peek(): StripedPipe | null {
    while (this.#head < this.#waiting.length) {
      const { stream, ticket } = this.#waiting[this.#head] as { stream: StripedPipe; ticket: number };
      if (stream.line === this && stream.ticket === ticket) {
        if (stream.sending.hasNew) return stream;
        stream.line = null;
      }
      this.#head++;
    }
    this.clear();
    return null;
  }

  clear(): void {
    if (this.#waiting.length > 0) this.#waiting = [];
    this.#head = 0;
  }
}
