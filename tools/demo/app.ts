/**
 * The demo's application: the client at the near end, which knows nothing of proxies.
 */

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { connect, type Socket } from 'node:net';

export interface RoundTrip {
  readonly bytes: number;
  /** SHA-256 of the file here, of what the target says it got, and of what came back. */
  readonly sent: string;
  readonly arrived: string;
  readonly returned: string;
  readonly upMs: number;
  readonly downMs: number;
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
}

/** Sends a file, half-closes, and receives what the target makes of it. */
export async function sendFile(port: number, file: string): Promise<RoundTrip> {
  const socket = await open(port);
  const sent = createHash('sha256');
  let bytes = 0;
  const start = performance.now();
  socket.write('F');
  const source = createReadStream(file, { highWaterMark: 256 * 1024 });
  source.on('data', (chunk) => {
    sent.update(chunk);
    bytes += chunk.length;
  });
  source.pipe(socket);

  const returned = createHash('sha256');
  let answer = Buffer.alloc(0);
  let upAt = 0;
  for await (const chunk of socket) {
    if (upAt === 0) upAt = performance.now();
    const missing = 32 - answer.length;
    if (missing > 0) answer = Buffer.concat([answer, chunk.subarray(0, missing)]);
    if (chunk.length > missing) returned.update(missing > 0 ? chunk.subarray(missing) : chunk);
  }
  const end = performance.now();
  return {
    bytes,
    sent: sent.digest('hex'),
    arrived: answer.toString('hex'),
    returned: returned.digest('hex'),
    upMs: upAt - start,
    downMs: end - upAt,
  };
}

/** Sends random bytes to the echo, half-closes, and tells whether the same came back. */
export async function echo(port: number, bytes: number): Promise<boolean> {
  const socket = await open(port);
  const data = randomBytes(bytes);
  socket.write('E');
  socket.end(data);
  const back: Buffer[] = [];
  for await (const chunk of socket) back.push(chunk);
  return data.equals(Buffer.concat(back));
}

/** Breaks a connection off in the middle, as a crashing program does. */
export async function breakOff(port: number): Promise<void> {
  const socket = await open(port);
  socket.write('E');
  socket.write(randomBytes(100_000));
  await once(socket, 'data');
  socket.resetAndDestroy();
}
