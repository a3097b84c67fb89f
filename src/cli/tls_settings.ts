/**
 * What the options for certificates say together, before any file is read; and what does not go together.
 *
 *     -s   --tls-cert C [--tls-key K] [--tls-client-ca A] [--tls-pin P]...
 *     -c   [--tls-ca A] [--tls-name N] [--tls-pin P]... [--tls-cert C [--tls-key K]]
 */

import type { Endpoint } from '../core/address.ts';
import type { ProxyMode } from '../proxy/stack.ts';
import type { OptionName } from './options.ts';

/** As --tls-ca: the authorities that the system trusts. */
export const SYSTEM_AUTHORITIES = 'system';

export interface TlsSettings {
  /** What is shown: PEM, the own certificate first. Null: nothing. */
  readonly certFile: string | null;
  /** Its private key. Null: that is in the same file. */
  readonly keyFile: string | null;
  /** Who signs the server's certificate, of a client; or {@link SYSTEM_AUTHORITIES}. Null: nobody has to. */
  readonly caFile: string | null;
  /** Who signs the clients' certificates, of a server. Null: nobody has to. */
  readonly clientCaFile: string | null;
  /** The name that the server's certificate has to be for. Null: the host of the peer's address. */
  readonly name: string | null;
  /** Of the other side's public key, each `sha256/BASE64`. */
  readonly pins: readonly string[];
}

const TLS_NAMES = ['tlsCert', 'tlsKey', 'tlsCa', 'tlsClientCa', 'tlsName', 'tlsPin'] as const;

type Values = ReadonlyMap<OptionName, unknown>;
type Option = (name: OptionName) => string;

/** Whether a server wants to know its clients by their certificates. */
export function asksClients({ clientCaFile, pins }: TlsSettings): boolean {
  return clientCaFile !== null || pins.length > 0;
}

/** @returns null when there is none of these options */
export function tlsSettingsOf(values: Values, mode: ProxyMode): TlsSettings | null {
  if (!TLS_NAMES.some((name) => values.has(name))) return null;
  const text = (name: OptionName) => (values.get(name) as string | undefined) ?? null;
  const pins = (values.get('tlsPin') as string[] | undefined) ?? [];
  // Who wants a certificate and names no authority means those that everybody trusts; a pin is enough by itself.
  const authorities = mode === 'client' && pins.length === 0 ? SYSTEM_AUTHORITIES : null;
  return {
    certFile: text('tlsCert'),
    keyFile: text('tlsKey'),
    caFile: text('tlsCa') ?? authorities,
    clientCaFile: text('tlsClientCa'),
    name: text('tlsName'),
    pins,
  };
}

/** What does not go together, with the option that is to be changed. */
export function tlsProblems(
  values: Values,
  mode: ProxyMode,
  dial: readonly Endpoint[],
  option: Option,
): [string, OptionName][] {
  const given = TLS_NAMES.find((name) => values.has(name));
  if (given === undefined || mode === 'relay') return [];
  const problems: [string, OptionName][] = [];
  if (values.has('tlsKey') && !values.has('tlsCert'))
    problems.push([
      `${option('tlsKey')} goes with ${option('tlsCert')} FILE: a key alone shows nothing`,
      'tlsKey',
    ]);
  else if (mode === 'server' && !values.has('tlsCert'))
    problems.push([
      `${option(given)} goes with ${option('tlsCert')} FILE here: a server has to show a certificate`,
      given,
    ]);
  if (values.has('noEncrypt'))
    problems.push([
      `${option('noEncrypt')} and ${option(given)} contradict each other: leave out one`,
      'noEncrypt',
    ]);
  const signed = values.has('tlsCa') || !values.has('tlsPin');
  const nameless = dial.some(({ host }) => host === undefined) && !values.has('tlsName');
  if (mode === 'client' && signed && nameless)
    problems.push([
      `${option('tlsName')} NAME is missing: the path of a Unix socket is no name that a certificate could be for`,
      given,
    ]);
  return problems;
}
