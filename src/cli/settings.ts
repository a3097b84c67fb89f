/**
 * What a listener is to be, put together from the values of its options, wherever those were given: on the command line, in
 * the environment, in a configuration file. What contradicts itself is a mistake, and so is what would do nothing: whoever
 * gave it thinks that it does.
 */

import { isIP } from 'node:net';
import type { Endpoint } from '../core/address.ts';
import type { LogLevel } from '../core/log.ts';
import { familyProblem, type LocalEnd } from '../layer/tcp/local_end.ts';
import type { CompressionSettings } from '../proxy/compression.ts';
import type { Limits } from '../proxy/limits.ts';
import { DEFAULT_MEMORY_BYTES, type ProxyMode } from '../proxy/stack.ts';
import { type AdminPlace, adminOf } from './admin_words.ts';
import { compressionFrom } from './compression.ts';
import { limitsFrom } from './limits.ts';
import { type LogFormat, OPTIONS, type OptionName, type OptionSpec, UsageError } from './options.ts';
import { type TlsSettings, tlsProblems, tlsSettingsOf } from './tls_settings.ts';

/** Connections that a client stripes over unless told otherwise. */
const DEFAULT_CARRIERS = 4;

/** What is true of the whole process: the same at each of its listeners. */
export interface ProcessSettings {
  readonly drainTimeoutMs: number;
  /** Bytes that trunks may hold, all together. */
  readonly memoryBytes: number;
  /** Where the admin server listens; null: nowhere. */
  readonly admin: AdminPlace | null;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly status: boolean;
}

/** Where a listener is and where it leads to: what is no option. */
export interface Ends {
  readonly mode: ProxyMode;
  readonly listen: Endpoint;
  /** The target, or the addresses of the peer. */
  readonly dial: readonly Endpoint[];
}

export interface Configuration extends Ends, ProcessSettings {
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
  /** Undefined: as many as there are descriptors for. */
  readonly maxConnections: number | undefined;
  /** What was given of them. */
  readonly limits: Partial<Limits>;
  readonly maxMessageBytes: number;
}

/** The values of options that were given, each as its parser made it; a switch is true. */
export type Values = ReadonlyMap<OptionName, unknown>;

/** How people call things where they wrote them. */
export interface Wording {
  /** `--grace` on the command line, `grace` in a file. */
  option(name: OptionName): string;
  /** `-c`, `a client`. */
  mode(mode: ProxyMode): string;
  /** `a relay (-r)`, `a relay`. */
  readonly relay: string;
  /** `-n 0`, `carriers: 0`. */
  classic(carriers: 0 | 'auto'): string;
}

/**
 * @param onProblem takes each mistake; without it, the first one is thrown
 * @throws UsageError
 */
export function configurationOf(
  ends: Ends,
  values: Values,
  wording: Wording,
  onProblem: (problem: UsageError, option: OptionName | null) => void = (problem) => {
    throw problem;
  },
): Configuration {
  const { mode, dial } = ends;
  const said = (text: string | null, option: OptionName | null = null) => {
    if (text !== null) onProblem(new UsageError(text), option);
  };
  if (dial.some(({ port }) => port === 0))
    said(`port 0 cannot be dialled; the ${farEnd(mode)} needs its real port`);
  if (mode === 'server' && values.get('carriers') === 'auto')
    said(
      `${wording.classic('auto')} is for ${wording.mode('client')}, which dials; ${wording.mode('server')} takes as many connections as it is given`,
      'carriers',
    );
  const carriers = carriersOf(values, mode);
  for (const name of values.keys()) said(uselessness(name, ends, values, wording), name);
  if (values.has('noEncrypt') && !values.has('key'))
    said(
      `${wording.option('noEncrypt')} goes with ${wording.option('key')}: without a key nothing is encrypted anyway`,
      'noEncrypt',
    );
  for (const [problem, option] of tlsProblems(values, mode, dial, wording.option)) said(problem, option);
  if (values.has('adminToken') && !values.has('admin'))
    said(
      `${wording.option('adminToken')} goes with ${wording.option('admin')}, which is not given`,
      'adminToken',
    );
  const via = (values.get('via') as LocalEnd[] | undefined) ?? [];
  for (const problem of viaProblems(via, dial)) said(`${wording.option('via')}: ${problem}`, 'via');
  return {
    ...ends,
    carriers,
    keyFile: (values.get('key') as string | undefined) ?? null,
    encrypt: !values.has('noEncrypt'),
    tls: tlsSettingsOf(values, mode),
    via,
    compression: compressionFrom(values, mode),
    congestion: values.get('congestion') as string | undefined,
    graceMs: (values.get('grace') as number | undefined) ?? 30_000,
    connectTimeoutMs: (values.get('connectTimeout') as number | undefined) ?? 10_000,
    maxConnections: values.get('maxConnections') as number | undefined,
    limits: limitsFrom(values),
    maxMessageBytes: (values.get('maxMessage') as number | undefined) ?? 256 * 1024,
    ...processSettingsOf(values),
  };
}

