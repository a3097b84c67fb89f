/**
 * Outbox: which stream's data goes next.
 *
 * Two queues in order of asking. Small pieces (a keystroke, a request) go before bulk, so that a transfer does not slow a
 * shell; after a run of small ones bulk gets a turn, so that neither can starve the other. What has to be sent again goes
 * before both: somebody is waiting for it.
 *
 * Pure: no I/O, no clock.
 */

import type { Segment } from './send.ts';
import type { StripedPipe } from './stream.ts';

/** Up to this size a piece goes before bulk. */
export const URGENT_BYTES = 4 * 1024;
const URGENT_RUN = 32;

export class Outbox {
  readonly #urgent = new Set<StripedPipe>();
  readonly #bulk = new Set<StripedPipe>();
  #urgentRun = 0;
  /** In order; before #resendHead they are gone. */
  #resend: Segment[] = [];
  #resendHead = 0;

  /** The stream has something new to send. */
  add(stream: StripedPipe): void {
    (stream.sending.pendingBytes <= URGENT_BYTES ? this.#urgent : this.#bulk).add(stream);
  }

  remove(stream: StripedPipe): void {
    this.#urgent.delete(stream);
    this.#bulk.delete(stream);
  }

  /** Whose turn it is; null when nobody has anything that its own credit allows. */
  peek(): StripedPipe | null {
    const bulkFirst = this.#urgentRun >= URGENT_RUN;
    const [first, second] = bulkFirst ? [this.#bulk, this.#urgent] : [this.#urgent, this.#bulk];
    return firstReady(first) ?? firstReady(second);
  }

  /** It had its turn: it is out of the queue until it asks again. */
  take(stream: StripedPipe): void {
    this.#urgentRun = this.#urgent.delete(stream) ? this.#urgentRun + 1 : 0;
    this.#bulk.delete(stream);
  }

  /** The segment is to be sent again, unless that is known. */
  sendAgain(segment: Segment): void {
    if (segment.queued || segment.acknowledged || segment.stream.over) return;
    segment.queued = true;
    this.#resend.push(segment);
  }

  /** The next segment to send again; those that have become needless are left out. */
  peekResend(): Segment | null {
    while (this.#resendHead < this.#resend.length) {
      const segment = this.#resend[this.#resendHead] as Segment;
      if (!segment.acknowledged && !segment.stream.over) return segment;
      this.takeResend();
    }
    this.#resend = [];
    this.#resendHead = 0;
    return null;
  }

  takeResend(): void {
    (this.#resend[this.#resendHead++] as Segment).queued = false;
  }

  clear(): void {
    this.#urgent.clear();
    this.#bulk.clear();
    this.#resend = [];
    this.#resendHead = 0;
  }
}

/** The first in the queue that can send now. The others wait for credit, and ask again when it comes. */
function firstReady(queue: Set<StripedPipe>): StripedPipe | null {
  for (const stream of queue) {
    if (stream.sending.hasNew) return stream;
    queue.delete(stream);
  }
  return null;
}
