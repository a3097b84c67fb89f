/**
 * MockAdmin: an admin server for the dashboard's tests, which tells whatever a test wants the page to hear.
 *
 * It hands out the real files of the dashboard; only the proxy behind it is made up.
 */

import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Test } from 'tap';
import type {
  CarrierDocument,
  CarrierEvent,
  ConnectionDocument,
  StatusDocument,
  TrunkDocument,
} from '../../src/admin/documents.ts';
import { dashboardAsset, PAGE_POLICY } from '../../src/dashboard/assets.ts';

export function carrier(index: number, over: Partial<CarrierDocument> = {}): CarrierDocument {
  return {
    index,
    id: index,
    state: 'open',
    local: `192.0.2.7:${40_000 + index}`,
    remote: '198.51.100.9:22222',
    ageMs: 60_000,
    sentBytes: 0,
    receivedBytes: 0,
    inFlightBytes: 0,
    cwndBytes: 180_000,
    unsentBytes: 0,
    srttMs: 50,
    rate: null,
    rateIsLimit: false,
    stalls: 0,
    repeatedBytes: 0,
    retransmits: 0,
    ...over,
  };
}

export function connection(id: string, over: Partial<ConnectionDocument> = {}): ConnectionDocument {
  return {
    id,
    service: '',
    from: '192.0.2.7:51000',
    to: '198.51.100.9:22',
    state: 'open',
    near: 'open',
    far: 'open',
    ageMs: 12_000,
    bytesForward: 0,
    bytesBackward: 0,
    rateForward: 0,
    rateBackward: 0,
    congestionsForward: 0,
    congestionsBackward: 0,
    windowBytes: 262_144,
    earlyBytes: 0,
    repeatedBytes: 0,
    compressionRatio: null,
    ...over,
  };
}

export function trunk(
  carriers: readonly CarrierDocument[],
  over: Partial<TrunkDocument> = {},
): TrunkDocument {
  const sentBytes = carriers.reduce((sum, one) => sum + one.sentBytes, 0);
  const parts = { id: 't1', peer: '198.51.100.9:22222', streams: 1, sentBytes, dataBytes: sentBytes };
  const counts = { repeatedBytes: 0, lost: 0, stalls: 0, peakEarlyBytes: 0 };
  return { ...parts, ...counts, service: '', carriers, ...over };
}

export function status(uptimeMs: number, over: Partial<StatusDocument> = {}): StatusDocument {
  return {
    version: '0.1.0',
    mode: 'client',
    listen: ['127.0.0.1:11111'],
    dial: ['198.51.100.9:22222'],
    backend: 'native',
    pid: 4711,
    startedAt: '2026-11-21T09:30:00.000Z',
    uptimeMs,
    options: {},
    services: [],
    totals: { connections: 3, open: 1, failed: 0, broken: 0, bytesForward: 0, bytesBackward: 0 },
    memory: { capacityBytes: 256e6, usedBytes: 3e6 },
    trunks: [trunk([0, 1, 2, 3].map((index) => carrier(index)))],
    connections: [connection('c1')],
    trunksOmitted: 0,
    connectionsOmitted: 0,
    ...over,
  };
}

export class MockAdmin {
  readonly #server: Server;
  readonly #readers = new Set<ServerResponse>();
  /** The last document, which a page that comes gets at once, as from a proxy. */
  #last: StatusDocument | null = null;
  /** How /events is answered, if not with events. */
  refusal: number | null = null;
  /** Paths that were asked for and that there are none of. */
  readonly unknown: string[] = [];

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', ({ url = '/' }, response) => {
      if (url === '/events') this.#read(response);
      else this.#serve(url, response);
    });
  }

  static async listen(t: Test, port = 0): Promise<MockAdmin> {
    const server = createServer();
    const mock = new MockAdmin(server);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    t.teardown(() => mock.close());
    return mock;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  get readers(): number {
    return this.#readers.size;
  }

  tell(document: StatusDocument): void {
    this.#last = document;
    this.#send('status', document);
  }

  tellCarrier(event: Partial<CarrierEvent>): void {
    this.#send('carrier', {
      at: '2026-11-21T09:30:00.000Z',
      trunk: 't1',
      index: 0,
      what: 'joined',
      ...event,
    });
  }

  /** As when the process is killed. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  #send(name: string, data: unknown): void {
    for (const reader of this.#readers) reader.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  #read(response: ServerResponse): void {
    if (this.refusal !== null) {
      response.writeHead(this.refusal).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    this.#readers.add(response);
    response.on('close', () => this.#readers.delete(response));
    response.write('retry: 2000\n\n');
    if (this.#last !== null) response.write(`event: status\ndata: ${JSON.stringify(this.#last)}\n\n`);
  }

  #serve(path: string, response: ServerResponse): void {
    const asset = dashboardAsset(path);
    if (asset === undefined) {
      this.unknown.push(path);
      response.writeHead(404).end();
    } else
      response
        .writeHead(200, { 'content-type': asset.type, 'content-security-policy': PAGE_POLICY })
        .end(asset.body);
  }
}
