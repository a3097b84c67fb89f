/**
 * What the proxy tells, for as long as the page is open: reads /events, and when that ends, or nothing comes any more,
 * begins anew until it is there again.
 *
 * By fetch() and not by EventSource, which does not say why it failed, and takes a connection that died in silence for one
 * on which nothing happens.
 */

import type { CarrierEvent, StatusDocument } from '../../admin/documents.ts';
import { EventParser, type ServerEvent } from './sse.ts';

export interface FeedListener {
  onStatus(status: StatusDocument): void;
  onCarrier(event: CarrierEvent): void;
  /** Nothing comes; it is tried again. In words: why. */
  onLost(why: string): void;
  /** A token is asked for, and the browser has none, or an old one. */
  onDenied(): void;
}

/** A document comes each second; a proxy that is busy may be late. */
const SILENCE_MS = 6000;
const PAUSES_MS = [500, 1000, 2000, 3000];

export class Feed {
  readonly #listener: FeedListener;
  #tries = 0;

  constructor(listener: FeedListener) {
    this.#listener = listener;
    void this.#run();
  }

  async #run(): Promise<void> {
    for (;;) {
      const why = await this.#read();
      if (why === null) {
        this.#listener.onDenied();
        return;
      }
      this.#listener.onLost(why);
      const pause = PAUSES_MS[Math.min(this.#tries++, PAUSES_MS.length - 1)] as number;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /** Reads until it ends. @returns why it did; null: without the token it is no use to try again */
  async #read(): Promise<string | null> {
    const abort = new AbortController();
    let silence = setTimeout(() => abort.abort(), SILENCE_MS);
    try {
      const headers = { accept: 'text/event-stream' };
      const answer = await fetch(eventsUrl(), { headers, cache: 'no-store', signal: abort.signal });
      if (answer.status === 401 || answer.status === 403) return null;
      if (!answer.ok || answer.body === null) return `it answers with ${answer.status}`;
      const parser = new EventParser();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return 'it has closed the connection';
        clearTimeout(silence);
        silence = setTimeout(() => abort.abort(), SILENCE_MS);
        for (const event of parser.push(value)) this.#tell(event);
      }
    } catch {
      // What fetch() says of it is for developers, and differs from browser to browser.
      return abort.signal.aborted ? 'nothing has come from it for some seconds' : 'it cannot be reached';
    } finally {
      clearTimeout(silence);
      abort.abort();
    }
  }

  /** Not from inside the reading: what goes wrong with showing it is no failure of the connection. */
  #tell({ type, data }: ServerEvent): void {
    if (type === 'status') {
      this.#tries = 0;
      queueMicrotask(() => this.#listener.onStatus(JSON.parse(data) as StatusDocument));
    } else if (type === 'carrier') {
      queueMicrotask(() => this.#listener.onCarrier(JSON.parse(data) as CarrierEvent));
    }
  }
}

/** Beside the page. Who gave the token in the address has it in that of the page, and fetch() takes none that has one. */
function eventsUrl(): URL {
  const url = new URL('events', document.baseURI);
  url.username = '';
  url.password = '';
  return url;
}
