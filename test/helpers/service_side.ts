/** One side of a pair in this process, a target for it, and what an app sends through. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';
import { lineLogger } from '../../src/core/log.ts';
import { SlabPool } from '../../src/core/pool.ts';
import { ProxyService } from '../../src/proxy/service.ts';
import type { ServiceOptions } from '../../src/proxy/service_options.ts';
import { TRANSPORTS } from './transports.ts';

const ANYWHERE = { host: '127.0.0.1', port: 0 };

export type Part = Partial<ServiceOptions>;

export interface Side {
  readonly service: ProxyService;
  readonly lines: string[];
  readonly port: number;
}

export async function start(t: Test, part: Part & Pick<ServiceOptions, 'mode' | 'dial'>): Promise<Side> {
  const lines: string[] = [];
  const service = new ProxyService({
    listen: ANYWHERE,
    transport: TRANSPORTS.native(new SlabPool()),
    log: lineLogger('info', (line) => lines.push(line.replace(/^\S+ /, ''))),
    ...part,
  });
  t.teardown(() => service.stop());
  await service.start();
  return { service, lines, port: (service.addresses[0] as { port: number }).port };
}

/** A target that answers what it is told, and counts who comes. */
export async function echo(t: Test): Promise<{ port: number; count: () => number }> {
  let count = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    count++;
    socket.on('error', () => {});
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => void server.close());
  return { port: (server.address() as AddressInfo).port, count: () => count };
}

export async function through(port: number, words: Buffer): Promise<Buffer> {
  const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const pieces: Buffer[] = [];
  socket.on('data', (piece) => pieces.push(piece));
  socket.end(words);
  await once(socket, 'end');
  socket.destroy();
  return Buffer.concat(pieces);
}
