/** Admin servers of services in this process, and a pair to watch through them. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Test } from 'tap';
import { metricsRoute } from '../../src/admin/metrics.ts';
import { AdminServer } from '../../src/admin/server.ts';
import type { AdminService } from '../../src/admin/services.ts';
import { call } from './admin_call.ts';
import { until } from './e2e_wait.ts';
import { echo, type Side, start } from './service_side.ts';

export const BUILD = {
  version: '0.0.0',
  node: '20',
  platform: 'linux',
  arch: 'x64',
  backend: 'native',
} as const;

export interface Watch {
  readonly server: AdminServer;
  readonly port: number;
}

/** As the command makes it. */
export async function watch(
  t: Test,
  services: () => readonly AdminService[],
  token: string | null = null,
): Promise<Watch> {
  const server = new AdminServer({
    host: '127.0.0.1',
    port: 0,
    token,
    build: BUILD,
    services,
    routes: (snapshots) => [metricsRoute({ build: BUILD, services }, snapshots)],
    onBug: (bug) => t.fail(bug as Error),
  });
  await server.listen();
  t.teardown(() => server.close());
  return { server, port: (server.address as { port: number }).port };
}

export function watched({ service }: Side, name = ''): AdminService {
  return { name, service, dial: ['127.0.0.1:1'], options: { mode: service.mode, via: [] } };
}

export interface WatchedPair {
  readonly near: Side;
  readonly far: Side;
  readonly nearAdmin: Watch;
  readonly farAdmin: Watch;
}

/** A client and a server with all their carriers, and an admin server for each. */
export async function watchedPair(
  t: Test,
  names: { near?: string; far?: string } = {},
): Promise<WatchedPair> {
  const target = await echo(t);
  const far = await start(t, {
    mode: 'server',
    dial: { host: '127.0.0.1', port: target.port },
    name: names.far ?? '',
  });
  const near = await start(t, {
    mode: 'client',
    dial: { host: '127.0.0.1', port: far.port },
    carriers: 4,
    name: names.near ?? '',
  });
  const nearAdmin = await watch(t, () => [watched(near, names.near)]);
  const farAdmin = await watch(t, () => [watched(far, names.far)]);
  await until(
    () => near.service.carriers.every(({ state }) => state === 'open'),
    () => near.lines.join('\n'),
  );
  return { near, far, nearAdmin, farAdmin };
}

/** An app that stays connected. */
export async function app(t: Test, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Waits until so many connections are open on both sides. */
export async function opened(pair: WatchedPair, count: number): Promise<void> {
  for (const { port } of [pair.nearAdmin, pair.farAdmin]) {
    await until(
      async () => {
        const { connections } = (await call(port, '/api/v1/connections')).json;
        return connections.filter(({ state }: { state: string }) => state === 'open').length === count;
      },
      () => 'connections do not come',
    );
  }
}
