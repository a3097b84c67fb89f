/**
 * Runs configured proxies from start to exit: backend, logs, status view, signals, summary.
 */

import { formatAddress, formatEndpoints, isLoopback } from '../core/address.ts';
import { PipeError } from '../core/errors.ts';
import { formatDuration, plural } from '../core/format.ts';
import type { Logger } from '../core/log.ts';
import { defaultPool } from '../core/pool.ts';
import { openTransport } from '../layer/tcp/backend.ts';
import type { ProxyService } from '../proxy/service.ts';
import { type Reloaded, type Running, ServiceSet, type ServiceSpec } from '../proxy/service_set.ts';
import { Certificates } from './certificates.ts';
import { drainOnSignal } from './drain.ts';
import type { Environment } from './environment.ts';
import { LogOutput, openLog } from './log_output.ts';
import { UsageError } from './options.ts';
import { changedInVain, reloadOnSignal } from './reload.ts';
import { type Listener, serviceSpecs } from './service_specs.ts';
import type { ProcessSettings } from './settings.ts';
import { servedBy, summaryFields, summaryOf, totalOf, viewer } from './view.ts';

/** What a process is to be. */
export interface Program {
  readonly process: ProcessSettings;
  /** At least one. */
  readonly listeners: readonly Listener[];
}

/** Resolves to the exit code. @param again what it is to be, read again */
export async function run(
  program: Program,
  environment: Environment,
  again: () => Promise<Program>,
): Promise<number> {
  const { listeners } = program;
  let settings = program.process;
  const output = new LogOutput();
  const log = await openLog(settings, output);
  for (const notice of environment.notices) log.warn(notice);
  const backend = openTransport();
  const { transport, notice } = backend;
  if (notice !== null) log.warn(notice);
  const certificates = new Certificates(log);
  const specs = serviceSpecs(listeners, backend, environment, log, certificates);
  const listenerOf = new Map<ServiceSpec, Listener | undefined>(specs.map((spec, i) => [spec, listeners[i]]));
  const onRetired = (service: ProxyService) => sayServed(service, log);
  const set = new ServiceSet({ transport, log, memoryBytes: settings.memoryBytes, onRetired });
  // Loaded by who wants it only: the others shall not pay for it.
  const admin = settings.admin === null ? null : await import('./admin.ts');
  const watched = () =>
    set.entries.flatMap(({ spec, service }) => {
      const listener = listenerOf.get(spec);
      return listener === undefined ? [] : (admin?.adminService(service, listener, service.name) ?? []);
    });
  const server =
    settings.admin === null ? null : await admin?.startAdmin(settings.admin, transport.name, watched, log);
  try {
    await set.start(specs);
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof PipeError && error.code === 'loop') throw new UsageError(message);
    log.error(message);
    return 1;
  }
  // Before it is said: who reads that line may send a signal at once.
  const drained = drainOnSignal(set, () => settings.drainTimeoutMs, log);
  const reload = async () => {
    const next = await again();
    const wanted = serviceSpecs(next.listeners, backend, environment, log, certificates);
    const changes = await set.reload(wanted);
    wanted.forEach((spec, i) => {
      listenerOf.set(spec, next.listeners[i]);
    });
    set.memory.capacity = next.process.memoryBytes;
    for (const name of changedInVain(settings, next.process))
      log.warn(`${name} takes effect at the next start`);
    settings = next.process;
    await certificates.reload();
    sayChanges(changes, transport.name, log);
  };
  reloadOnSignal(reload, log);
  for (const running of set.entries) sayOpen(running, transport.name, log);
  if (settings.status) output.showStatus(viewer(() => set.services, titleOf(set.entries)));

  const left = await drained;
  if (left > 0)
    log.warn(
      `${plural(left, 'connection')} still open after ${formatDuration(settings.drainTimeoutMs)}: reset`,
    );
  output.hideStatus();
  server?.close();
  certificates.stop();
  transport.close();
  sayWhatWas(set, log);
  await output.flush();
  return 0;
}

function titleOf(running: readonly Running[]): string {
  const [first] = running;
  if (running.length > 1) return `tcp-proxy with ${running.length} listeners`;
  return first === undefined ? 'tcp-proxy' : describe(first);
}

function describe({ service, spec }: Running): string {
  const where = service.addresses.map(formatAddress).join(' and ');
  return `tcp-proxy ${spec.mode} on ${where} -> ${formatEndpoints([spec.dial].flat())}`;
}

function sayOpen(running: Running, backend: string, log: Logger): void {
  const about = logOf(running.service, log);
  about.info(`${describe(running)} (${backend} backend)`);
  warnIfOpen(running, about);
}

/** Nobody has to prove anything to a server without a key. Who asks for the classic framing alone knows that. */
function warnIfOpen({ service, spec }: Running, log: Logger): void {
  const { certificates = null } = spec;
  if (spec.mode !== 'server' || (spec.key ?? null) !== null || spec.carriers === 0) return;
  if (certificates?.asks) return;
  const open = service.addresses.filter((address) => !isLoopback(address));
  if (open.length === 0) return;
  const [where, whereTo] = [open.map(formatAddress).join(' and '), formatEndpoints([spec.dial].flat())];
  log.warn(
    `whoever reaches ${where} is let through to ${whereTo}: ` +
      (certificates === null
        ? "make a key with 'tcp-proxy keygen FILE', and give --key FILE on both sides"
        : '--tls-cert shows clients who the server is, and asks nothing of them; --tls-client-ca, --tls-pin or --key does'),
  );
}

function logOf({ name }: ProxyService, log: Logger): Logger {
  return name === '' ? log : log.about(name, { listener: name });
}

function sayChanges({ opened, left, stayed, lost }: Reloaded, backend: string, log: Logger): void {
  for (const { service } of left) {
    const { size } = service.sessions;
    const rest = size === 0 ? '' : `; ${plural(size, 'connection')} may finish`;
    logOf(service, log).info(`no longer accepts connections as before${rest}`);
  }
  for (const running of opened) sayOpen(running, backend, log);
  for (const error of lost) log.error(error.message);
  log.info(`SIGHUP: read again: ${opened.length} opened, ${left.length} closed, ${stayed} as before`);
}

function sayServed(service: ProxyService, log: Logger): void {
  const about = logOf(service, log);
  const [served = '', ...more] = summaryOf(service);
  about.info(served, summaryFields(service));
  for (const line of more) about.info(line);
}

function sayWhatWas(set: ServiceSet, log: Logger): void {
  const { services, memory } = set;
  for (const service of services) {
    const about = logOf(service, log);
    sayServed(service, log);
    if (service.trunkTotals !== null) about.debug(`trunks: ${JSON.stringify(service.trunkTotals)}`);
  }
  if (services.length > 1) log.info(`in all ${servedBy(totalOf(services), set.uptimeMs)}`);
  // What should be nothing at the end: for whoever looks for a leak.
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  log.debug(`left behind: ${plural(defaultPool.out + memory.out, 'chunk')}, ${plural(timers, 'timer')}`);
}
