/**
 * What the command line says of admin servers: of our own, and of the one that `tcp-proxy top` asks.
 */

import { AddressError, type Endpoint, parseEndpoint } from '../core/address.ts';
import { escapeText } from '../core/format.ts';
import { type OptionName, UsageError } from './options.ts';

/** Where the admin server listens, and what requests have to show. */
export interface AdminPlace {
  readonly listen: Endpoint;
  readonly tokenFile: string | null;
}

/** Which one to ask. */
export interface TopCommand {
  readonly do: 'top';
  readonly admin: Endpoint;
  readonly tokenFile: string | null;
}

/** The port that the README uses. */
const USUAL_PORT = 9977;
const LOOPBACK = '127.0.0.1';

type Values = ReadonlyMap<OptionName, unknown>;

export function adminOf(values: Values): AdminPlace | null {
  const listen = values.get('admin') as Endpoint | undefined;
  return listen === undefined ? null : { listen, tokenFile: tokenFileOf(values) };
}

/** `top [ADMIN]`; null when it is something else. @throws UsageError */
export function topOf(words: readonly string[], values: Values): TopCommand | null {
  const [first, admin = String(USUAL_PORT), ...more] = words;
  if (first !== 'top' || ['client', 'server', 'relay'].some((mode) => values.has(mode as OptionName)))
    return null;
  const other = [...values.keys()].find((name) => name !== 'adminToken');
  if (other !== undefined || more.length > 0)
    throw new UsageError('the form is tcp-proxy top [[HOST:]PORT] [--admin-token FILE]');
  return { do: 'top', admin: placeOf(admin), tokenFile: tokenFileOf(values) };
}

/** Also as the log says it: `http://127.0.0.1:9977/`. */
function placeOf(text: string): Endpoint {
  if (/^https:/i.test(text))
    throw new UsageError(`top ${escapeText(text)}: an admin server speaks HTTP without TLS; write HOST:PORT`);
  try {
    const endpoint = parseEndpoint(text.replace(/^http:\/\/([^/]+)\/?$/i, '$1'));
    return endpoint.host === '' ? { host: LOOPBACK, port: endpoint.port } : endpoint;
  } catch (error) {
    if (error instanceof AddressError) throw new UsageError(`top: ${error.message}`);
    throw error;
  }
}

function tokenFileOf(values: Values): string | null {
  return (values.get('adminToken') as string | undefined) ?? null;
}
