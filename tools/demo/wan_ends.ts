/**
 * The two ends of the transfers of `make demo-wan`, each a process on a host of the emulated network. They know nothing of
 * proxies.
 *
 *     wan_ends.js receive PORT...        takes what comes, and prints ten times a second how much that was
 *     wan_ends.js send HOST:PORT...      sends to each as much as it takes
 */

import { connect, createServer } from 'node:net';

const EVERY_MS = 100;
const PIECE = Buffer.alloc(64 * 1024);

const [what, ...words] = process.argv.slice(2);
if (what === 'receive') receive(words.map(Number));
else for (const word of words) send(word);

function receive(ports: readonly number[]): void {
  const bytes: Record<number, number> = {};
  for (const port of ports) {
    bytes[port] = 0;
    const server = createServer((socket) => {
      socket.on('data', ({ length }) => {
        bytes[port] = (bytes[port] ?? 0) + length;
      });
      socket.on('error', () => socket.destroy());
    });
    server.listen(port, '0.0.0.0');
  }
  setInterval(() => process.stdout.write(`${JSON.stringify({ ms: performance.now(), bytes })}\n`), EVERY_MS);
}

function send(where: string): void {
  const [host = '', port] = where.split(':');
  const socket = connect({ host, port: Number(port) });
  const fill = () => {
    while (socket.write(PIECE)) {}
  };
  socket.once('connect', fill);
  socket.on('drain', fill);
}
