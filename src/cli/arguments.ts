/**
 * From the command line to a checked configuration. Mistakes are answered with what is wrong and what is right.
 */

import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { AddressError, type Endpoint, takeEndpoint, takeEndpoints } from '../core/address.ts';
import { escapeText } from '../core/format.ts';
import type { LogLevel } from '../core/log.ts';
import { familyProblem, type LocalEnd } from '../layer/tcp/local_end.ts';
import type { CompressionSettings } from '../proxy/compression.ts';
import type { Limits } from '../proxy/limits.ts';
import { DEFAULT_MEMORY_BYTES, type ProxyMode } from '../proxy/stack.ts';
import { type AdminPlace, adminOf, type TopCommand, topOf } from './admin_words.ts';
import { compressionFrom } from './compression.ts';
import { limitsFrom } from './limits.ts';
import { OPTIONS, type OptionName, type OptionSpec, UsageError } from './options.ts';
import { type TlsSettings, tlsProblems, tlsSettingsOf } from './tls_settings.ts';

/** Connections that a client stripes over unless told otherwise. */
const DEFAULT_CARRIERS = 4;

export interface Configuration {
  readonly mode: ProxyMode;
  readonly listen: Endpoint;
  /** The target, or the addresses of the peer. */
  readonly dial: readonly Endpoint[];
  /** Connections that the pair stripes over; 0 is the classic framing. Undefined: a server takes both. */
  readonly carriers: number | 'auto' | undefined;
  /** The file with the shared key; null without one. */
  readonly keyFile: string | null;
  /** Whether connections to the peer are encrypted, given a key. */
  readonly encrypt: boolean;
  /** Certificates; null without. */
  readonly tls: TlsSettings | null;
  /** Where the connections to the peer begin; empty: wherever the routes say. */
  readonly via: readonly LocalEnd[];
  /** Undefined: the best that the kernel permits. */
  readonly congestion: string | undefined;
  readonly compression: CompressionSettings;
  readonly graceMs: number;
  readonly connectTimeoutMs: number;
  readonly drainTimeoutMs: number;
  /** Undefined: as many as there are descriptors for. */
  readonly maxConnections: number | undefined;
  /** What was given of them. */
  readonly limits: Partial<Limits>;
  readonly maxMessageBytes: number;
  /** Bytes that trunks may hold. */
  readonly memoryBytes: number;
  /** Where the admin server listens; null: nowhere. */
  readonly admin: AdminPlace | null;
  readonly logLevel: LogLevel;
  readonly status: boolean;
}

export type Command =
  | { readonly do: 'help' }
  | { readonly do: 'version' }
  /** Without a file, the key is printed. */
  | { readonly do: 'keygen'; readonly file: string | null }
  | TopCommand
  | ({ readonly do: 'run' } & Configuration);

/** @throws UsageError */
export function parseCommand(argv: readonly string[]): Command {
  const { values, words } = readWords(argv);
  if (values.has('help')) return { do: 'help' };
  if (values.has('version')) return { do: 'version' };
  if (words[0] === 'keygen' && values.size === 0) return keygen(words.slice(1));
  const watch = topOf(words, values);
  if (watch !== null) return watch;
  const mode = modeOf(values);
  const [listen, dial] = addressesOf(words, mode);
  if (dial.some(({ port }) => port === 0)) {
    throw new UsageError(`port 0 cannot be dialled; the ${farEnd(mode)} needs its real port`);
  }
  const carriers = carriersOf(values, mode);
  for (const name of values.keys()) checkUse(OPTIONS[name], mode, carriers);
  if (values.has('noEncrypt') && !values.has('key'))
    throw new UsageError('--no-encrypt goes with --key FILE: without a key nothing is encrypted anyway');
  for (const [problem] of tlsProblems(values, mode, dial, (name) => `--${OPTIONS[name].flag}`))
    throw new UsageError(problem);
  const via = (values.get('via') as LocalEnd[] | undefined) ?? [];
  checkVia(via, dial);
  return {
    do: 'run',
    mode,
    listen,
    dial,
    carriers,
    keyFile: (values.get('key') as string | undefined) ?? null,
    encrypt: !values.has('noEncrypt'),
    tls: tlsSettingsOf(values, mode),
    via,
    compression: compressionFrom(values, mode),
    congestion: values.get('congestion') as string | undefined,
    graceMs: (values.get('grace') as number | undefined) ?? 30_000,
    connectTimeoutMs: (values.get('connectTimeout') as number | undefined) ?? 10_000,
    drainTimeoutMs: (values.get('drainTimeout') as number | undefined) ?? 30_000,
    maxConnections: values.get('maxConnections') as number | undefined,
    limits: limitsFrom(values),
    maxMessageBytes: (values.get('maxMessage') as number | undefined) ?? 256 * 1024,
    memoryBytes: (values.get('memory') as number | undefined) ?? DEFAULT_MEMORY_BYTES,
    admin: adminOf(values),
    logLevel: (values.get('logLevel') as LogLevel | undefined) ?? 'info',
    status: !values.has('noStatus'),
  };
}

