/**
 * Runs a configured proxy from start to exit: backend, logs, status view, signals, summary.
 */

import { formatAddress, formatEndpoints, isLoopback } from '../core/address.ts';
import { PipeError } from '../core/errors.ts';
import { formatDuration, plural } from '../core/format.ts';
import { type Logger, lineLogger } from '../core/log.ts';
import { defaultPool } from '../core/pool.ts';
import { openTransport } from '../layer/tcp/backend.ts';
import type { Transport } from '../layer/tcp/transport.ts';
import { StatusLine } from '../observe/status.ts';
import { MOST_AUTO_CARRIERS } from '../proxy/carrier_count.ts';
import { compressionProblem } from '../proxy/compression.ts';
import { SYSTEM_CONGESTION } from '../proxy/links.ts';
import { ProxyService } from '../proxy/service.ts';
import type { Configuration } from './arguments.ts';
import { Certificates } from './certificates.ts';
import { readEnvironment } from './environment.ts';
import { readKeyFile } from './key_file.ts';
import { UsageError } from './options.ts';
import { PatientTerminal } from './terminal.ts';
import { asksClients } from './tls_settings.ts';
import { summaryOf, viewer } from './view.ts';

/** Descriptors that are not for connections: logs, the poller, Node's own, name lookups. */
const RESERVED_DESCRIPTORS = 50;
/** That a client keeps for each: its connection, and two attempts at once at another. A server counts those that it has. */
const DESCRIPTORS_A_CARRIER = 3;

/** So much waits in memory for a reader of the log that has stopped reading; what comes after it is lost. */
const LOG_BACKLOG_BYTES = 1024 * 1024;

/** At the end, a terminal that takes nothing for so long is not waited for. */
const TERMINAL_PATIENCE_MS = 500;

let linesLost = 0;

/** Prints the line, unless so much waits for the reader already. */
function writeLog(line: string, waiting: number, print: (line: string) => void): void {
  if (waiting > LOG_BACKLOG_BYTES) {
    linesLost++;
    return;
  }
  if (linesLost > 0) print(`(${plural(linesLost, 'line')} lost here: nobody read them in time)`);
  linesLost = 0;
  print(line);
}

/** Resolves to the exit code. */
export async function run(config: Configuration): Promise<number> {
  let statusLine: StatusLine | null = null;
  const terminal = PatientTerminal.open(process.stderr);
  const out = terminal ?? process.stderr;
  const print = (line: string) => {
    if (statusLine !== null) statusLine.print(line);
    else out.write(`${line}\n`);
  };
  const log = lineLogger(config.logLevel, (line) => {
    writeLog(line, terminal?.waiting ?? process.stderr.writableLength, print);
  });
  const { splice, scheduler } = readEnvironment(process.env);
  const onSlow = (words: string) => log.info(words);
  const key = config.keyFile === null ? null : readKeyFile(config.keyFile, { onSlow });
  const certificates = new Certificates(log);
  const shown = config.tls === null ? null : certificates.of(config.tls, { onSlow });
  const { transport, notice, descriptorLimit } = openTransport();
  if (notice !== null) log.warn(notice);
  checkAgainstMachine(config, transport, log);
  const service = new ProxyService({
    mode: config.mode,
    listen: config.listen,
    dial: config.dial,
    transport,
    log,
    ...(config.carriers === undefined ? {} : { carriers: config.carriers }),
    key,
    encrypt: config.encrypt,
    certificates: shown,
    serverName: config.tls?.name ?? null,
    via: config.via,
    compression: config.compression,
    ...(config.congestion === undefined ? {} : { congestion: config.congestion }),
    graceMs: config.graceMs,
    connectTimeoutMs: config.connectTimeoutMs,
    // Who says how many there may be is believed.
    ...(config.maxConnections === undefined
      ? { descriptors: descriptorLimit - reservedDescriptors(config) }
      : { maxConnections: config.maxConnections }),
    limits: config.limits,
    maxMessageBytes: config.maxMessageBytes,
    memoryBytes: config.memoryBytes,
    splice,
    scheduler,
  });
  // Loaded by who wants it only: the others shall not pay for it.
  const admin = config.admin === null ? null : await import('./admin.ts');
  const watched = admin === null ? [] : [admin.adminService(service, config)];
  const server =
    config.admin === null ? null : await admin?.startAdmin(config.admin, transport.name, () => watched, log);
  try {
    await service.start();
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof PipeError && error.code === 'loop') throw new UsageError(message);
    log.error(message);
    return 1;
  }
  const listening = service.addresses.map(formatAddress).join(' and ');
  const title = `tcp-proxy ${config.mode} on ${listening} -> ${formatEndpoints(config.dial)}`;
  // Before it is said: who reads that line may send a signal at once.
  const drained = drainOnSignal(service, config, log);
  if (config.tls !== null) process.on('SIGHUP', () => void certificates.reload());
  log.info(`${title} (${transport.name} backend)`);
  warnIfOpen(service, config, log);
  if (config.status && terminal?.capable) statusLine = new StatusLine(terminal, viewer(service, title));

  const left = await drained;
  if (left > 0)
    log.warn(
      `${plural(left, 'connection')} still open after ${formatDuration(config.drainTimeoutMs)}: reset`,
    );
  statusLine?.close();
  statusLine = null;
  server?.close();
  certificates.stop();
  transport.close();
  for (const line of summaryOf(service)) log.info(line);
  if (service.trunkTotals !== null) log.debug(`trunks: ${JSON.stringify(service.trunkTotals)}`);
  log.debug(`left behind: ${leftovers(service)}`);
  await terminal?.flush(TERMINAL_PATIENCE_MS);
  return 0;
}

