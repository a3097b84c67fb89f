/**
 * Answers of the admin server: JSON, text, and mistakes in words.
 */

import type { ServerResponse } from 'node:http';

/** What a handler gives back. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What is wrong with a request, said to who sent it. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** On each answer. Nothing of it may be kept, guessed at, framed, or taken by another site. */
const ALWAYS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
} as const;

export function json(value: unknown, status = 200): Answer {
  return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n` };
}

export function text(body: string, status = 200): Answer {
  return { status, type: 'text/plain; charset=utf-8', body };
}

/** @param withBody false for a HEAD request */
export function send(
  response: ServerResponse,
  { status, type, body, headers }: Answer,
  withBody: boolean,
): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  response.writeHead(status, { ...ALWAYS, 'Content-Type': type, 'Content-Length': length, ...headers });
  response.end(withBody ? body : undefined);
}

/** For a stream of events, which has no end. */
export function beginEvents(response: ServerResponse): void {
  response.writeHead(200, { ...ALWAYS, 'Content-Type': 'text/event-stream; charset=utf-8' });
}
