/**
 * What an end of stream really was.
 *
 * libuv takes a reset for one when data came with it (uv__stream_io: POLLHUP after a partial read), and leaves the error in the
 * socket. Another read tells: it happens in the poll phase between two calls of setImmediate.
 */

import type { Socket } from 'node:net';

interface Inside {
  readonly _readableState: { autoDestroy: boolean };
  readonly _handle?: { readStart(): number } | null;
}

/** Calls back when the other side has really ended. The socket is destroyed when both directions are over. */
export function onRealEnd(socket: Socket, ended: () => void): void {
  const inside = socket as unknown as Inside;
  // Or there would be nobody left to ask.
  inside._readableState.autoDestroy = false;
  socket.once('end', () => {
    inside._handle?.readStart();
    setImmediate(() =>
      setImmediate(() => {
        if (socket.errored !== null || socket.destroyed) return;
        ended();
        if (socket.writableFinished) socket.destroy();
        else socket.once('finish', () => socket.destroy());
      }),
    );
  });
}
