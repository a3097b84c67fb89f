/**
 * Addresses: as people write them (an Endpoint), and as sockets take them (a SocketAddress).
 *
 *     host:port     host port (two words)     :port     port     [v6]:port     /path/to.sock     unix:path
 */

import { isIP, isIPv6 } from 'node:net';
import { escapeText } from './format.ts';

/** Where to listen or connect, before names are resolved. An empty host means every address, or this machine. */
export type Endpoint =
  | { readonly host: string; readonly port: number; readonly path?: never }
  | { readonly path: string; readonly host?: never; readonly port?: never };

/**
 * Where a socket is: `host` is numeric, and a link-local IPv6 one ends in `%scope`. A path is a file, or a name in the
 * abstract namespace if it begins with `\\0`; '' is a Unix socket without a name, which cannot be bound or connected to.
 */
export type SocketAddress =
  | { readonly family: 4 | 6; readonly host: string; readonly port: number }
  | { readonly family: 'unix'; readonly path: string };

/** What is wrong with an address, said to the person who wrote it. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
}

const FORMS = 'write host:port, "host port", :port, port, [ipv6]:port or /path/to/socket';

/** Parses an address of one word. @throws AddressError */
export function parseEndpoint(text: string): Endpoint {
  const endpoint = parseWord(text);
  if (endpoint === null) throw new AddressError(`'${escapeText(text)}' has no port: ${FORMS}`);
  return endpoint;
}

/**
 * Takes one address off a list of words: one word, or two when the first is a host alone and the second its port.
 *
 * @returns the address and the words that are left
 * @throws AddressError
 */
export function takeEndpoint(words: readonly string[]): [Endpoint, string[]] {
  const [first] = words;
  if (first === undefined) throw new AddressError(`an address is missing: ${FORMS}`);
  const [[endpoint], rest] = takeList([first], words);
  return [endpoint as Endpoint, rest];
}

/**
 * As {@link takeEndpoint}, for a comma list: `a:1,b:2`, or `a,b` with the port of both in the next word. What has a slash
 * in it, or begins with `unix:`, is one path, commas and all.
 *
 * @throws AddressError
 */
export function takeEndpoints(words: readonly string[]): [Endpoint[], string[]] {
  const [first] = words;
  if (first === undefined) throw new AddressError(`an address is missing: ${FORMS}`);
  const one = first.includes('/') || first.startsWith('unix:');
  return takeList(one ? [first] : first.split(','), words);
}

/** @param parts of the first of the words */
function takeList(parts: readonly string[], words: readonly string[]): [Endpoint[], string[]] {
  const [, second, ...others] = words;
  const whole = parts.map(parseWord);
  if (whole.every((endpoint) => endpoint !== null)) return [whole, words.slice(1)];
  const endpoints = parts.map((part, i) => {
    if (whole[i]) return whole[i];
    if (second === undefined || !/^\d+$/.test(second))
      throw new AddressError(`'${escapeText(part)}' has no port: ${FORMS}`);
    return { host: parseHost(unbracket(part), part), port: parsePort(second, second) };
  });
  return [endpoints, others];
}

/** As one word that {@link parseEndpoint} reads again. */
export function formatEndpoint(endpoint: Endpoint): string {
  if (endpoint.path !== undefined) return formatPath(endpoint.path);
  return `${endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}`;
}

/** `a:1`, `a:1 or b:2`: of which one answers. */
export function formatEndpoints(endpoints: readonly Endpoint[]): string {
  return endpoints.map(formatEndpoint).join(' or ');
}

export function formatAddress(address: SocketAddress): string {
  return address.family === 'unix' ? formatPath(address.path) : formatEndpoint(address);
}

/** Nobody on another machine can connect to it. */
export function isLoopback(address: SocketAddress): boolean {
  return address.family === 'unix' || /^(::ffff:)?127\.|^::1$/i.test(address.host);
}

