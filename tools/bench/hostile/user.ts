/**
 * The legitimate user: a message and its echo on a connection that is open, every few milliseconds, and now and then a new
 * connection with its first echo.
 */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const PING_EVERY_MS = 5;
const CONNECT_EVERY_MS = 50;
const WORD = Buffer.alloc(64, 'word');

/** Round trips in milliseconds. */
export interface Latencies {
  readonly ping: number[];
  readonly connect: number[];
}

export async function useFor(port: number, ms: number): Promise<Latencies> {
  const end = performance.now() + ms;
  const [ping, connecting] = await Promise.all([pings(port, end), connections(port, end)]);
  return { ping, connect: connecting };
}

async function pings(port: number, end: number): Promise<number[]> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  const times: number[] = [];
  while (performance.now() < end) {
    times.push(await roundTrip(socket));
    await sleep(PING_EVERY_MS);
  }
  socket.destroy();
  return times;
}

async function connections(port: number, end: number): Promise<number[]> {
  const times: number[] = [];
  while (performance.now() < end) {
    const start = performance.now();
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await roundTrip(socket);
    times.push(performance.now() - start);
    socket.end();
    await sleep(CONNECT_EVERY_MS);
  }
  return times;
}

/** @throws Error when the connection breaks: then the attack has succeeded */
async function roundTrip(socket: Socket): Promise<number> {
  const start = performance.now();
  socket.write(WORD);
  for (let came = 0; came < WORD.length; ) {
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    came += bytes.length;
  }
  return performance.now() - start;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
