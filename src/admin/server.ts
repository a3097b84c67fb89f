/**
 * AdminServer: what an operator asks a running proxy, over HTTP: the API (routes.ts), /events, /metrics, and the page at /.
 *
 *     request --> access.ts --> the route --> answer.ts
 *
 * It is a guest in a process that has other work to do. What it may take is bounded: connections, readers of events, the
 * size of a request and the time for one; and while nobody asks, it does nothing.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { SocketAddress } from '../core/address.ts';
import { Access } from './access.ts';
import { type Answer, json, RequestError, send } from './answer.ts';
import { EventStream, MOST_READERS } from './events.ts';
import { apiRoutes, type Route } from './routes.ts';
import type { Watched } from './services.ts';
import { Snapshots } from './status.ts';

const MOST_CONNECTIONS = 64;
const MOST_HEADER_BYTES = 8 * 1024;
/** A request says all it has to say in its path. */
const MOST_BODY_BYTES = 1024;
const REQUEST_MS = 10_000;
const KEEP_ALIVE_MS = 5000;
/** A socket on which nothing moves. /events says something each second. */
const IDLE_MS = 60_000;

export interface AdminOptions extends Watched {
  /** Where to listen: numeric, and port 0 for a free one. */
  readonly host: string;
  readonly port: number;
  /** A name that requests may use for it; see access.ts. */
  readonly name?: string;
  /** What requests have to show. Null: they need nothing, so the address has to be a loopback one. */
  readonly token: string | null;
  /** Further routes: metrics, pages. */
  readonly routes?: (snapshots: Snapshots) => readonly Route[];
  /** A handler threw what it should not. */
  readonly onBug: (bug: unknown) => void;
}

export class AdminServer {
  readonly #options: AdminOptions;
  readonly #server: Server;
  readonly #access: Access;
  readonly #events: EventStream;
  readonly #routes: readonly Route[];

  constructor(options: AdminOptions) {
    this.#options = options;
    this.#access = new Access(options.token, options.name ?? '');
    const snapshots = new Snapshots(options);
    this.#events = new EventStream(snapshots);
    this.#routes = [...apiRoutes(options, snapshots), ...(options.routes?.(snapshots) ?? [])];
    this.#server = createServer({
      maxHeaderSize: MOST_HEADER_BYTES,
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: REQUEST_MS,
    });
    this.#server.maxConnections = MOST_CONNECTIONS;
    this.#server.setTimeout(IDLE_MS);
    this.#server.on('request', (request, response) => this.#onRequest(request, response));
  }

  /** Every route, for who checks them; /events is one of them. */
  get routes(): readonly Pick<Route, 'method' | 'path'>[] {
    return [...this.#routes, { method: 'GET', path: '/events' }];
  }

  /** Where it listens, with its real port. */
  get address(): SocketAddress {
    const { address, port, family } = this.#server.address() as {
      address: string;
      port: number;
      family: string;
    };
    return { family: family === 'IPv6' ? 6 : 4, host: address, port };
  }

  /** @throws Error of the system, when the address cannot be had */
  listen(): Promise<void> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject);
        // Accepting may fail for want of descriptors: those who are served go on.
        this.#server.on('error', () => {});
        resolve();
      });
    });
  }

  /** Lets go of everybody, at once. */
  close(): void {
    this.#events.close();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    let bodyBytes = 0;
    request.on('data', (data: Buffer) => {
      bodyBytes += data.length;
      if (bodyBytes > MOST_BODY_BYTES) request.destroy();
    });
    request.on('error', () => {});
    response.on('error', () => {});
    const withBody = request.method !== 'HEAD';
    this.#answer(request, response).then(
      (answer) => {
        if (answer !== null) send(response, answer, withBody);
      },
      (error: unknown) => send(response, this.#mistake(error), withBody),
    );
  }

  /** Null when the response is taken care of. */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<Answer | null> {
    const { pathname, searchParams: query } = urlOf(request.url ?? '/');
    const isEvents = pathname === '/events';
    const matches = isEvents ? [] : this.#matches(pathname);
    if (!matches.some(({ route }) => route.open === true)) {
      const denial = this.#access.denial(request);
      if (denial !== null) throw new RequestError(denial.status, denial.message, denial.headers);
    }
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    if (isEvents) return this.#streamEvents(method, request, response);
    if (matches.length === 0)
      throw new RequestError(404, 'there is nothing here: docs/admin.md lists what there is');
    const match = matches.find(({ route }) => route.method === method);
    if (match === undefined) throw wrongMethod(matches.map(({ route }) => route.method));
    const { route, path } = match;
    for (const name of query.keys()) {
      if (!route.query?.includes(name))
        throw new RequestError(400, `unknown parameter ${JSON.stringify(name.slice(0, 80))}`);
    }
    return route.answer({ path, query, accept: request.headers.accept ?? '' });
  }

  #streamEvents(method: string | undefined, request: IncomingMessage, response: ServerResponse): null {
    if (method !== 'GET') throw wrongMethod(['GET']);
    if (request.method === 'HEAD')
      throw new RequestError(405, 'events have no end: GET them', { Allow: 'GET' });
    if (this.#events.readers >= MOST_READERS)
      throw new RequestError(503, `${MOST_READERS} readers already: close one, or ask for /api/v1/status`);
    this.#events.add(response);
    return null;
  }

  #matches(pathname: string): { route: Route; path: Record<string, string> }[] {
    const parts = pathname.split('/');
    return this.#routes.flatMap((route) => {
      const path = pathOf(route.path.split('/'), parts);
      return path === null ? [] : [{ route, path }];
    });
  }

  #mistake(error: unknown): Answer {
    if (error instanceof RequestError)
      return { ...json({ error: error.message }, error.status), headers: error.headers };
    this.#options.onBug(error);
    return json({ error: 'a bug in tcp-proxy: its log says more' }, 500);
  }
}

/** What stands for the names of a pattern; null when it does not fit. */
function pathOf(pattern: readonly string[], parts: readonly string[]): Record<string, string> | null {
  if (pattern.length !== parts.length) return null;
  const path: Record<string, string> = {};
  for (const [i, expected] of pattern.entries()) {
    const part = parts[i] as string;
    const name = /^\{(\w+)\}$/.exec(expected)?.[1];
    if (name === undefined) {
      if (part !== expected) return null;
    } else if (part === '') return null;
    else path[name] = decoded(part);
  }
  return path;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new RequestError(400, 'the path is not encoded as a URL');
  }
}

function urlOf(url: string): URL {
  try {
    return new URL(url, 'http://localhost');
  } catch {
    throw new RequestError(400, 'this is no path');
  }
}

function wrongMethod(methods: readonly string[]): RequestError {
  const allowed = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return new RequestError(405, `only ${allowed.join(', ')} here`, { Allow: allowed.join(', ') });
}
