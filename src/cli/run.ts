/**
 * Runs a configured proxy from start to exit: backend, logs, status view, signals, summary.
 */

import { formatAddress, formatEndpoint } from '../core/address.ts';
import { formatBytes, formatDuration, plural } from '../core/format.ts';
import { type Logger, lineLogger } from '../core/log.ts';
import { openTransport } from '../layer/tcp/backend.ts';
import { type ConnectionRow, StatusLine, type StatusView } from '../observe/status.ts';
import type { IoPipe } from '../pipe/pipe.ts';
import { ProxyService } from '../proxy/service.ts';
import type { Session } from '../proxy/session.ts';
import type { Configuration } from './arguments.ts';
import { PatientTerminal } from './terminal.ts';

/** Descriptors that are not for connections: logs, the poller, Node's own, name lookups. */
const RESERVED_DESCRIPTORS = 50;

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
  const { transport, notice, descriptorLimit } = openTransport();
  if (notice !== null) log.warn(notice);
  const service = new ProxyService({
    mode: config.mode,
    listen: config.listen,
    dial: config.dial,
    transport,
    log,
    carriers: config.carriers,
    connectTimeoutMs: config.connectTimeoutMs,
    maxConnections:
      config.maxConnections ?? Math.max(1, Math.floor((descriptorLimit - RESERVED_DESCRIPTORS) / 2)),
    maxMessageBytes: config.maxMessageBytes,
    splice: process.env.TCP_STRIPER_SPLICE !== 'off',
  });
  try {
    await service.start();
  } catch (error) {
    log.error((error as Error).message);
    return 1;
  }
  const listening = service.addresses.map(formatAddress).join(' and ');
  const title = `tcp-proxy ${config.mode} on ${listening} -> ${formatEndpoint(config.dial)}`;
  // Before it is said: who reads that line may send a signal at once.
  const drained = drainOnSignal(service, config, log);
  log.info(`${title} (${transport.name} backend)`);
  if (config.status && terminal !== null) statusLine = new StatusLine(terminal, () => viewOf(service, title));

  const left = await drained;
  if (left > 0)
    log.warn(
      `${plural(left, 'connection')} still open after ${formatDuration(config.drainTimeoutMs)}: reset`,
    );
  statusLine?.close();
  statusLine = null;
  transport.close();
  log.info(summary(service));
  await terminal?.flush(TERMINAL_PATIENCE_MS);
  return 0;
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
      if (open > 0) {
        const limit = formatDuration(config.drainTimeoutMs);
        log.info(
          `${signal}: finishing ${plural(open, 'connection')}, at most ${limit}; again to end at once`,
        );
      }
      service.drain(config.drainTimeoutMs).then(resolve, reject);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

function summary(service: ProxyService): string {
  const { connections, failed, broken, bytesForward, bytesBackward } = service.totals;
  const troubles = [failed > 0 ? `${failed} failed` : '', broken > 0 ? `${broken} reset` : ''].filter(
    (text) => text !== '',
  );
  const aside = troubles.length === 0 ? '' : ` (${troubles.join(', ')})`;
  const volume = `${formatBytes(bytesForward)} sent, ${formatBytes(bytesBackward)} received`;
  return `served ${plural(connections, 'connection')}${aside} in ${formatDuration(service.uptimeMs)}: ${volume}`;
}

function viewOf(service: ProxyService, title: string): StatusView {
  return {
    title,
    served: service.totals.connections,
    uptimeMs: service.uptimeMs,
    open: service.sessions.size,
    newest: (count) => newestRows(service.sessions, count),
  };
}

/** A Set keeps the order in which they came. */
function newestRows(sessions: ReadonlySet<Session>, count: number): ConnectionRow[] {
  const now = performance.now();
  const rows: ConnectionRow[] = [];
  let older = sessions.size - count;
  for (const session of sessions) if (older-- <= 0) rows.push(rowOf(session, now));
  return rows;
}

function rowOf(session: Session, now: number): ConnectionRow {
  return {
    id: `c${session.id}`,
    from: session.from === null ? 'nameless' : formatAddress(session.from),
    near: stateOf(session.near),
    far: session.far === null ? 'dialling' : stateOf(session.far),
    bytesForward: session.bytesForward,
    bytesBackward: session.bytesBackward,
    congestionsForward: session.congestionsForward,
    congestionsBackward: session.congestionsBackward,
    ageMs: now - session.startedAt,
  };
}

/** The most telling word for a leg. */
function stateOf(leg: IoPipe): string {
  if (leg.broken !== null) return 'broken';
  if (leg.finReceived && leg.finSent) return 'closed';
  if (leg.finReceived) return 'fin in';
  if (leg.finSent) return 'fin out';
  return leg.writable ? 'open' : 'congested';
}
