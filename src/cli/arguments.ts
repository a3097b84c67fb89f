/**
 * From the command line to what is to be done. Mistakes are answered with what is wrong and what is right.
 */

import { parseArgs } from 'node:util';
import { AddressError, type Endpoint, takeEndpoint, takeEndpoints } from '../core/address.ts';
import { escapeText } from '../core/format.ts';
import type { ProxyMode } from '../proxy/stack.ts';
import { type TopCommand, topOf } from './admin_words.ts';
import { environmentName } from './environment.ts';
import { closest } from './near_miss.ts';
import { OPTION_LIST, OPTIONS, type OptionName, type OptionSpec, UsageError } from './options.ts';
import { type Configuration, configurationOf, farEnd, type Values, type Wording } from './settings.ts';

export type Command =
  | { readonly do: 'help'; readonly all?: true }
  | { readonly do: 'version' }
  /** Without a file, the key is printed. */
  | { readonly do: 'keygen'; readonly file: string | null }
  | TopCommand
  /** Looks a configuration file through. */
  | { readonly do: 'check'; readonly file: string }
  /** Prints the JSON Schema of such files. */
  | { readonly do: 'schema' }
  /** Runs what a configuration file says, but for what the command line says. */
  | { readonly do: 'configured'; readonly file: string; readonly values: Values }
  | ({ readonly do: 'run' } & Configuration);

/**
 * @param environment what the environment says: it counts where the command line says nothing
 * @throws UsageError
 */
export function parseCommand(argv: readonly string[], environment: Values = new Map()): Command {
  const { values, words } = readWords(argv);
  if (values.has('help')) return values.get('help') === 'all' ? { do: 'help', all: true } : { do: 'help' };
  if (values.has('version')) return { do: 'version' };
  if (words[0] === 'keygen' && values.size === 0) return keygen(words.slice(1));
  const watch = topOf(words, values);
  if (watch !== null) return watch;
  if (words[0] === 'check' && values.size === 0) return { do: 'check', file: fileToCheck(words.slice(1)) };
  if (words[0] === 'schema' && words.length === 1 && values.size === 0) return { do: 'schema' };
  if (values.has('config')) return configured(values, words);
  const mode = modeOf(values);
  const [listen, dial] = addressesOf(words, mode);
  const all = new Map([...environment, ...[...values].filter(([name]) => !isTyped(name))]);
  const wording = {
    ...TYPED,
    option: (name: OptionName) =>
      environment.has(name) && !values.has(name) ? environmentName(name) : typed(name),
  };
  return { do: 'run', ...configurationOf({ mode, listen, dial }, all, wording) };
}

function isTyped(name: OptionName): boolean {
  const { typed }: OptionSpec<unknown> = OPTIONS[name];
  return typed === true;
}

function typed(name: OptionName): string {
  const { flag, short }: OptionSpec<unknown> = OPTIONS[name];
  return short === undefined ? `--${flag}` : `-${short}`;
}

/** How things are called on the command line. */
const TYPED: Wording = {
  option: typed,
  mode: (mode) => `-${mode[0]}`,
  relay: 'a relay (-r)',
  classic: (carriers) => `-n ${carriers}`,
};

function configured(values: Values, words: readonly string[]): Command {
  const file = values.get('config') as string;
  const mode = (['client', 'server', 'relay'] as const).find((name) => values.has(name));
  const [what] = [
    ...(mode === undefined ? [] : [typed(mode)]),
    ...words.map((word) => `'${escapeText(word)}'`),
  ];
  if (what !== undefined)
    throw new UsageError(
      `too much: ${what}; with --config, all listeners are in the file, under 'listeners'`,
    );
  return { do: 'configured', file, values: new Map([...values].filter(([name]) => name !== 'config')) };
}

function fileToCheck(words: readonly string[]): string {
  const [file, ...more] = words;
  if (file === undefined || more.length > 0)
    throw new UsageError(`the form is tcp-proxy check FILE, with a file such as --config takes`);
  return file;
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
    OPTION_LIST.map(([, spec]) => [
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
  const found = OPTION_LIST.find(([, spec]) => spec.flag === token.name);
  if (found === undefined) throw new UsageError(unknownOption(token.rawName));
  const [name, spec] = found;
  const before = values.get(name);
  if (before !== undefined && !spec.repeatable) throw new UsageError(`--${spec.flag} is given twice`);
  if (name === 'help' && token.value === 'all') values.set(name, 'all');
  else if (spec.value === undefined) {
    if (token.value !== undefined) throw new UsageError(`--${spec.flag} takes no value`);
    values.set(name, true);
  } else {
    if (token.value === undefined || token.value === '')
      throw new UsageError(`--${spec.flag} needs a value: ${spec.help}`);
    const value = spec.parse === undefined ? token.value : spec.parse(token.value, spec.flag);
    values.set(name, spec.repeatable ? [...((before as unknown[]) ?? []), ...(value as unknown[])] : value);
  }
}

function unknownOption(rawName: string): string {
  const flags = OPTION_LIST.map(([, { flag }]) => flag);
  const close = closest(rawName.replace(/^-+/, ''), flags);
  return `unknown option '${escapeText(rawName)}'${close === null ? '' : `; did you mean --${close}?`}`;
}

function modeOf(values: Values): ProxyMode {
  const modes = (['client', 'server', 'relay'] as const).filter((mode) => values.has(mode));
  if (modes.length === 0)
    throw new UsageError(
      'say what to be: -c (near the client), -s (near the server) or -r (plain relay); or --config FILE',
    );
  if (modes.length > 1)
    throw new UsageError(
      `only one of -c, -s and -r is possible, not ${modes.map((m) => `-${m[0]}`).join(' and ')}`,
    );
  return modes[0] as ProxyMode;
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
