/**
 * Unix sockets leave a file behind. What a dead process left is removed before listening; one that somebody serves is
 * not touched.
 */

import { lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { PipeError } from '../core/errors.ts';

/** Abstract sockets (a NUL in front) have no file. */
function hasFile(path: string): boolean {
  return !path.startsWith('\0');
}

/** @throws PipeError `address-in-use` when it is served, or is not a socket at all */
export async function removeStaleSocket(path: string): Promise<void> {
  if (!hasFile(path)) return;
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new PipeError('address-in-use', 'tcp', `${path} exists and is not a socket`);
  if (await isServed(path))
    throw new PipeError('address-in-use', 'tcp', `another program already listens at ${path}`);
  unlinkSync(path);
}

export function removeSocket(path: string): void {
  if (!hasFile(path)) return;
  try {
    unlinkSync(path);
  } catch {
    // Gone already, or not ours to remove any more: either way there is nothing left to do.
  }
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Refused: nobody has it open. Anything else (a full backlog, say) speaks for a living owner.
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}
