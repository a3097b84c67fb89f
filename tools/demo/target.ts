/**
 * The demo's target: the service at the far end. It does what the first byte of a connection asks for.
 *
 *     'F'  takes a file until the sender's FIN, answers with the SHA-256 of what came, then sends the file back
 *     'E'  echoes until the sender's FIN, then ends too
 */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';

export interface Target {
  readonly port: number;
  /** How each connection ended: `end` (FIN) or an error's code. */
  readonly endings: string[];
  close(): void;
}

export function startTarget(file: string): Promise<Target> {
  const endings: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.once('end', () => endings.push('end'));
    socket.once('error', (error: NodeJS.ErrnoException) => endings.push(error.code ?? error.message));
    serve(socket, file);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      const close = () => {
        for (const socket of sockets) socket.destroy();
        server.close();
      };
      resolve({ port, endings, close });
    });
  });
}

function serve(socket: Socket, file: string): void {
  socket.once('data', (first) => {
    socket.pause();
    socket.unshift(first.subarray(1));
    if (first[0] === 0x45) socket.pipe(socket);
    else answerFile(socket, file);
  });
}

function answerFile(socket: Socket, file: string): void {
  const hash = createHash('sha256');
  socket.on('data', (bytes) => hash.update(bytes));
  // The sender has sent its FIN and still listens: the answer travels on a half-closed connection.
  socket.once('end', () => {
    socket.write(hash.digest());
    createReadStream(file, { highWaterMark: 256 * 1024 }).pipe(socket);
  });
  socket.resume();
}
