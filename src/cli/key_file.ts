/**
 * The shared key as a file: what `--key` reads, and what `keygen` writes.
 *
 *     tcpstriper1_<64 hexadecimal digits: 32 random bytes><8 more: the first 4 bytes of their SHA-256>
 *
 * One word, so that it survives being copied from a terminal; blanks and line ends around and inside it do not count, and
 * a digit that was lost or changed is noticed. Any other file is the key as it is, from 32 bytes on: all of its bytes, or,
 * if it is text, what is left without the blanks and line ends around it.
 *
 * A pipe will do for a file, such as `<(pass show striper)` in a shell.
 */

import { createHash, randomBytes } from 'node:crypto';
import { closeSync, fchmodSync, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { escapeText } from '../core/format.ts';
import { UsageError } from './options.ts';
import { codeOf, type Patience, readFile } from './secret_file.ts';

const KEY_BYTES = 32;
const MOST_BYTES = 4096;
const PREFIX = 'tcpstriper1_';
const CHECK_BYTES = 4;
/** A key with fewer different bytes was not made at random: 32 random ones have less than 16 once in 10^12 times. */
const LEAST_DIFFERENT = 8;

const MAKE_ONE = 'make one with: tcp-proxy keygen FILE';

/**
 * The bytes of the key. Waits for them if they come through a pipe.
 *
 * @throws UsageError when the file cannot be read, can be read by others, or holds no key
 */
export function readKeyFile(path: string, patience: Patience = {}): Buffer {
  const name = `--key ${escapeText(path)}`;
  const content = readFile(
    { path, name, secret: true, mostBytes: MOST_BYTES, what: 'key', advice: MAKE_ONE },
    patience,
  );
  return keyOf(content, name);
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
