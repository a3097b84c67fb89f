/**
 * From a configuration file to what runs: every listener with its options, those of the file under those of the environment
 * and of the command line.
 */

import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import {
  AddressError,
  type Endpoint,
  formatEndpoint,
  parseEndpoint,
  takeEndpoints,
} from '../../core/address.ts';
import { escapeText } from '../../core/format.ts';
import type { ProxyMode } from '../../proxy/stack.ts';
import { environmentName } from '../environment.ts';
import { OPTIONS, type OptionName, type OptionSpec, SETTABLE, UsageError } from '../options.ts';
import {
  type Configuration,
  configurationOf,
  type Ends,
  isAboutStriping,
  type ProcessSettings,
  processSettingsOf,
  protects,
  suits,
  type Values,
  type Wording,
} from '../settings.ts';
import { ConfigMistakes } from './config_mistakes.ts';
import { mistakesIn, parseProblem, valueAt } from './mistakes.ts';
import type { Path, Problem } from './place.ts';
import { type ConfigText, isConfigName, readConfigText, SyntaxProblem } from './text.ts';

/** More is no configuration. */
const MOST_BYTES = 1024 * 1024;

export interface NamedConfiguration extends Configuration {
  /** What the log calls it; null: it has no name of its own. */
  readonly name: string | null;
}

export interface Plan {
  readonly process: ProcessSettings;
  /** At least one. */
  readonly listeners: readonly NamedConfiguration[];
}

/** What counts more than the file. */
export interface Above {
  readonly environment: Values;
  readonly typed: Values;
}

/** @throws UsageError, ConfigMistakes */
export function readPlan(file: string, above: Above): Plan {
  const content = contentOf(file);
  let text: ConfigText;
  try {
    text = readConfigText(file, content);
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    throw new ConfigMistakes(
      file,
      error.problems.map((problem) => lineFor(file, problem, null)),
    );
  }
  const problems = new Problems();
  for (const problem of mistakesIn(text.data)) problems.add(problem);
  const plan = new Planner(text.data, dirname(resolve(file)), above, problems).plan();
  if (problems.all.length > 0 || plan === null)
    throw new ConfigMistakes(file, problems.all.map((problem) => lineFor(file, problem, text)).sort(byPlace));
  return plan;
}

function contentOf(file: string): string {
  const name = escapeText(file);
  if (!isConfigName(file))
    throw new UsageError(
      `${name}: its name says in which language it is written: .yaml, .yml, .json or .toml`,
    );
  let opened: number;
  try {
    opened = openSync(file, 'r');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new UsageError(`${name}: there is no such file`);
    throw new UsageError(`${name}: cannot be opened (${code})`);
  }
  try {
    const info = fstatSync(opened);
    if (info.isDirectory()) throw new UsageError(`${name} is a directory, and no configuration file`);
    if (info.size > MOST_BYTES)
      throw new UsageError(`${name} has more than ${MOST_BYTES} bytes, which is no configuration`);
    return readFileSync(opened, 'utf8');
  } finally {
    closeSync(opened);
  }
}

function lineFor(file: string, problem: Problem, text: ConfigText | null): string {
  const place = problem.place ?? text?.locate(problem.path) ?? null;
  const where = place === null ? '' : `:${place.line}:${place.column}`;
  const path = problem.path.length === 0 ? '' : `${pathText(problem.path)}: `;
  return `${escapeText(file)}${where}: ${escapeText(`${path}${problem.words}`)}`;
}

