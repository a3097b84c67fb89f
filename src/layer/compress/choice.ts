/**
 * Choice: what `--compress` says, and what a stream's label says of it to the other side.
 *
 *     --compress zstd:5          compress=zstd:5;takes=zstd,lz4
 *     --compress auto            compress=auto;takes=zstd
 */

import type { CodecRegistry } from './codec.ts';
import { availableCodecs, levelsOf, missingCodec } from './codecs.ts';

export interface Choice {
  /** `auto`, or a codec. */
  readonly name: string;
  /** Null: the usual one, or what auto finds. */
  readonly level: number | null;
}

export const AUTO = 'auto';
/** What auto compresses with. */
export const AUTO_CODEC = 'zstd';

/** Above this a server does not follow a client, in levels: it would be the client who says what memory and time it spends. */
export const MOST_FOLLOWED_LEVEL = 9;

/** @throws Error that says what is right */
export function parseChoice(text: string, codecs: CodecRegistry = availableCodecs()): Choice {
  if (text === AUTO) return { name: AUTO, level: null };
  const match = /^([a-z][a-z0-9]*)(?::(-?\d{1,3}))?$/.exec(text);
  const name = match?.[1] ?? '';
  const levels = codecs.get(name)?.levels ?? levelsOf(name);
  if (levels === null) throw new Error('write zstd, lz4, zstd:LEVEL, lz4:LEVEL, auto or off');
  if (match?.[2] === undefined) return { name, level: null };
  const level = Number(match[2]);
  if (level < levels.least || level > levels.most || level === 0)
    throw new Error(`levels of ${name} are ${levels.least} to -1 (fast), and 1 to ${levels.most}`);
  return { name, level };
}

/** Why this process cannot do it, in words; null if it can. */
export function choiceProblem({ name }: Choice, codecs: CodecRegistry = availableCodecs()): string | null {
  const needed = name === AUTO ? AUTO_CODEC : name;
  return codecs.get(needed) === null ? missingCodec(needed) : null;
}

/** What the opener of a stream says of it. */
export interface Wish {
  readonly choice: Choice;
  /** Codecs that it understands. */
  readonly takes: readonly string[];
  readonly high: boolean;
}

export function writeLabel({ choice: { name, level }, takes, high }: Wish): Buffer {
  const compress = level === null ? name : `${name}:${level}`;
  return Buffer.from(`compress=${compress};takes=${takes.join(',')}${high ? ';high' : ''}`);
}

/** Null: the stream is not compressed. @throws Error when the label asks for what is not known here */
export function readLabel(label: Buffer): Wish | null {
  const fields = new Map(
    label
      .toString('latin1')
      .split(';')
      .map((field) => field.split('=', 2) as [string, string | undefined]),
  );
  const compress = fields.get('compress');
  if (compress === undefined) return null;
  const takes = (fields.get('takes') ?? '').split(',');
  return { choice: parseChoice(compress), takes, high: fields.has('high') };
}
