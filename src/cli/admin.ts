/**
 * --admin: where the admin server listens, and what it is given to show.
 */

import { lookup } from 'node:dns/promises';
import type { OptionsDocument } from '../admin/documents.ts';
import { metricsRoute } from '../admin/metrics.ts';
import { AdminServer } from '../admin/server.ts';
import type { AdminService } from '../admin/services.ts';
import { formatAddress, formatEndpoint, isLoopback } from '../core/address.ts';
import type { Logger } from '../core/log.ts';
import { dashboardRoutes } from '../dashboard/routes.ts';
import { formatLocalEnd } from '../layer/tcp/local_end.ts';
import type { ProxyService } from '../proxy/service.ts';
import { readToken, TOKEN_VARIABLE } from './admin_token.ts';
import type { AdminPlace } from './admin_words.ts';
import { UsageError } from './options.ts';
import type { Configuration } from './settings.ts';
import { version } from './version.ts';

/** Where it is unless told otherwise. */
const LOOPBACK = '127.0.0.1';

/**
 * Starts it. `services` is asked each time that somebody wants to know.
 *
 * @throws UsageError when it would be open to the network without a token
 * @throws Error when it cannot listen, in words
 */
export async function startAdmin(
  { listen, tokenFile }: AdminPlace,
  backend: string,
  services: () => readonly AdminService[],
  log: Logger,
): Promise<AdminServer> {
  const name = `--admin ${formatEndpoint(listen)}`;
  if (listen.path !== undefined)
    throw new UsageError(`${name}: write HOST:PORT; it does not listen on paths`);
  const token = readToken(tokenFile, process.env);
  const { host, port } = listen;
  const family = await resolved(host === '' ? LOOPBACK : host, name);
  if (token === null && !isLoopback({ ...family, port }))
    throw new UsageError(
      `${name} can be reached from other machines, so it needs a token: put one into a file ('tcp-proxy keygen FILE') and ` +
        `give --admin-token FILE, or set ${TOKEN_VARIABLE}`,
    );
  const { node } = process.versions;
  const { platform, arch } = process;
  const build = { version: version(), node, platform, arch, backend };
  const server = new AdminServer({
    host: family.host,
    port,
    name: host,
    token,
    build,
    services,
    routes: (snapshots) => [metricsRoute({ build, services }, snapshots), ...dashboardRoutes()],
    onBug: (bug) => log.error(`a bug in the admin server: ${bug instanceof Error ? bug.stack : String(bug)}`),
  });
  try {
    await server.listen();
  } catch (error) {
    throw new Error(`${name}: cannot listen there: ${(error as Error).message}`);
  }
  const where = formatAddress(server.address);
  log.info(`admin server at http://${where}/${token === null ? '' : ' (with a token)'}`);
  return server;
}

async function resolved(host: string, name: string): Promise<{ family: 4 | 6; host: string }> {
  try {
    const { address, family } = await lookup(host, { verbatim: false });
    return { host: address, family: family === 6 ? 6 : 4 };
  } catch (error) {
    throw new Error(`${name}: ${host} cannot be resolved: ${(error as Error).message}`);
  }
}

/** A service as the admin server shows it. */
export function adminService(service: ProxyService, config: Configuration, name = ''): AdminService {
  return { name, service, dial: config.dial.map(formatEndpoint), options: optionsDocument(config) };
}

/** What is shown of the options: named one by one, so that a secret among new ones is not shown by accident. */
function optionsDocument(config: Configuration): OptionsDocument {
  const { mode, carriers, keyFile, encrypt, via, congestion, maxConnections } = config;
  return {
    mode,
    carriers: carriers ?? null,
    key: keyFile !== null,
    encrypt: keyFile !== null && encrypt,
    certificates: config.tls !== null,
    compress: compressionName(config.compression),
    via: via.map(formatLocalEnd),
    congestion: congestion ?? null,
    graceMs: config.graceMs,
    connectTimeoutMs: config.connectTimeoutMs,
    drainTimeoutMs: config.drainTimeoutMs,
    maxConnections: maxConnections ?? null,
    maxMessageBytes: config.maxMessageBytes,
    memoryBytes: config.memoryBytes,
    logLevel: config.logLevel,
    ...config.limits,
  };
}

/** As it would be typed. */
function compressionName({ choice }: Configuration['compression']): string | null {
  if (choice === null || choice === 'off') return choice;
  return choice.level === null ? choice.name : `${choice.name}:${choice.level}`;
}