function formatPath(path: string): string {
  // Only a slash tells a path from a host: '.sock' needs the prefix as much as 'sock' does.
  return /^\.{0,2}\//.test(path) ? path : `unix:${path.replace('\0', '@')}`;
}

/** The address, or null for a host without its port. */
function parseWord(word: string): Endpoint | null {
  if (word === '') throw new AddressError(`an address is empty: ${FORMS}`);
  if (word.startsWith('unix:')) return unixEndpoint(word.slice('unix:'.length), word);
  if (word.includes('/')) return unixEndpoint(word, word);
  if (/^\d+$/.test(word)) return { host: '', port: parsePort(word, word) };
  if (word.startsWith('[')) return parseBracketed(word);
  if (isIPv6(word)) return null;
  const colon = word.lastIndexOf(':');
  if (colon < 0) {
    parseHost(word, word);
    return null;
  }
  if (word.indexOf(':') !== colon) {
    throw new AddressError(
      `'${escapeText(word)}': an IPv6 address with a port is written in brackets, [::1]:22`,
    );
  }
  const host = word.slice(0, colon);
  return {
    host: host === '' || host === '*' ? '' : parseHost(host, word),
    port: parsePort(word.slice(colon + 1), word),
  };
}

function parseBracketed(word: string): Endpoint | null {
  const close = word.indexOf(']');
  const host = word.slice(1, close < 0 ? undefined : close);
  if (close < 0 || !isIPv6(host)) {
    throw new AddressError(
      `'${escapeText(word)}': between the brackets belongs an IPv6 address, as in [::1]:22`,
    );
  }
  const after = word.slice(close + 1);
  if (after === '') return null;
  if (!after.startsWith(':'))
    throw new AddressError(`'${escapeText(word)}': behind the bracket belongs a port, as in [::1]:22`);
  return { host, port: parsePort(after.slice(1), word) };
}

function unbracket(word: string): string {
  return word.startsWith('[') && word.endsWith(']') ? word.slice(1, -1) : word;
}

function unixEndpoint(path: string, word: string): Endpoint {
  if (path === '' || path === '@')
    throw new AddressError(`'${escapeText(word)}': the path of the Unix socket is missing`);
  // As everywhere on Linux, @name is the abstract namespace.
  const name = path.startsWith('@') ? `\0${path.slice(1)}` : path;
  if (name.indexOf('\0', 1) >= 0)
    throw new AddressError(`'${escapeText(word)}': a path cannot contain a NUL byte`);
  // sun_path has 108 bytes, of which a path needs one for its NUL (unix(7)).
  if (Buffer.byteLength(name) > 107) {
    throw new AddressError(`'${escapeText(word)}': the path of a Unix socket has at most 107 bytes`);
  }
  return { path: name };
}

function parsePort(text: string, word: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port >= 0 && port <= 65535) return port;
  throw new AddressError(`'${escapeText(word)}': the port must be a number from 0 to 65535`);
}

function parseHost(host: string, word: string): string {
  if (isIP(host) !== 0) return host;
  // `unix:80` is a path.
  if (host === 'unix')
    throw new AddressError(
      `'${escapeText(word)}': a host cannot be called unix here, as unix:NAME is a path; write unix. (with a dot)`,
    );
  // Four numbers are meant as an address: 1.2.3.400 is a typing error, not a name to look up.
  if (/^[\d.]+$/.test(host))
    throw new AddressError(`'${escapeText(word)}': ${escapeText(host)} is not an IPv4 address`);
  // Letters of any script (the resolver punycodes them), digits, hyphens, underscores, dots: RFC 1123, and what is in use.
  if (host.length <= 253 && /^[\p{L}\p{N}_]([\p{L}\p{N}\p{M}_.-]*[\p{L}\p{N}\p{M}_.])?$/u.test(host))
    return host;
  throw new AddressError(`'${escapeText(word)}': '${escapeText(host)}' is not a host name or an IP address`);
}
