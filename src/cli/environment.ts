/**
 * What the environment asks for: a few things about how this process works, and any option, as TCP_STRIPER_ and its name.
 * Wrong values are mistakes like wrong options: who has written `of` would wait in vain for its effect.
 */

import { escapeText } from '../core/format.ts';
import { closest } from './near_miss.ts';
import { OPTIONS, type OptionName, type OptionSpec, SETTABLE, UsageError } from './options.ts';
import { reasonOf } from './reason.ts';
import type { Values } from './settings.ts';

const PREFIX = 'TCP_STRIPER_';

/** What is no option, with the values that it can have. Empty is the same as not set. */
const VARIABLES = {
  TCP_STRIPER_BACKEND: ['native', 'portable'],
  TCP_STRIPER_SPLICE: ['on', 'off'],
  TCP_STRIPER_SCHEDULER: ['earliest', 'round-robin'],
} as const;

/** Of a switch. */
const ON = ['1', 'true', 'yes', 'on'];
const OFF = ['0', 'false', 'no', 'off'];

export interface Environment {
  readonly splice: boolean;
  readonly scheduler: 'earliest' | 'round-robin';
  /** Options that are given there. */
  readonly values: Values;
  /** Variables that look like ours and are not, in words. There may be good ones: Kubernetes makes some of its own. */
  readonly notices: readonly string[];
}

/** `TCP_STRIPER_LOG_LEVEL`. */
export function environmentName(option: OptionName): string {
  return `${PREFIX}${OPTIONS[option].flag.replaceAll('-', '_').toUpperCase()}`;
}

/** @throws UsageError */
export function readEnvironment(env: NodeJS.ProcessEnv): Environment {
  for (const [name, words] of Object.entries(VARIABLES)) {
    const value = env[name] ?? '';
    if (value !== '' && !(words as readonly string[]).includes(value))
      throw wrong(name, value, `it can be ${words.map((each) => `'${each}'`).join(' or ')}, or not be set`);
  }
  return {
    splice: env.TCP_STRIPER_SPLICE !== 'off',
    scheduler: env.TCP_STRIPER_SCHEDULER === 'round-robin' ? 'round-robin' : 'earliest',
    values: optionsIn(env),
    notices: noticesOf(env),
  };
}

function optionsIn(env: NodeJS.ProcessEnv): Values {
  const values = new Map<OptionName, unknown>();
  for (const [option, spec] of SETTABLE) {
    if (spec.variable === 'taken') continue;
    const name = environmentName(option);
    const text = env[name] ?? '';
    if (text === '') continue;
    const value = spec.value === undefined ? readSwitch(name, text) : readValue(name, text, spec);
    if (value !== false) values.set(option, value);
  }
  return values;
}

function readSwitch(name: string, text: string): boolean {
  const word = text.toLowerCase();
  if (ON.includes(word)) return true;
  if (OFF.includes(word)) return false;
  throw wrong(name, text, "it can be 'on' or 'off', or not be set");
}

function readValue(name: string, text: string, spec: OptionSpec<unknown>): unknown {
  if (spec.parse === undefined) return text;
  try {
    return spec.parse(text, spec.flag);
  } catch (error) {
    if (error instanceof UsageError) throw wrong(name, text, reasonOf(error, spec.flag, text));
    throw error;
  }
}

function wrong(name: string, value: string, right: string): UsageError {
  return new UsageError(`the environment has ${name}='${escapeText(value)}'; ${right}`);
}

function noticesOf(env: NodeJS.ProcessEnv): string[] {
  const known = [...Object.keys(VARIABLES), ...SETTABLE.map(([option]) => environmentName(option))];
  const ours = known.map((name) => name.slice(PREFIX.length));
  return Object.keys(env).flatMap((name) => {
    if (!name.startsWith(PREFIX) || known.includes(name)) return [];
    const close = closest(name.slice(PREFIX.length), ours);
    return close === null
      ? []
      : [`the environment has ${escapeText(name)}, which means nothing; did you mean ${PREFIX}${close}?`];
  });
}
