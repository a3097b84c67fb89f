/**
 * EventStream: /events, the server-sent events (WHATWG HTML, 9.2) of the admin server.
 *
 *     core/trace.ts --carriers, connections-->  EventStream  --> reader
 *     Snapshots     --the status, each second->              --> reader ...
 *
 * While nobody reads there is no timer and no subscription. A reader that is slow loses events, and is told how many; a
 * status that it has no room for is left out, since the next one says more. One that reads nothing for long has to go.
 */

import type { ServerResponse } from 'node:http';
import { beginEvents } from './answer.ts';
import type { DroppedEvent } from './documents.ts';
import type { Snapshots } from './status.ts';
import { TraceEvents } from './trace_events.ts';

/** A reader that leaves so much unread gets no more until it reads. */
const MOST_UNREAD_BYTES = 256 * 1024;
/** Readers at a time. */
export const MOST_READERS = 16;
/** Until who is let go comes back (EventSource does so by itself). */
const RETRY_MS = 2000;

/** Milliseconds. */
export interface EventTimes {
  /** Between two statuses. */
  readonly statusMs: number;
  /** A reader that reads nothing for so long is let go. */
  readonly patienceMs: number;
}

const TIMES: EventTimes = { statusMs: 1000, patienceMs: 30_000 };

interface Reader {
  readonly response: ServerResponse;
  dropped: number;
  /** Since when it has not read what waits for it; null: it has. */
  slowSince: number | null;
}

export class EventStream {
  readonly #snapshots: Snapshots;
  readonly #times: EventTimes;
  readonly #readers = new Set<Reader>();
  readonly #source: TraceEvents;
  #timer: NodeJS.Timeout | null = null;

  constructor(snapshots: Snapshots, times = TIMES) {
    this.#snapshots = snapshots;
    this.#times = times;
    this.#source = new TraceEvents((name, event) => this.#tell(name, event));
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** Takes an answer over that nobody has begun. */
  add(response: ServerResponse): void {
    const reader: Reader = { response, dropped: 0, slowSince: null };
    beginEvents(response);
    response.write(`retry: ${RETRY_MS}\n\n`);
    response.on('close', () => this.#remove(reader));
    response.on('error', () => {});
    this.#readers.add(reader);
    response.write(messageOf('status', this.#snapshots.status()));
    if (this.#timer !== null) return;
    this.#source.start();
    this.#timer = setInterval(() => this.#onTime(), this.#times.statusMs);
    this.#timer.unref();
  }

  close(): void {
    for (const { response } of [...this.#readers]) response.destroy();
    this.#readers.clear();
    this.#rest();
  }

  #remove(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#readers.size === 0) this.#rest();
  }

  #rest(): void {
    this.#source.stop();
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #onTime(): void {
    this.#source.flush();
    const now = performance.now();
    const status = messageOf('status', this.#snapshots.status());
    for (const reader of [...this.#readers]) {
      const { response } = reader;
      if (response.writableLength === 0) {
        reader.slowSince = null;
        this.#sayDropped(reader);
        response.write(status);
        continue;
      }
      reader.slowSince ??= now;
      if (now - reader.slowSince >= this.#times.patienceMs) response.destroy();
    }
  }

  #tell(name: string, event: unknown): void {
    const message = messageOf(name, event);
    for (const reader of this.#readers) {
      if (reader.response.writableLength > MOST_UNREAD_BYTES) reader.dropped++;
      else reader.response.write(message);
    }
  }

  #sayDropped(reader: Reader): void {
    if (reader.dropped === 0) return;
    const event: DroppedEvent = { at: new Date().toISOString(), events: reader.dropped };
    reader.dropped = 0;
    reader.response.write(messageOf('dropped', event));
  }
}

/** JSON has no line ends in it. */
function messageOf(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
