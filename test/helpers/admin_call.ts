/**
 * Requests to an admin server, as they are: any method, any header, any Host.
 */

import { type IncomingHttpHeaders, request } from 'node:http';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what came is what a test is about
  readonly json: any;
}

export interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What changes something needs this. */
export const CHANGE = { 'X-Tcp-Striper': '1' } as const;

export function call(
  port: number,
  path: string,
  { method = 'GET', headers = {}, body }: Call = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece) => {
        text += piece;
      });
      response.on('end', () => {
        const isJson = /json/.test(response.headers['content-type'] ?? '') && text !== '';
        const json = isJson ? JSON.parse(text) : null;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
      });
      response.on('error', reject);
    });
    asked.on('error', reject);
    asked.setTimeout(60_000, () => asked.destroy(new Error(`no answer to ${method} ${path}`)));
    asked.end(body);
  });
}

export interface SentEvent {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: what came is what a test is about
  readonly data: any;
}

/** Reads /events until told to stop. */
export class EventReader {
  readonly events: SentEvent[] = [];
  over = false;
  readonly #stop: () => void;
  #text = '';

  constructor(port: number, headers: Readonly<Record<string, string>> = {}) {
    const asked = request({ host: '127.0.0.1', port, path: '/events', headers, agent: false }, (response) => {
      response.setEncoding('utf8');
      response.on('data', (piece: string) => this.#take(piece));
      response.on('close', () => {
        this.over = true;
      });
      response.on('error', () => {});
    });
    asked.on('error', () => {
      this.over = true;
    });
    asked.end();
    this.#stop = () => asked.destroy();
  }

  named(name: string): SentEvent['data'][] {
    return this.events.filter((event) => event.name === name).map(({ data }) => data);
  }

  close(): void {
    this.#stop();
  }

  #take(piece: string): void {
    const blocks = (this.#text + piece).split('\n\n');
    this.#text = blocks.pop() ?? '';
    for (const block of blocks) {
      const name = /^event: (.*)$/m.exec(block)?.[1];
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (name !== undefined && data !== undefined) this.events.push({ name, data: JSON.parse(data) });
    }
  }
}
