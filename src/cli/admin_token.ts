/**
 * The token of the admin server: from a file, or from the environment. Never from the command line, which everybody on the
 * machine can read.
 */

import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { escapeText } from '../core/format.ts';
import { UsageError } from './options.ts';

export const TOKEN_VARIABLE = 'TCP_STRIPER_ADMIN_TOKEN';

/** Shorter ones can be guessed. */
const LEAST_LENGTH = 16;
const MAKE_ONE = "'tcp-proxy keygen FILE' makes one";

/** Null: there is none. @throws UsageError when it cannot be read, can be read by others, or is no token */
export function readToken(file: string | null, env: NodeJS.ProcessEnv): string | null {
  if (file !== null) return checked(contentOf(file), `--admin-token ${escapeText(file)}`);
  const variable = env[TOKEN_VARIABLE] ?? '';
  return variable === '' ? null : checked(variable, TOKEN_VARIABLE);
}

function checked(text: string, name: string): string {
  const token = text.trim();
  if (token === '') throw new UsageError(`${name} is empty; ${MAKE_ONE}`);
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new UsageError(`${name}: a token is one word of printable ASCII characters; ${MAKE_ONE}`);
  if (token.length < LEAST_LENGTH)
    throw new UsageError(
      `${name} has ${token.length} characters, which can be guessed; ${LEAST_LENGTH} random ones are the least: ${MAKE_ONE}`,
    );
  return token;
}

function contentOf(path: string): string {
  const name = `--admin-token ${escapeText(path)}`;
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw new UsageError(`${name}: cannot be opened (${(error as NodeJS.ErrnoException).code}); ${MAKE_ONE}`);
  }
  try {
    const info = fstatSync(file);
    // As for --key: what others can read is no secret. Files of somebody else may be out of one's hands.
    const ours = process.getuid === undefined || info.uid === process.getuid();
    if (process.platform !== 'win32' && info.isFile() && ours && (info.mode & 0o077) !== 0)
      throw new UsageError(`${name}: others may read or change it: chmod 600 ${escapeText(path)}`);
    if (info.isFile() && info.size > 4096) throw new UsageError(`${name} is far too long; ${MAKE_ONE}`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${name}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  } finally {
    closeSync(file);
  }
}
