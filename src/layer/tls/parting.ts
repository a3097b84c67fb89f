/**
 * Parting from somebody who is not who he has to be: he is told so, encrypted, and the connection ends in order. An alert of TLS
 * has no words, and node:tls has no way to send one.
 */

import type { TLSSocket } from 'node:tls';
import type { IoPipe } from '../../pipe/pipe.ts';
import type { LowerStream } from './lower.ts';

/** Of what a peer says before it has heard that it is refused: the HELLO of a client that has not waited, at most. */
const MOST_UNREAD = 65_536;

/**
 * Takes the lower pipe over until then; how long that may take, is for others to bound.
 *
 * @param done is called once, when it is said or cannot be; never from within this call
 */
export function part(
  lower: IoPipe<'bytes'>,
  stream: LowerStream,
  socket: TLSSocket,
  words: Buffer,
  done: () => void,
): void {
  let unread = MOST_UNREAD;
  const look = () => {
    // What is left unread would make a reset of our end, and the words could get lost; but nobody keeps us reading.
    while (unread > 0 && lower.readable) {
      const chunk = lower.recv(unread);
      unread -= chunk?.length ?? 0;
      chunk?.release();
    }
    if (lower.broken === null && !lower.finSent) stream.onWritable();
    if (lower.broken === null && !lower.finSent) return;
    lower.onActivity = null;
    done();
  };
  lower.onActivity = look;
  socket.end(words);
}
