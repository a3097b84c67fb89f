/**
 * What the schema has to say about a configuration file, in words: what is wrong, and what is right.
 */

import { escapeText } from '../../core/format.ts';
import { closest } from '../near_miss.ts';
import { OPTION_LIST, type OptionSpec, SETTABLE, UsageError } from '../options.ts';
import { reasonOf } from '../reason.ts';
import type { Path, Problem } from './place.ts';
import { CONFIG_SCHEMA, LISTENER_NAME } from './schema.ts';

const LISTENER_KEYS = ['name', 'mode', 'listen', 'peer', 'target'];

interface Issue {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
}

/** All mistakes in the shape of the data; those in the values of options, too. */
export function mistakesIn(data: unknown): Problem[] {
  const result = CONFIG_SCHEMA.safeParse(data);
  return result.success ? [] : (result.error.issues as Issue[]).flatMap((issue) => problemsOf(issue, data));
}

function problemsOf(issue: Issue, data: unknown): Problem[] {
  const path = issue.path as Path;
  if (issue.code === 'unrecognized_keys')
    return (issue.keys ?? []).map((key) => ({ path: [...path, key], words: wordsForKey(key, path, data) }));
  // Said of the wrong one of the two already.
  if (isOtherEnd(path, data)) return [];
  return [{ path, words: wordsFor(path, valueAt(data, path), issue) }];
}

/** A target where a peer is missing, or the other way round. */
function isOtherEnd(path: Path, data: unknown): boolean {
  const key = path.at(-1);
  if (path.length !== 3 || (key !== 'peer' && key !== 'target') || valueAt(data, path) !== undefined)
    return false;
  return valueAt(data, [...path.slice(0, -1), key === 'peer' ? 'target' : 'peer']) !== undefined;
}

export function valueAt(data: unknown, path: Path): unknown {
  return path.reduce((value, key) => (value as Record<string | number, unknown> | undefined)?.[key], data);
}

function wordsForKey(key: string, path: Path, data: unknown): string {
  const atListener = path.length > 0;
  const spec = SETTABLE.find(([, { flag }]) => flag === key)?.[1];
  if (spec !== undefined && atListener) {
    const { mode } = valueAt(data, path) as { mode: string };
    if (spec.process === true)
      return 'this is about the whole process: write it at the top of the file, outside of the listeners';
    return spec.about === 'dialling the peer'
      ? `this is for a client, which dials the peer, and this is a ${mode}`
      : `a ${mode} has no peer that this could be about`;
  }
  if (atListener && key === 'peer') return "a server and a relay dial a target: write 'target'";
  if (atListener && key === 'target') return "a client dials its peer, a tcp-proxy server: write 'peer'";
  if (!atListener && LISTENER_KEYS.includes(key))
    return "this belongs to a listener, in the list 'listeners'";
  const typed = OPTION_LIST.find(([, { flag, typed }]) => flag === key && typed === true)?.[1];
  if (typed !== undefined && ['client', 'server', 'relay'].includes(key)) return `write 'mode: ${key}'`;
  const others = atListener ? LISTENER_KEYS : ['listeners'];
  const close = closest(key.replaceAll('_', '-'), [...SETTABLE.map(([, { flag }]) => flag), ...others]);
  const known = close === null ? '; docs/configuration.md lists what there is' : `; did you mean '${close}'?`;
  return `there is no such key${known}`;
}

function wordsFor(path: Path, value: unknown, issue: Issue): string {
  const key = path.findLast((part) => typeof part === 'string');
  const missing = value === undefined;
  const said = missing ? '' : `${shown(value)}: `;
  if (path.length === 0) return "write keys and their values, and the listeners in a list 'listeners'";
  switch (key) {
    case 'listeners':
      if (missing) return "the list 'listeners' is missing; each has a mode, listen, and a peer or a target";
      if (path.length > 1) return `${said}a listener has keys: mode, listen, and a peer or a target`;
      return `${said}write a list of listeners, at least one`;
    case 'mode':
      return `${missing ? 'it is missing; ' : said}write client (near the client), server (near the server) or relay`;
    case 'listen':
    case 'peer':
    case 'target':
      return `${missing ? 'it is missing; ' : said}write an address: host:port, :port, port, [ipv6]:port or the path of a Unix socket`;
    case 'name':
      return `${said}write one word of at most 40 letters, digits, '.', '-' and '_' (${LISTENER_NAME.source})`;
  }
  const spec = SETTABLE.find(([, { flag }]) => flag === key)?.[1];
  return `${said}${spec === undefined ? issue.message : wordsForOption(spec, value)}`;
}

/** In the words of the option's own parser, which says the same of a command line. */
function wordsForOption(spec: OptionSpec<unknown>, value: unknown): string {
  if (spec.value === undefined) return 'write true or false';
  if (typeof value === 'string' || typeof value === 'number') {
    const text = String(value);
    const reason = parseProblem(spec, text);
    if (reason !== null) return reason;
    if (/^\d+$/.test(text)) return 'write the number without quotes';
  }
  return `write ${spec.value}, ${spec.help}`;
}

/** What is wrong with a value; null where nothing is. */
export function parseProblem(spec: OptionSpec<unknown>, text: string): string | null {
  if (text === '') return 'it is empty';
  try {
    spec.parse?.(text, spec.flag);
    return null;
  } catch (error) {
    if (error instanceof UsageError) return reasonOf(error, spec.flag, text);
    throw error;
  }
}

function shown(value: unknown): string {
  return escapeText(typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? String(value)), 60);
}
