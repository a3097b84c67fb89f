/**
 * A configuration file as data, whatever language it is written in, with the places where things are in it.
 */

import { extname } from 'node:path';
import { parse as parseToml, TomlError } from 'smol-toml';
import { isNode, LineCounter, parseDocument, visit } from 'yaml';
import { jsonErrorAt } from './json_error.ts';
import type { Path, Place, Problem } from './place.ts';
import { tomlPlaces } from './toml_places.ts';

export interface ConfigText {
  readonly data: unknown;
  /** Where the value is, or the nearest thing around it; of a key of an object, where the key is. */
  locate(path: Path): Place | null;
}

const LANGUAGES: Record<string, (text: string) => ConfigText> = {
  '.yaml': readYaml,
  '.yml': readYaml,
  '.json': readJson,
  '.toml': readToml,
};

/** The text is none of the language. */
export class SyntaxProblem extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems[0]?.words);
    this.problems = problems;
  }
}

/** Whether the end of a name says what language it is. */
export function isConfigName(file: string): boolean {
  return extname(file).toLowerCase() in LANGUAGES;
}

/** @throws SyntaxProblem */
export function readConfigText(file: string, text: string): ConfigText {
  const read = LANGUAGES[extname(file).toLowerCase()] ?? readYaml;
  // A byte order mark, as some editors leave it.
  return read(text.replace(/^\ufeff/, ''));
}

function readYaml(text: string): ConfigText {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  if (document.errors.length > 0)
    throw new SyntaxProblem(
      document.errors.map((error) => ({
        path: [],
        words: `this is no YAML: ${firstLine(error.message)}${hintFor(text, error.pos[0])}`,
        place: placeAt(error.pos[0]),
      })),
    );
  const places = new Map<string, Place>();
  visit(document, {
    Pair(_, pair, ancestors) {
      const path = pathOf([...ancestors, pair]);
      const { key } = pair;
      if (path !== null && isNode(key) && key.range) places.set(JSON.stringify(path), placeAt(key.range[0]));
    },
    Node(key, node, ancestors) {
      if (typeof key !== 'number' || !node.range) return;
      const path = pathOf(ancestors);
      if (path !== null) places.set(JSON.stringify([...path, key]), placeAt(node.range[0]));
    },
  });
  try {
    return { data: document.toJS() ?? {}, locate: nearest(places) };
  } catch (error) {
    // Aliases that stand for too much, or for nothing.
    throw new SyntaxProblem([{ path: [], words: `this is no YAML: ${firstLine((error as Error).message)}` }]);
  }
}

/** What leads through the nodes to the last of them; null where a key is no plain word. */
function pathOf(nodes: readonly unknown[]): Path | null {
  const path: (string | number)[] = [];
  for (const [i, node] of nodes.entries()) {
    const inside = nodes[i + 1];
    const { key, items } = node as { key?: { value?: unknown }; items?: unknown[] };
    if (items !== undefined && inside !== undefined && isNode(inside)) path.push(items.indexOf(inside));
    else if (items === undefined && key !== undefined) {
      if (typeof key?.value !== 'string') return null;
      path.push(key.value);
    }
  }
  return path;
}

/** `[::1]:22` begins a list in YAML. */
function hintFor(text: string, offset: number): string {
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1).split('\n', 1)[0] ?? '';
  return /:\s*\[[\da-f:.%]+\]/i.test(line) ? '; write an address in brackets in quotes: "[::1]:22"' : '';
}

function readJson(text: string): ConfigText {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    const words = `this is no JSON: ${firstLine((error as Error).message)}`;
    throw new SyntaxProblem([{ path: [], words, place: placeIn(text, jsonErrorAt(text)) }]);
  }
  // YAML knows where things are, and takes any JSON; keys that come twice are none for it, and of no use to anybody.
  return { data, locate: readYaml(text).locate };
}

function readToml(text: string): ConfigText {
  try {
    return { data: parseToml(text), locate: nearest(tomlPlaces(text)) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const words = `this is no TOML: ${firstLine(error.message).replace(/^Invalid TOML document: /, '')}`;
    throw new SyntaxProblem([{ path: [], words, place: { line: error.line, column: error.column } }]);
  }
}

/** Looks further outside for what has no place of its own. */
function nearest(places: ReadonlyMap<string, Place>): ConfigText['locate'] {
  return (path) => {
    for (let length = path.length; length > 0; length--) {
      const place = places.get(JSON.stringify(path.slice(0, length)));
      if (place !== undefined) return place;
    }
    return null;
  };
}

export function placeIn(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').replace(/[:.]$/, '');
}
