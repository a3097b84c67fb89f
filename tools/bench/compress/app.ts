/**
 * Both apps of a measurement, in this process: what is sent to the target, and what comes back of it.
 */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';

export interface Target {
  readonly port: number;
  close(): void;
}

/** Throws away what comes, and says how much that was when it has ended. */
export const openSink = () =>
  listen(
    createServer({ allowHalfOpen: true }, (socket) => {
      let bytes = 0;
      socket.on('error', () => {});
      socket.on('data', (data) => {
        bytes += data.length;
      });
      socket.on('end', () => socket.end(String(bytes)));
    }),
  );

export const openEcho = () =>
  listen(createServer({ noDelay: true }, (socket) => void socket.on('error', () => {}).pipe(socket)));

async function listen(server: Server): Promise<Target> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

/** @returns seconds until the sink has said that it has all */
export async function send(port: number, bytes: Buffer): Promise<number> {
  const start = performance.now();
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.end(bytes);
  let answer = '';
  for await (const text of socket.setEncoding('utf8')) answer += text;
  if (answer !== String(bytes.length))
    throw new Error(`${answer || 'nothing'} of ${bytes.length} bytes arrived`);
  return (performance.now() - start) / 1000;
}

/** @returns round trips of 64 bytes, in milliseconds */
export async function echo(port: number, times: number): Promise<number[]> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const message = Buffer.from('64 bytes as somebody types them into a terminal, again and again');
  const took: number[] = [];
  for (let i = 0; i < times + 50; i++) {
    const start = performance.now();
    socket.write(message);
    for (let came = 0; came < message.length; ) {
      const [bytes] = (await once(socket, 'data')) as [Buffer];
      came += bytes.length;
    }
    // What warms up does not count.
    if (i >= 50) took.push(performance.now() - start);
  }
  socket.destroy();
  return took;
}