function carriersOf(values: Map<OptionName, unknown>, mode: ProxyMode): number | 'auto' | undefined {
  const given = values.get('carriers') as number | 'auto' | undefined;
  if (mode === 'relay') return 0;
  if (mode === 'server' && given === 'auto')
    throw new UsageError('-n auto is for -c, which dials; -s takes as many connections as it is given');
  return mode === 'client' ? (given ?? DEFAULT_CARRIERS) : given;
}

/** @throws UsageError for an option that would do nothing here: whoever gave it thinks that it does */
function checkUse(
  { about, flag, short }: OptionSpec<unknown>,
  mode: ProxyMode,
  carriers: number | 'auto' | undefined,
): void {
  if (about === undefined) return;
  const name = short === undefined ? `--${flag}` : `-${short}`;
  if ((about === 'accepting the peer' || about === 'striped clients') && mode !== 'server')
    throw new UsageError(`${name} is for -s, which accepts the peer`);
  if ((about === 'dialling the peer' || about === 'striped servers') && mode !== 'client') {
    const instead = mode === 'server' && flag === OPTIONS.tlsCa.flag ? '; of -s it is --tls-client-ca' : '';
    throw new UsageError(`${name} is for -c, which dials the peer${instead}`);
  }
  if (mode === 'relay') throw new UsageError(`${name} is for -c and -s; a relay (-r) has no peer`);
  if (!['striping', 'striped clients', 'striped servers'].includes(about) || carriers !== 0) return;
  if (flag === OPTIONS.key.flag || flag.startsWith('tls-'))
    throw new UsageError(
      `${name} protects nothing here: the classic framing knows no key and does not encrypt; leave out -n 0`,
    );
  throw new UsageError(`${name} is about striping, and -n 0 does not stripe; leave out one of the two`);
}

function keygen(words: readonly string[]): Command {
  const [file = null, ...more] = words;
  if (more.length > 0)
    throw new UsageError(
      `too much: ${more.map((word) => `'${escapeText(word)}'`).join(' ')}; the form is tcp-proxy keygen [FILE]`,
    );
  // As everywhere, a dash is standard output.
  return { do: 'keygen', file: file === '-' ? null : file };
}

function readWords(argv: readonly string[]): { values: Map<OptionName, unknown>; words: string[] } {
  const options = Object.fromEntries(
    Object.values(OPTIONS as Record<string, OptionSpec<unknown>>).map((spec) => [
      spec.flag,
      {
        type: spec.value === undefined ? ('boolean' as const) : ('string' as const),
        ...(spec.short === undefined ? {} : { short: spec.short }),
      },
    ]),
  );
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<OptionName, unknown>();
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    else if (token.kind === 'option') readOption(token, values);
  }
  return { values, words };
}

