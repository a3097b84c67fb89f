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
  readonly #urgent = new Line();
  readonly #bulk = new Line();
  #urgentRun = 0;
  /** In order; before #resendHead they are gone. */
  #resend: Segment[] = [];
  #resendHead = 0;

  /** The stream has something new to send. */
  add(stream: StripedPipe): void {
    const line = stream.sending.pendingBytes <= URGENT_BYTES ? this.#urgent : this.#bulk;
    if (stream.line === line) return;
    stream.line = line;
    line.add(stream);
  }

  remove(stream: StripedPipe): void {
    stream.line = null;
  }

  /** Whose turn it is; null when nobody has anything that its own credit allows. */
  peek(): StripedPipe | null {
    const bulkFirst = this.#urgentRun >= URGENT_RUN;
    const first = bulkFirst ? this.#bulk : this.#urgent;
    return first.peek() ?? (bulkFirst ? this.#urgent : this.#bulk).peek();
  }

  /** The one that {@link peek} gave has its turn: it is out of the queue until it asks again, and then it is the last. */
  take(stream: StripedPipe): void {
    const urgent = stream.line === this.#urgent;
    this.#urgentRun = urgent ? this.#urgentRun + 1 : 0;
    (urgent ? this.#urgent : this.#bulk).shift();
    stream.line = null;
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

/** Streams in order of asking. One that has left, or stands in another line by now, is passed over when its turn comes. */
class Line {
  #streams: StripedPipe[] = [];
  #head = 0;

  add(stream: StripedPipe): void {
    // A line that never empties would otherwise remember all that have ever stood in it.
    if (this.#head >= 64 && this.#head * 2 > this.#streams.length) {
      this.#streams.splice(0, this.#head);
      this.#head = 0;
    }
    this.#streams.push(stream);
  }

  /** The first that can send now; null when there is none. The others wait for credit, and ask again when it comes. */
  peek(): StripedPipe | null {
    while (this.#head < this.#streams.length) {
      const stream = this.#streams[this.#head] as StripedPipe;
      if (stream.line === this) {
        if (stream.sending.hasNew) return stream;
        stream.line = null;
      }
      this.#head++;
    }
    this.clear();
    return null;
  }

  /** The first leaves. Its place must not stay, or it would be first again as soon as it asks. */
  shift(): void {
    this.#head++;
  }

  clear(): void {
    if (this.#streams.length > 0) this.#streams = [];
    this.#head = 0;
  }
}
