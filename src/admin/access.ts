/**
 * Who may ask the admin server what. Three ways in are closed here:
 *
 *     somebody on the network         without a token it listens on loopback only; with one, each request has to show it
 *     DNS rebinding                   a web page makes its own name lead to 127.0.0.1: its Host header is that name
 *     cross-site request forgery      a web page posts to us: it cannot set our header, as we never answer a preflight
 */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** Has to be on each request that changes something, unless that comes with a Bearer token; the value does not matter. */
export const CHANGE_HEADER = 'x-tcp-striper';

/** Shorter ones can be guessed. */
export const LEAST_TOKEN_LENGTH = 16;

/** Why a request is refused. */
export interface Denial {
  readonly status: 401 | 403 | 421;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class Access {
  readonly #token: Buffer | null;
  readonly #host: string;

  /**
   * @param token what requests have to show; null: nothing
   * @param host the name that was given to listen on, which requests may use as well
   */
  constructor(token: string | null, host: string) {
    this.#token = token === null ? null : digestOf(token);
    this.#host = host.toLowerCase();
  }

  /** Null: it may pass. */
  denial(request: IncomingMessage): Denial | null {
    return this.#wrongHost(request) ?? this.#wrongToken(request) ?? this.#forged(request);
  }

  /** A name that is not ours is one that somebody made to lead here. With a token, that is of no use to them. */
  #wrongHost({ headers }: IncomingMessage): Denial | null {
    if (this.#token !== null) return null;
    const host = hostName(headers.host ?? '');
    const ours = host !== '' && (host === 'localhost' || host === this.#host || isIP(host) !== 0);
    if (ours) return null;
    const message =
      'this name is not known here: use the address or localhost (a page that makes its own name lead here is refused)';
    return { status: 421, message };
  }

  #wrongToken({ headers }: IncomingMessage): Denial | null {
    if (this.#token === null) return null;
    const shown = tokenOf(headers.authorization ?? '');
    // Digests have one length, so that comparing them tells nothing.
    if (shown !== null && timingSafeEqual(digestOf(shown), this.#token)) return null;
    const message =
      shown === null
        ? 'a token is needed: Authorization: Bearer TOKEN, or the token as the password of any user'
        : 'this is not the token';
    // A browser asks for a password then, and shows it again by itself.
    return {
      status: 401,
      message,
      headers: { 'WWW-Authenticate': 'Basic realm="tcp-proxy", charset="UTF-8"' },
    };
  }

  /** Browsers show a password by themselves, and on loopback there is none: only what a page cannot send tells. */
  #forged({ method, headers }: IncomingMessage): Denial | null {
    if (method === 'GET' || method === 'HEAD') return null;
    const site = headers['sec-fetch-site'];
    const foreign = site !== undefined && site !== 'same-origin' && site !== 'none';
    const { origin } = headers;
    const elsewhere = origin !== undefined && hostPart(origin) !== headers.host;
    const bearer = this.#token !== null && /^bearer /i.test(headers.authorization ?? '');
    if (!foreign && !elsewhere && (bearer || headers[CHANGE_HEADER] !== undefined)) return null;
    const message =
      foreign || elsewhere
        ? 'a page of another site may not change anything here'
        : 'what changes something has to come with the header X-Tcp-Striper: 1, which a foreign web page cannot send';
    return { status: 403, message };
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Of `Bearer TOKEN`, or of `Basic base64(user:TOKEN)`. */
function tokenOf(authorization: string): string | null {
  const [, scheme = '', value = ''] = /^(\w+) +(\S+) *$/.exec(authorization) ?? [];
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic') return null;
  const pair = Buffer.from(value, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon < 0 ? null : pair.slice(colon + 1);
}

/** Without port and brackets. */
function hostName(host: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? [];
  return (bracketed ?? plain ?? '').toLowerCase();
}

/** What an Origin would have as Host; null for an opaque one. */
function hostPart(origin: string): string | null {
  return /^https?:\/\/([^/]+)$/.exec(origin)?.[1] ?? null;
}
