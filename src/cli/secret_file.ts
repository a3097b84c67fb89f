/**
 * Small files that are read at once, and may be secret: keys and certificates. Who else could read or change a secret one is
 * looked at, as ssh does it.
 *
 * A pipe will do for a file, such as `<(pass show striper)` in a shell; but not for ever, if nobody writes to it.
 */

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { escapeText } from '../core/format.ts';
import { UsageError } from './usage_error.ts';

/** So long a pipe may take: somebody may have to type a passphrase. */
const PATIENCE_MS = 60_000;
/** How often it is looked at, and when people are told what is waited for. */
const LOOK_MS = 20;
const SAY_AFTER_MS = 2000;

export interface Patience {
  /** Milliseconds that a pipe may take. Default 60,000. */
  readonly waitMs?: number;
  /** It takes longer than a file would: what is waited for, in words. */
  readonly onSlow?: (words: string) => void;
}

export interface FileToRead {
  readonly path: string;
  /** What an error begins with: `--key FILE`. */
  readonly name: string;
  /** Nobody else may read or change it. */
  readonly secret: boolean;
  readonly mostBytes: number;
  /** What is in it: `key`. */
  readonly what: string;
  /** How to get one, for who has none. */
  readonly advice?: string;
}

/**
 * All of it. Waits if it comes through a pipe.
 *
 * @throws UsageError when it cannot be read, is too large, or is secret and can be read by others
 */
export function readFile(wanted: FileToRead, patience: Patience = {}): Buffer {
  const { path, name } = wanted;
  const advice = wanted.advice === undefined ? '' : `; ${wanted.advice}`;
  let file: number;
  try {
    // Opening a named pipe waits for its writer otherwise, and reading from one for what it has to say.
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') throw new UsageError(`${name}: there is no such file${advice}`);
    throw new UsageError(`${name}: cannot be opened (${code})`);
  }
  try {
    const info = fstatSync(file);
    if (info.isDirectory()) throw new UsageError(`${name} is a directory${advice}`);
    const unsafe = wanted.secret && process.platform !== 'win32' && info.isFile();
    if (unsafe && (info.mode & unsafeBits(info.uid)) !== 0) {
      const mode = (info.mode & 0o777).toString(8).padStart(4, '0');
      throw new UsageError(
        `${name}: others may read or change it (mode ${mode}): chmod 600 ${escapeText(path)}`,
      );
    }
    return readUpTo(file, wanted, info.isFIFO(), patience);
  } finally {
    closeSync(file);
  }
}

/**
 * Of the mode of somebody's file, those that it may not have. The rule of ssh for a file that one could mend: one's own, and as
 * root anybody's. Another's (a mounted secret, say) may be out of one's hands; but nobody has to let all the world write it.
 */
function unsafeBits(owner: number): number {
  const uid = process.getuid?.() ?? owner;
  return uid === owner || uid === 0 ? 0o077 : 0o002;
}

/** All of it; a pipe gives it in pieces. */
function readUpTo(file: number, wanted: FileToRead, isPipe: boolean, patience: Patience): Buffer {
  const { name, mostBytes, what } = wanted;
  const content = Buffer.alloc(mostBytes + 1);
  const { waitMs = PATIENCE_MS } = patience;
  let length = 0;
  for (let waitedMs = 0; ; ) {
    const got = readSome(file, content.subarray(length), name);
    // Before its writer has come, a named pipe is at its end, too.
    if (got === 0 && !(isPipe && length === 0)) return content.subarray(0, length);
    length += got ?? 0;
    if (length > mostBytes)
      throw new UsageError(`${name} has more than ${mostBytes} bytes, which is no ${what}`);
    if (got !== null && got > 0) continue;
    if (waitedMs >= waitMs)
      throw new UsageError(`${name}: ${missing(length, what)} within ${waitMs / 1000} s`);
    if (waitedMs === SAY_AFTER_MS) patience.onSlow?.(`waiting for the ${what} to come from ${name}`);
    pause(LOOK_MS);
    waitedMs += LOOK_MS;
  }
}

function missing(length: number, what: string): string {
  return length === 0
    ? `nobody has written a ${what} to this pipe`
    : 'whoever writes to this pipe did not end';
}

/** Null: nothing has come yet. */
function readSome(file: number, into: Buffer, name: string): number | null {
  try {
    return readSync(file, into, 0, into.length, null);
  } catch (error) {
    if (codeOf(error) === 'EAGAIN') return null;
    throw new UsageError(`${name}: cannot be read (${codeOf(error)})`);
  }
}

/** Nothing else has begun that could use the time. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
