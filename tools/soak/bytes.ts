/**
 * Bytes that both ends can make by themselves from a number, and their hash: AES-CTR over zeros, since Random is too slow.
 */

import { createCipheriv, createHash } from 'node:crypto';
import type { Socket } from 'node:net';

const PIECE = Buffer.alloc(64 * 1024);

function* pieces(seed: number, length: number): Generator<Buffer> {
  const key = createHash('sha256').update(`soak ${seed}`).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  for (let left = length; left > 0; left -= PIECE.length)
    yield cipher.update(PIECE.subarray(0, Math.min(left, PIECE.length)));
}

export function hashOf(seed: number, length: number): string {
  const hash = createHash('sha256');
  for (const piece of pieces(seed, length)) hash.update(piece);
  return hash.digest('hex');
}

/** Sends them as fast as they are taken; ends early when the connection does. */
export async function sendBytes(socket: Socket, seed: number, length: number): Promise<void> {
  for (const piece of pieces(seed, length)) {
    if (!socket.writable) return;
    if (!socket.write(piece)) await drained(socket);
  }
}

/** There is room again, or it is over. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    if (socket.destroyed) return resolve();
    socket.on('drain', done);
    socket.on('close', done);
  });
}