export function processSettingsOf(values: Values): ProcessSettings {
  return {
    drainTimeoutMs: (values.get('drainTimeout') as number | undefined) ?? 30_000,
    memoryBytes: (values.get('memory') as number | undefined) ?? DEFAULT_MEMORY_BYTES,
    admin: adminOf(values),
    logLevel: (values.get('logLevel') as LogLevel | undefined) ?? 'info',
    logFormat: (values.get('logFormat') as LogFormat | undefined) ?? 'auto',
    status: !values.has('noStatus'),
  };
}

function carriersOf(values: Values, mode: ProxyMode): number | 'auto' | undefined {
  const given = values.get('carriers') as number | 'auto' | undefined;
  if (mode === 'relay') return 0;
  return mode === 'client' ? (given ?? DEFAULT_CARRIERS) : given;
}

type About = NonNullable<OptionSpec<unknown>['about']>;

/** Where what an option is about is to be found. */
const PLACES: Record<About, { readonly modes: readonly ProxyMode[]; readonly striping?: true }> = {
  'the peer': { modes: ['client', 'server'] },
  'dialling the peer': { modes: ['client'] },
  'accepting the peer': { modes: ['server'] },
  striping: { modes: ['client', 'server'], striping: true },
  'striped clients': { modes: ['server'], striping: true },
  'striped servers': { modes: ['client'], striping: true },
};

function placeOf(name: OptionName): (typeof PLACES)[About] {
  const { about }: OptionSpec<unknown> = OPTIONS[name];
  return about === undefined ? { modes: ['client', 'server', 'relay'] } : PLACES[about];
}

/** Whether an option is of any use in a mode, striping or not. */
export function suits(name: OptionName, mode: ProxyMode): boolean {
  return placeOf(name).modes.includes(mode);
}

/** Whether it is of no use where nothing is striped. */
export function isAboutStriping(name: OptionName): boolean {
  return placeOf(name).striping === true;
}

/** Whether somebody who gives it counts on being safe. */
export function protects(name: OptionName): boolean {
  return name === 'key' || name.startsWith('tls');
}

/** Why an option would do nothing here; null where it does something. */
function uselessness(name: OptionName, { mode }: Ends, values: Values, wording: Wording): string | null {
  const { modes } = placeOf(name);
  const option = wording.option(name);
  if (!suits(name, mode)) {
    const [only, other] = modes as [ProxyMode, ProxyMode?];
    const instead =
      name === 'tlsCa' && mode === 'server'
        ? `; of ${wording.mode('server')} it is ${wording.option('tlsClientCa')}`
        : '';
    return other === undefined
      ? `${option} is for ${wording.mode(only)}, which ${only === 'client' ? 'dials' : 'accepts'} the peer${instead}`
      : `${option} is for ${wording.mode(only)} and ${wording.mode(other)}; ${wording.relay} has no peer`;
  }
  if (!isAboutStriping(name) || carriersOf(values, mode) !== 0) return null;
  const classic = wording.classic(0);
  if (protects(name))
    return `${option} protects nothing here: the classic framing knows no key and does not encrypt; leave out ${classic}`;
  return `${option} is about striping, and ${classic} does not stripe; leave out one of the two`;
}

/** Whether each of them can lead to the peer at all. Whether the machine has them is asked at the start. */
function viaProblems(via: readonly LocalEnd[], dial: readonly Endpoint[]): string[] {
  return via.flatMap((end) => {
    const problems = dial.map((endpoint) => {
      const family = endpoint.path === undefined ? isIP(endpoint.host) : 'unix';
      return family === 0 ? null : familyProblem(end, family as 4 | 6 | 'unix');
    });
    const found = problems.filter((problem) => problem !== null);
    return found.length === problems.length ? found.slice(0, 1).map(({ message }) => message) : [];
  });
}

export function farEnd(mode: ProxyMode): 'peer' | 'target' {
  return mode === 'client' ? 'peer' : 'target';
}
