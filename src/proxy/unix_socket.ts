/**
 * Unix sockets leave a file behind. What a dead process left is removed before listening; one that somebody serves is
 * not touched, before and after: when we stop, the path may lead to somebody else's socket.
 */

import { lstatSync, readFileSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { resolve } from 'node:path';
import { PipeError } from '../core/errors.ts';

/** What sun_path has room for, without the NUL at its end. */
const LONGEST_PATH_BYTES = 107;

/** Abstract sockets (a NUL in front) have no file. */
function hasFile(path: string): boolean {
  return !path.startsWith('\0');
}

/** The path to bind: absolute where that fits, since the system lists sockets by the path that they were given. */
export function pathToBind(path: string): string {
  if (!hasFile(path)) return path;
  const absolute = resolve(path);
  return Buffer.byteLength(absolute) <= LONGEST_PATH_BYTES ? absolute : path;
}

/** @throws PipeError `address-in-use` when it is served, `address-invalid` when it is not a socket at all */
export async function removeStaleSocket(path: string): Promise<void> {
  if (!hasFile(path)) return;
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket())
    throw new PipeError('address-invalid', 'tcp', 'there is a file that is not a socket');
  if (isListed(resolve(path)) || (await answers(path)))
    throw new PipeError('address-in-use', 'tcp', 'a program listens there already');
  unlinkSync(path);
}

/** The file of a socket of ours. */
export class SocketFile {
  readonly #path: string;
  readonly #identity: string | null;

  /** To be made as soon as the path is bound. */
  constructor(path: string) {
    this.#path = path;
    this.#identity = hasFile(path) ? identityOf(path) : null;
  }

  /** Removes it, unless somebody has put another in its place. */
  remove(): void {
    if (this.#identity === null || identityOf(this.#path) !== this.#identity) return;
    try {
      unlinkSync(this.#path);
    } catch {
      // Gone already, or not ours to remove any more: either way there is nothing left to do.
    }
  }
}

function identityOf(path: string): string | null {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return found?.isSocket() ? `${found.dev} ${found.ino}` : null;
}

/** __SO_ACCEPTCON: it listens. What a listener has accepted is listed with the listener's path. */
const LISTENS = 0x10000;

/**
 * Whether Linux says that somebody listens at this path. Nobody may still mean somebody: in another network namespace, or
 * by another path to the same file.
 */
function isListed(path: string): boolean {
  let table: string;
  try {
    table = readFileSync('/proc/net/unix', 'utf8');
  } catch {
    return false;
  }
  return table.split('\n').some((line) => {
    // Num: RefCount Protocol Flags Type St Inode Path
    const [, flags, listed] = /^\S+ \S+ \S+ (\S+) \S+ \S+ +\d+ (.*)$/.exec(line) ?? [];
    return listed === path && (Number.parseInt(flags as string, 16) & LISTENS) !== 0;
  });
}

/** Asks by connecting, which is a connection too many to whoever lives there: only where the system has not said so. */
function answers(path: string): Promise<boolean> {
  return new Promise((tell) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      tell(true);
    });
    // Refused: nobody has it open. Anything else (a full backlog, say) speaks for a living owner.
    socket.once('error', (error: NodeJS.ErrnoException) => tell(error.code !== 'ECONNREFUSED'));
  });
}
