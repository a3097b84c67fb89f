/**
 * A private PostgreSQL: its own cluster and port, in a temporary folder. It refuses to run as root; root lends it the
 * user of the package.
 */

import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { background, freePort, succeed } from './e2e_run.ts';
import { until } from './e2e_wait.ts';

export interface Postgres {
  readonly port: number;
  /** What a client needs in its environment beside the port. */
  readonly env: Record<string, string>;
  /** The path of one of its programs: psql, pgbench. */
  program(name: string): string;
}

const VERSIONS = '/usr/lib/postgresql';

/** Debian keeps each version's programs in a folder of their own, out of PATH. */
function programs(): string {
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS) : [];
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
  if (newest === undefined)
    throw new Error('PostgreSQL is not installed; on Debian: apt-get install postgresql');
  return join(VERSIONS, newest, 'bin');
}

export async function startPostgres(t: Test): Promise<Postgres> {
  const bin = programs();
  const folder = await mkdtemp(join(tmpdir(), 'striper-pg-'));
  const root = process.getuid?.() === 0;
  const as = root ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'] : ['env'];
  if (root) {
    const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
    chownSync(folder, id('-u'), id('-g'));
  }
  const data = join(folder, 'data');
  const call = (name: string, ...args: string[]) => [...as.slice(1), join(bin, name), ...args];
  const env = { PGUSER: 'tester', PGDATABASE: 'postgres', PGHOST: '127.0.0.1', PGCONNECT_TIMEOUT: '30' };
  const make = ['-D', data, '-U', env.PGUSER, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  await succeed(t, as[0] as string, call('initdb', ...make), { cwd: folder });
  const port = await freePort();
  const settings = [
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${folder}`,
    'fsync=off',
    'max_connections=100',
  ].flatMap((setting) => ['-c', setting]);
  const server = background(t, as[0] as string, call('postgres', '-D', data, '-p', `${port}`, ...settings), {
    cwd: folder,
  });
  // Before what background() does, which would leave its shared memory behind.
  t.teardown(async () => {
    if (server.exitCode === null)
      await succeed(t, as[0] as string, call('pg_ctl', 'stop', '-D', data, '-m', 'immediate'), {
        cwd: folder,
      });
    rmSync(folder, { recursive: true, force: true });
  });
  let said = '';
  server.stderr?.on('data', (text) => {
    said += text;
  });
  await until(
    () => {
      if (server.exitCode !== null) throw new Error(`PostgreSQL ended:\n${said}`);
      return said.includes('ready to accept connections');
    },
    () => `PostgreSQL does not start:\n${said}`,
    30_000,
  );
  return { port, env, program: (name) => join(bin, name) };
}