function readOption(
  token: { name: string; rawName: string; value: string | undefined },
  values: Map<OptionName, unknown>,
): void {
  const found = (Object.entries(OPTIONS) as [OptionName, OptionSpec<unknown>][]).find(
    ([, spec]) => spec.flag === token.name,
  );
  if (found === undefined) throw new UsageError(unknownOption(token.rawName));
  const [name, spec] = found;
  const before = values.get(name);
  if (before !== undefined && !spec.repeatable) throw new UsageError(`--${spec.flag} is given twice`);
  if (spec.value === undefined) {
    if (token.value !== undefined) throw new UsageError(`--${spec.flag} takes no value`);
    values.set(name, true);
    return;
  }
  if (token.value === undefined || token.value === '')
    throw new UsageError(`--${spec.flag} needs a value: ${spec.help}`);
  const value = spec.parse === undefined ? token.value : spec.parse(token.value, spec.flag);
  values.set(name, spec.repeatable ? [...((before as unknown[]) ?? []), ...(value as unknown[])] : value);
}

function unknownOption(rawName: string): string {
  const name = escapeText(rawName);
  const close = Object.values(OPTIONS).find((spec) => isClose(rawName.replace(/^-+/, ''), spec.flag));
  return `unknown option '${name}'${close === undefined ? '' : `; did you mean --${close.flag}?`}`;
}

/** A beginning of the flag, or at most two letters away from it (Levenshtein). */
function isClose(typed: string, flag: string): boolean {
  if (typed.length >= 3 && flag.startsWith(typed)) return true;
  let row = Array.from({ length: flag.length + 1 }, (_, i) => i);
  for (let i = 1; i <= typed.length; i++) {
    const next = [i];
    for (let j = 1; j <= flag.length; j++) {
      const same = typed[i - 1] === flag[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + same));
    }
    row = next;
  }
  return typed.length >= 3 && (row[flag.length] as number) <= 2;
}

function modeOf(values: Map<OptionName, unknown>): ProxyMode {
  const modes = (['client', 'server', 'relay'] as const).filter((mode) => values.has(mode));
  if (modes.length === 0)
    throw new UsageError('say what to be: -c (near the client), -s (near the server) or -r (plain relay)');
  if (modes.length > 1)
    throw new UsageError(
      `only one of -c, -s and -r is possible, not ${modes.map((m) => `-${m[0]}`).join(' and ')}`,
    );
  return modes[0] as ProxyMode;
}

/** Whether each of them can lead to the peer at all. Whether the machine has them is asked at the start. */
function checkVia(via: readonly LocalEnd[], dial: readonly Endpoint[]): void {
  for (const end of via) {
    const problems = dial.map((endpoint) => {
      const family = endpoint.path === undefined ? isIP(endpoint.host) : 'unix';
      return family === 0 ? null : familyProblem(end, family as 4 | 6 | 'unix');
    });
    const [problem] = problems;
    if (problems.every((found) => found !== null)) throw new UsageError(`--via: ${problem?.message}`);
  }
}

function addressesOf(words: string[], mode: ProxyMode): [Endpoint, Endpoint[]] {
  const form = `-${mode[0]} LISTEN ${farEnd(mode).toUpperCase()}`;
  if (words.length === 0) throw new UsageError(`two addresses are missing: tcp-proxy ${form}`);
  try {
    const [listen, others] = takeEndpoint(words);
    if (others.length === 0)
      throw new UsageError(`the ${farEnd(mode)}'s address is missing: tcp-proxy ${form}`);
    const [dial, rest] = takeEndpoints(others);
    if (rest.length > 0) {
      throw new UsageError(
        `too much: ${rest.map((word) => `'${escapeText(word)}'`).join(' ')}; the form is tcp-proxy ${form}`,
      );
    }
    if (dial.length > 1 && mode !== 'client')
      throw new UsageError(`only the peer of -c may have several addresses; -${mode[0]} has one target`);
    return [listen, dial];
  } catch (error) {
    if (error instanceof AddressError) throw new UsageError(error.message);
    throw error;
  }
}

function farEnd(mode: ProxyMode): 'peer' | 'target' {
  return mode === 'client' ? 'peer' : 'target';
}
