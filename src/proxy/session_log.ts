/**
 * SessionLog: what becomes of app connections, in lines of log.
 */

import { formatAddress, type SocketAddress } from '../core/address.ts';
import type { PipeError, PipeErrorCode } from '../core/errors.ts';
import { formatBytes, formatDuration } from '../core/format.ts';
import type { LogFields, Logger } from '../core/log.ts';
import { streamSnapshot } from '../layer/trunk/snapshot.ts';
import type { IoPipe } from '../pipe/pipe.ts';
import { compressionWords } from './compression_totals.ts';
import type { Session } from './session.ts';
import { type ProxyMode, streamAmong } from './stack.ts';

type Side = 'near' | 'far' | null;

/** What the two legs of a session lead to. */
const NAMES: Record<ProxyMode, readonly [near: string, far: string]> = {
  client: ['app', 'peer'],
  server: ['peer', 'target'],
  relay: ['client', 'target'],
};

/** What a server does without words to who speaks the classic framing. */
const REFUSED_SILENTLY =
  'most likely the peer could not reach its target, or takes striped connections only (-n above 0, or --key); ' +
  'its log says why';

/** Ends that need nobody: an app that reset its connection, a proxy that is stopped. */
const ORDINARY: readonly PipeErrorCode[] = ['reset', 'cancelled'];

/** The other proxy reports what failed there, such as a target that refuses. */
function isTroubleOfPeer({ layer, code }: PipeError): boolean {
  return layer === 'peer' && !ORDINARY.includes(code);
}

export class SessionLog {
  readonly #mode: ProxyMode;
  readonly #nameless: string;
  readonly #log: Logger;

  /** @param nameless what a client without an address is called */
  constructor(mode: ProxyMode, nameless: string, log: Logger) {
    this.#mode = mode;
    this.#nameless = nameless;
    this.#log = log;
  }

  open(session: Session): void {
    this.#about(session).info(`open: ${this.#describe(session)}`, { event: 'open' });
  }

  retry(session: Session, error: PipeError): void {
    this.#about(session).debug(`${error.message}; trying again`);
  }

  bug(session: Session, bug: unknown): void {
    const log = this.#about(session);
    const stack = bug instanceof Error ? (bug.stack ?? String(bug)) : String(bug);
    for (const line of `a bug in tcp-proxy ended this connection: ${stack}`.split('\n')) log.error(line);
  }

  closed(session: Session, error: PipeError | null, side: Side, now: number): void {
    const log = this.#about(session);
    const age = formatDuration(now - session.startedAt);
    if (session.to === null) {
      const reason = `${error?.message ?? 'closed'}${this.#guess(session, error, side)}`;
      log.warn(
        `failed after ${age}: ${this.#describe(session)}: ${side === 'near' ? `the client gave up: ${reason}` : reason}`,
        fieldsOf(session, error, side, now),
      );
      return;
    }
    const volume = `${formatBytes(session.bytesForward)} sent, ${formatBytes(session.bytesBackward)} received`;
    const stops = `congested ${session.congestionsForward}/${session.congestionsBackward} times`;
    const { compression } = session;
    const gain = compression === null ? '' : `, ${compressionWords(compression)}`;
    const line = `closed after ${age}: ${this.#describe(session)}: ${volume}, ${stops}${gain}`;
    const guess = this.#guess(session, error, side);
    const fields = fieldsOf(session, error, side, now);
    if (error === null) log.info(line, fields);
    else {
      // What somebody has to set right, in contrast to the resets of daily life.
      const wrong = guess !== '' || error.layer === 'datagram' || isTroubleOfPeer(error);
      log[wrong ? 'warn' : 'info'](`${line}; ${this.#blame(side)}${error.message}${guess}`, fields);
    }
  }

  /** The classic framing has no words for why: a peer that was reached, and reset us before it said anything. */
  #guess(session: Session, error: PipeError | null, side: Side): string {
    const silent = error?.code === 'reset' && error.layer === 'tcp' && session.bytesBackward === 0;
    if (this.#mode !== 'client' || side !== 'far' || !silent) return '';
    return ` before anything came back: ${REFUSED_SILENTLY}`;
  }

  #about(session: Session): Logger {
    const conn = `c${session.id}`;
    return this.#log.about(conn, { conn, peer: session.from === null ? null : formatAddress(session.from) });
  }

  /** `127.0.0.1:40000 -> 127.0.0.1:22`. */
  #describe(session: Session): string {
    const from = session.from === null ? this.#nameless : nameOfLeg(session.from, session.near, true);
    return session.to === null ? from : `${from} -> ${nameOfLeg(session.to, session.far, false)}`;
  }

  #blame(side: Side): string {
    if (side === null) return '';
    const [near, far] = NAMES[this.#mode];
    return `${side === 'near' ? near : far}: `;
  }
}

/** The summary of a connection, for programs. */
function fieldsOf(session: Session, error: PipeError | null, side: Side, now: number): LogFields {
  const durationMs = Math.round(now - session.startedAt);
  const rate = (bytes: number) => (durationMs === 0 ? 0 : Math.round((bytes * 1000) / durationMs));
  const stream = streamAmong(session.near, session.far);
  return {
    event: session.to === null ? 'failed' : 'closed',
    target: session.to === null ? null : formatAddress(session.to),
    durationMs,
    sentBytes: session.bytesForward,
    receivedBytes: session.bytesBackward,
    sentBytesPerSecond: rate(session.bytesForward),
    receivedBytesPerSecond: rate(session.bytesBackward),
    sentCongestions: session.congestionsForward,
    receivedCongestions: session.congestionsBackward,
    ...(stream === null ? {} : { stream: stream.id, resentBytes: streamSnapshot(stream).repeatedBytes }),
    ...(error === null ? {} : { code: error.code, failedSide: side }),
  };
}

/**
 * An address; of a stream, whose connections have many addresses, the stream's number behind it. It is the same number on
 * both sides: `192.0.2.1:22222 stream 16` here is `192.0.2.7 stream 16` there.
 */
function nameOfLeg(address: SocketAddress, leg: IoPipe | null, came: boolean): string {
  const stream = streamAmong(leg);
  if (stream === null) return formatAddress(address);
  // Of who came, the port is that of one of its connections.
  const where = came && address.family !== 'unix' ? address.host : formatAddress(address);
  return `${where} stream ${stream.id}`;
}
