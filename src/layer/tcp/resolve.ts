/**
 * From an endpoint to the numeric addresses behind it, asked for anew at each connection.
 *
 * IPv6 and IPv4 are looked up at the same time and delivered as they come, so that a slow AAAA server does not hold up
 * IPv4 (RFC 8305, section 3). The system's resolver does the work: /etc/hosts, search domains and mDNS count.
 */

import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import type { Endpoint, SocketAddress } from '../../core/address.ts';
import { PipeError } from '../../core/errors.ts';

/** Looks up one family; fails with an error whose `code` is the resolver's. */
export type LookupFamily = (host: string, family: 4 | 6) => Promise<string[]>;

export interface ResolveHandlers {
  /** Addresses of one family. Called at most once a family, before onDone. */
  onAddresses(family: 4 | 6 | 'unix', addresses: SocketAddress[]): void;
  /** Both families have answered. With an error when neither has an address. */
  onDone(error: PipeError | null): void;
}

// Each address once: where /etc/hosts has `::1 localhost`, glibc finds 127.0.0.1 twice.
/** Questions that the resolver has not answered yet. */
const underWay = new Map<string, Promise<string[]>>();

/**
 * The system's resolver. Those who ask for the same name while it is being looked up share the answer: the resolver blocks
 * one of libuv's four threads per question, and a slow name server would otherwise hold up every other name as well.
 */
export const systemLookup: LookupFamily = (host, family) => {
  const question = `${family} ${host}`;
  const asked = underWay.get(question);
  if (asked !== undefined) return asked;
  const answer = new Promise<string[]>((resolve, reject) => {
    lookup(host, { family, all: true }, (error, found) => {
      underWay.delete(question);
      if (error) reject(error);
      // glibc may name an address twice: /etc/hosts often gives localhost to both families.
      else resolve([...new Set(found.map((entry) => entry.address))]);
    });
  });
  underWay.set(question, answer);
  return answer;
};

/** Resolves to connect. An empty host is this machine. Numeric hosts and paths are answered before it returns. */
export function resolve(
  endpoint: Endpoint,
  handlers: ResolveHandlers,
  lookupFamily: LookupFamily = systemLookup,
): void {
  const known = knownAddresses(endpoint);
  if (known !== null) {
    for (const address of known) handlers.onAddresses(address.family, [address]);
    handlers.onDone(null);
    return;
  }
  const { host, port } = endpoint as Endpoint & { readonly host: string };
  let waiting = 2;
  let found = 0;
  let failure: NodeJS.ErrnoException | null = null;
  const settle = () => {
    if (--waiting > 0) return;
    handlers.onDone(found > 0 ? null : resolveError(host, failure));
  };
  for (const wanted of [6, 4] as const) {
    lookupFamily(host, wanted).then(
      (addresses) => {
        found += addresses.length;
        if (addresses.length > 0) {
          handlers.onAddresses(
            wanted,
            addresses.map((address) => ({ family: wanted, host: address, port })),
          );
        }
        settle();
      },
      (error: NodeJS.ErrnoException) => {
        // "No such name" says more than "no address of this family".
        if (failure === null || error.code === 'EAI_AGAIN') failure = error;
        settle();
      },
    );
  }
}

/** The addresses to connect to that nobody has to be asked for; null for a name. */
export function knownAddresses(endpoint: Endpoint): SocketAddress[] | null {
  if (endpoint.path !== undefined) return [{ family: 'unix', path: endpoint.path }];
  const { host, port } = endpoint;
  // "localhost" is this machine by definition, and not a name to ask a server for (RFC 6761, section 6.3).
  if (host === '' || host.toLowerCase() === 'localhost')
    return [
      { family: 6, host: '::1', port },
      { family: 4, host: '127.0.0.1', port },
    ];
  const family = isIP(host);
  return family === 4 || family === 6 ? [{ family, host, port }] : null;
}

/** All addresses to listen on. An empty host is every address of the machine. */
export async function resolveAll(
  endpoint: Endpoint,
  lookupFamily: LookupFamily = systemLookup,
): Promise<SocketAddress[]> {
  if (endpoint.host === '') return [{ family: 6, host: '::', port: endpoint.port }];
  return new Promise((done, fail) => {
    const all: SocketAddress[] = [];
    const handlers: ResolveHandlers = {
      onAddresses: (_family, addresses) => all.push(...addresses),
      onDone: (error) => (error === null ? done(all) : fail(error)),
    };
    resolve(endpoint, handlers, lookupFamily);
  });
}

function resolveError(host: string, cause: NodeJS.ErrnoException | null): PipeError {
  const reason = cause?.code === 'EAI_AGAIN' ? 'the name server does not answer' : 'no such host';
  return new PipeError(
    'resolve',
    'resolve',
    `cannot resolve '${host}': ${reason}${cause?.code ? ` (${cause.code})` : ''}`,
    cause,
  );
}