/** `listeners[0].via`. */
function pathText(path: Path): string {
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i === 0 ? '' : '.'}${part}`))
    .join('');
}

function byPlace(a: string, b: string): number {
  const lineOf = (text: string) => Number(/:(\d+):\d+: /.exec(text)?.[1] ?? 0);
  return lineOf(a) - lineOf(b);
}

/** One for each place: what is said first is what matters. */
class Problems {
  readonly #found = new Map<string, Problem>();

  get all(): Problem[] {
    return [...this.#found.values()];
  }

  add(problem: Problem): void {
    const at = JSON.stringify(problem.path);
    if (!this.#found.has(at)) this.#found.set(at, problem);
  }

  has(path: Path): boolean {
    return this.#found.has(JSON.stringify(path));
  }
}

/** A place where options are given. */
interface Layer {
  readonly values: Values;
  /** For all listeners: those that have no use for an option leave it alone. */
  readonly shared: boolean;
  called(name: OptionName): string;
  pathOf(name: OptionName): Path;
  readonly used: Set<OptionName>;
}

class Planner {
  readonly #data: unknown;
  readonly #folder: string;
  readonly #problems: Problems;
  /** What counts least comes first; the listener's own options belong behind the first. */
  readonly #shared: readonly Layer[];

  constructor(data: unknown, folder: string, { environment, typed }: Above, problems: Problems) {
    this.#data = data;
    this.#folder = folder;
    this.#problems = problems;
    this.#shared = [
      this.#layerAt([]),
      sharedLayer(environment, environmentName),
      sharedLayer(typed, (name) => `--${OPTIONS[name].flag}`),
    ];
  }

  plan(): Plan | null {
    const listed = (this.#data as { listeners?: unknown } | null)?.listeners;
    if (!Array.isArray(listed)) return null;
    const listeners = listed.flatMap((_, i) => this.#listener(['listeners', i]) ?? []);
    if (listeners.length === listed.length) this.#findUseless(listeners);
    this.#findTwice(listed.length);
    const [top, environment, typed] = this.#shared as [Layer, Layer, Layer];
    const values = new Map([...top.values, ...environment.values, ...typed.values]);
    return { process: processSettingsOf(values), listeners };
  }

  #listener(path: Path): NamedConfiguration | null {
    const entry = valueAt(this.#data, path) as Record<string, unknown> | null;
    const mode = entry?.mode as ProxyMode;
    if (entry === null || !['client', 'server', 'relay'].includes(mode)) return null;
    const ends = this.#endsOf(entry, mode, path);
    const [top, ...over] = this.#shared as [Layer, ...Layer[]];
    const layers = [top, this.#layerAt(path), ...over];
    if (ends === null) return null;
    const from = new Map<OptionName, Layer>();
    for (const layer of layers)
      for (const name of layer.values.keys()) if (this.#counts(name, layer, mode)) from.set(name, layer);
    const values = withoutIdle(from, mode);
    for (const name of values.keys()) from.get(name)?.used.add(name);
    const wording: Wording = {
      ...WRITTEN,
      option: (name) => from.get(name)?.called(name) ?? OPTIONS[name].flag,
    };
    const name = typeof entry.name === 'string' ? entry.name : null;
    const far = mode === 'client' ? 'peer' : 'target';
    try {
      const configuration = configurationOf(ends, values, wording, ({ message }, option) => {
        const at = option === null ? [...path, far] : (from.get(option)?.pathOf(option) ?? path);
        // What is said of a shared option is about this listener.
        const where = at.length > path.length ? '' : ` (for ${pathText(path)})`;
        this.#problems.add({ path: at, words: `${message}${where}` });
      });
      return { ...configuration, name };
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      this.#problems.add({ path, words: error.message });
      return null;
    }
  }

  #counts(name: OptionName, layer: Layer, mode: ProxyMode): boolean {
    if (layer.shared) return suits(name, mode);
    return true;
  }

  /** The values of the options that are written at one place. */
  #layerAt(path: Path): Layer {
    const values = new Map<OptionName, unknown>();
    const entry = valueAt(this.#data, path) as Record<string, unknown> | null;
    for (const [name, spec] of SETTABLE) {
      const at = [...path, spec.flag];
      const raw = entry?.[spec.flag];
      if (raw === undefined || this.#problems.has(at)) continue;
      const value = this.#valueOf(raw, spec, at);
      if (value !== undefined && value !== false) values.set(name, value);
    }
    return {
      values,
      shared: path.length === 0,
      called: (name) => OPTIONS[name].flag,
      pathOf: (name) => [...path, OPTIONS[name].flag],
      used: new Set(),
    };
  }

  #valueOf(raw: unknown, spec: OptionSpec<unknown>, path: Path): unknown {
    if (spec.value === undefined) return raw === true;
    const texts = Array.isArray(raw) ? raw.map(String) : [String(raw)];
    const results = texts.map((text, i) => {
      const words = parseProblem(spec, text);
      if (words === null) return spec.parse === undefined ? text : spec.parse(text, spec.flag);
      this.#problems.add({
        path: Array.isArray(raw) ? [...path, i] : path,
        words: words.includes(text) ? words : `'${text}': ${words}`,
      });
      return undefined;
    });
    if (results.includes(undefined)) return undefined;
    if (spec.repeatable) return results.flat();
    // A file is looked for beside the one that names it.
    return spec.value === 'FILE' && results[0] !== spec.noFile
      ? resolve(this.#folder, String(results[0]))
      : results[0];
  }

  #endsOf(entry: Record<string, unknown>, mode: ProxyMode, path: Path): Ends | null {
    const far = mode === 'client' ? 'peer' : 'target';
    const peers = mode === 'client' && Array.isArray(entry[far]);
    const listen = this.#address(entry.listen, [...path, 'listen'], (text) => [parseEndpoint(text)]);
    const dial = (peers ? (entry[far] as unknown[]) : [entry[far]]).map((one, i) =>
      this.#address(one, peers ? [...path, far, i] : [...path, far], (text) => dialled(text, mode)),
    );
    if (listen === null || dial.includes(null)) return null;
    return { mode, listen: listen[0] as Endpoint, dial: (dial as Endpoint[][]).flat() };
  }

  #address(value: unknown, path: Path, parse: (text: string) => Endpoint[]): Endpoint[] | null {
    if (typeof value !== 'string' && typeof value !== 'number') return null;
    try {
      return parse(String(value));
    } catch (error) {
      if (!(error instanceof AddressError)) throw error;
      this.#problems.add({ path, words: error.message });
      return null;
    }
  }

  /** Options for all of which none has any use. */
  #findUseless(listeners: readonly NamedConfiguration[]): void {
    const modes = [...new Set(listeners.map(({ mode }) => mode))].join(' and ');
    for (const layer of this.#shared) {
      for (const name of layer.values.keys()) {
        if (
          layer.used.has(name) ||
          this.#shared.some((other) => other !== layer && other.used.has(name) && this.#isAbove(other, layer))
        )
          continue;
        const { about }: OptionSpec<unknown> = OPTIONS[name];
        if (about === undefined) continue;
        this.#problems.add({
          path: layer.pathOf(name),
          words: `${layer.called(name)} would do nothing: it is about ${about}, and no listener here has that (${modes})`,
        });
      }
    }
  }

  #isAbove(a: Layer, b: Layer): boolean {
    return this.#shared.indexOf(a) > this.#shared.indexOf(b);
  }

  /** The same address for two listeners: one of them would not come up. */
  #findTwice(count: number): void {
    const first = new Map<string, string>();
    for (let i = 0; i < count; i++) {
      for (const key of ['name', 'listen']) {
        const path = ['listeners', i, key];
        const value = valueAt(this.#data, path);
        const same = key === 'name' ? value : addressKey(value);
        if (same === undefined || same === null) continue;
        const before = first.get(`${key} ${same}`);
        if (before === undefined) first.set(`${key} ${same}`, pathText(path));
        else
          this.#problems.add({
            path,
            words: `${escapeText(String(value))} is that of ${before}, too: each listener needs its own`,
          });
      }
    }
  }
}

/** Options for all listeners that would do nothing at one are left out there; but for a key, which is not given for nothing. */
function withoutIdle(from: ReadonlyMap<OptionName, Layer>, mode: ProxyMode): Map<OptionName, unknown> {
  const given = (name: OptionName) => from.get(name)?.values.get(name);
  const classic = mode !== 'relay' && given('carriers') === 0;
  const idle = ([name, layer]: [OptionName, Layer]) => {
    if (!layer.shared || protects(name)) return false;
    return (classic && isAboutStriping(name)) || (name === 'noEncrypt' && !from.has('key'));
  };
  return new Map(
    [...from].filter((entry) => !idle(entry)).map(([name, layer]) => [name, layer.values.get(name)]),
  );
}

function sharedLayer(values: Values, called: (name: OptionName) => string): Layer {
  return { values, shared: true, called, pathOf: (name) => [called(name)], used: new Set() };
}

/** How things are called in a file. */
const WRITTEN: Wording = {
  option: (name) => OPTIONS[name].flag,
  mode: (mode) => `a ${mode}`,
  relay: 'a relay',
  classic: (carriers) => `carriers: ${carriers}`,
};

function dialled(text: string, mode: ProxyMode): Endpoint[] {
  if (mode !== 'client') return [parseEndpoint(text)];
  const [endpoints, rest] = takeEndpoints([text]);
  return rest.length === 0 ? endpoints : [];
}

/** What two listeners cannot both have; null where that is not known, or any free port will do. */
function addressKey(value: unknown): string | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  try {
    const endpoint = parseEndpoint(String(value));
    return endpoint.port === 0 ? null : formatEndpoint(endpoint);
  } catch {
    return null;
  }
}