function reservedDescriptors({ mode, carriers = 0 }: Configuration): number {
  const most = carriers === 'auto' ? MOST_AUTO_CARRIERS : carriers;
  return RESERVED_DESCRIPTORS + (mode === 'client' ? DESCRIPTORS_A_CARRIER * most : 0);
}

/** What was asked for and this machine does not have. @throws UsageError */
function checkAgainstMachine(config: Configuration, transport: Transport, log: Logger): void {
  const { via, congestion, compression } = config;
  const missing = compressionProblem(compression);
  if (missing !== null) throw new UsageError(`--compress: ${missing}`);
  for (const end of via) {
    const problem = transport.localEndProblem(end);
    if (problem !== null) throw new UsageError(`--via: ${problem.message}`);
  }
  if (congestion === undefined || congestion === SYSTEM_CONGESTION) return;
  const problem = transport.congestionProblem(congestion);
  // Without the addon everything works, only not as well.
  if (problem !== null && transport.name === 'portable') log.warn(`--congestion: ${problem.message}`);
  else if (problem !== null) throw new UsageError(`--congestion: ${problem.message}`);
}

/** Nobody has to prove anything to a server without a key. Who asks for the classic framing alone knows that. */
function warnIfOpen(service: ProxyService, config: Configuration, log: Logger): void {
  const { mode, keyFile, carriers, tls } = config;
  if (mode !== 'server' || keyFile !== null || carriers === 0 || (tls !== null && asksClients(tls))) return;
  const open = service.addresses.filter((address) => !isLoopback(address));
  if (open.length === 0) return;
  const where = open.map(formatAddress).join(' and ');
  log.warn(
    `whoever reaches ${where} is let through to ${formatEndpoints(config.dial)}: ` +
      (tls === null
        ? "make a key with 'tcp-proxy keygen FILE', and give --key FILE on both sides"
        : '--tls-cert shows clients who the server is, and asks nothing of them; --tls-client-ca, --tls-pin or --key does'),
  );
}

/** Waits for the first SIGTERM or SIGINT, then for the sessions; a second signal ends the process at once. */
function drainOnSignal(service: ProxyService, config: Configuration, log: Logger): Promise<number> {
  return new Promise((resolve, reject) => {
    let draining = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (draining) {
        log.warn(`second ${signal}: ending at once, ${plural(service.sessions.size, 'connection')} reset`);
        service.stop();
        process.exit(1);
      }
      draining = true;
      const open = service.sessions.size;
      // First, so that nobody comes in who has read that line.
      service.drain(config.drainTimeoutMs).then(resolve, reject);
      if (open === 0) return;
      const limit = formatDuration(config.drainTimeoutMs);
      log.info(`${signal}: finishing ${plural(open, 'connection')}, at most ${limit}; again to end at once`);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

/** What should be nothing at the end: for whoever looks for a leak. */
function leftovers({ memory }: ProxyService): string {
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  return `${plural(defaultPool.out + memory.out, 'chunk')}, ${plural(timers, 'timer')}`;
}
