/**
 * The shared key as a file: what `--key` reads, and what `keygen` writes.
 *
 *     tcpstriper1_<64 hexadecimal digits: 32 random bytes><8 more: the first 4 bytes of their SHA-256>
 *
 * One word, so that it survives being copied from a terminal; blanks and line ends around and inside it do not count, and
 * a digit that was lost or changed is noticed. Any other file is the key as it is, from 32 bytes on: all of its bytes, or,
 * if it is text, what is left without the blanks and line ends around it.
 *
 * A pipe will do for a file, such as `<(pass show striper)` in a shell; but not for ever, if nobody writes to it.
 */

import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { escapeText } from '../core/format.ts';
import { UsageError } from './options.ts';

const KEY_BYTES = 32;
const MOST_BYTES = 4096;
const PREFIX = 'tcpstriper1_';
const CHECK_BYTES = 4;
/** A key with fewer different bytes was not made at random: 32 random ones have less than 16 once in 10^12 times. */
const LEAST_DIFFERENT = 8;

/** So long a pipe may take: somebody may have to type a passphrase. */
const PATIENCE_MS = 60_000;
/** How often it is looked at, and when people are told what is waited for. */
const LOOK_MS = 20;
const SAY_AFTER_MS = 2000;

const MAKE_ONE = 'make one with: tcp-proxy keygen FILE';

export interface Patience {
  readonly waitMs?: number;
  /** It takes longer than a file would: what is waited for, in words. */
  readonly onSlow?: (words: string) => void;
}

/**
 * The bytes of the key. Waits for them if they come through a pipe.
 *
 * @throws UsageError when the file cannot be read, can be read by others, or holds no key
 */
export function readKeyFile(path: string, patience: Patience = {}): Buffer {
  const name = `--key ${escapeText(path)}`;
  return keyOf(contentOf(path, name, patience), name);
}

/** The text of a new key, in one line. */
export function newKey(): string {
  const key = randomBytes(KEY_BYTES);
  return `${PREFIX}${Buffer.concat([key, checkOf(key)]).toString('hex')}\n`;
}

/** Writes a new key, for its owner's eyes only. @throws Error when there is a file already, or it cannot be written */
export function writeKeyFile(path: string): void {
  let file: number;
  try {
    file = openSync(path, 'wx', 0o600);
  } catch (error) {
    if (codeOf(error) === 'EEXIST')
      throw new Error(
        `${path} exists already; a key is not overwritten: choose another name, or remove it first`,
      );
    throw new Error(`cannot write ${path}: ${(error as Error).message}`);
  }
  try {
    // Whatever the umask is.
    fchmodSync(file, 0o600);
    writeSync(file, newKey());
    fsyncSync(file);
  } catch (error) {
    unlinkSync(path);
    throw new Error(`cannot write ${path}: ${(error as Error).message}`);
  } finally {
    closeSync(file);
  }
}

function contentOf(path: string, name: string, patience: Patience): Buffer {
  let file: number;
  try {
    // Opening a named pipe waits for its writer otherwise, and reading from one for what it has to say.
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') throw new UsageError(`${name}: there is no such file; ${MAKE_ONE}`);
    throw new UsageError(`${name}: cannot be opened (${code})`);
  }
  try {
    const info = fstatSync(file);
    if (info.isDirectory()) throw new UsageError(`${name} is a directory; ${MAKE_ONE}`);
    if (process.platform !== 'win32' && info.isFile() && (info.mode & unsafeBits(info.uid)) !== 0) {
      const mode = (info.mode & 0o777).toString(8).padStart(4, '0');
      throw new UsageError(
        `${name}: others may read or change it (mode ${mode}): chmod 600 ${escapeText(path)}`,
      );
    }
    return readUpTo(file, MOST_BYTES, name, info.isFIFO(), patience);
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
function readUpTo(file: number, most: number, name: string, isPipe: boolean, patience: Patience): Buffer {
  const content = Buffer.alloc(most + 1);
  const { waitMs = PATIENCE_MS } = patience;
  let length = 0;
  for (let waitedMs = 0; ; ) {
    const got = readSome(file, content.subarray(length), name);
    // Before its writer has come, a named pipe is at its end, too.
    if (got === 0 && !(isPipe && length === 0)) return content.subarray(0, length);
    length += got ?? 0;
    if (length > most)
      throw new UsageError(`${name} has more than ${most} bytes, which is no key; ${MAKE_ONE}`);
    if (got !== null && got > 0) continue;
    if (waitedMs >= waitMs) throw new UsageError(`${name}: ${missing(length)} within ${waitMs / 1000} s`);
    if (waitedMs === SAY_AFTER_MS) patience.onSlow?.(`waiting for the key to come from ${name}`);
    pause(LOOK_MS);
    waitedMs += LOOK_MS;
  }
}

function missing(length: number): string {
  return length === 0 ? 'nobody has written a key to this pipe' : 'whoever writes to this pipe did not end';
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

function keyOf(content: Buffer, name: string): Buffer {
  if (content.length === 0) throw new UsageError(`${name} is empty; ${MAKE_ONE}`);
  const key = isText(content) ? keyOfText(content.toString('latin1'), name) : content;
  if (key.length < KEY_BYTES)
    throw new UsageError(
      `${name} has ${key.length} bytes; a key has at least ${KEY_BYTES} random ones: ${MAKE_ONE}`,
    );
  if (new Set(key).size < LEAST_DIFFERENT)
    throw new UsageError(
      `${name} holds nearly the same byte again and again, which anybody can guess; ${MAKE_ONE}`,
    );
  return Buffer.from(key);
}

function keyOfText(text: string, name: string): Buffer {
  const word = text.replace(/[ \t\r\n]+/g, '');
  if (!word.startsWith(PREFIX)) return Buffer.from(text.trim(), 'latin1');
  const digits = word.slice(PREFIX.length);
  const bytes = /^[0-9a-f]*$/i.test(digits) ? Buffer.from(digits, 'hex') : Buffer.alloc(0);
  const key = bytes.subarray(0, KEY_BYTES);
  const whole = digits.length === 2 * (KEY_BYTES + CHECK_BYTES);
  if (whole && checkOf(key).equals(bytes.subarray(KEY_BYTES))) return key;
  throw new UsageError(
    `${name} is damaged: a key of keygen that has lost or changed some of its digits; copy it again`,
  );
}

function isText(content: Buffer): boolean {
  return /^[\t\r\n\x20-\x7e]*$/.test(content.toString('latin1'));
}

function checkOf(key: Buffer): Buffer {
  return createHash('sha256').update(key).digest().subarray(0, CHECK_BYTES);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
