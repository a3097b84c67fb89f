/**
 * RefusalLog: says of those who connected and did not become a client what became of them: who refused whom, and why. All
 * are counted; of those that come fast, only some are said.
 */

import type { SocketAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import type { PipeError, PipeErrorCode } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import {
  type JoinLimit,
  REFUSED_CARRIER,
  REFUSED_ENCRYPTION,
  REFUSED_FRAMING,
  REFUSED_KEY,
  REFUSED_UNKNOWN_TRUNK,
  REFUSED_VERSION,
  Refusal,
} from '../layer/trunk/handshake.ts';
import type { StreamLimit } from '../layer/trunk/options.ts';
import { BoundedLog } from './bounded_log.ts';
import { nameOf } from './client_name.ts';

/**
 * Why somebody was not served, from a fixed set, so that it can be a label of a metric:
 *
 * - `timeout`, `not-a-peer`, `key`, `version`, `framing`, `encryption`, `unknown-trunk`, `carrier-id`: the handshake failed
 * - `gone`: the other side left in it, or refused us
 * - `handshakes`, `clients`, `clients-per-source`, `carriers`, `memory`: a limit of those who want to join
 * - `streams`, `stream-rate`: a limit of one client, for a connection of an app
 * - `connections`: --max-connections, or the descriptors of the process, likewise
 * - `other`
 */
export const REFUSAL_REASONS = [
  'timeout',
  'not-a-peer',
  'key',
  'version',
  'framing',
  'encryption',
  'unknown-trunk',
  'carrier-id',
  'gone',
  'handshakes',
  'clients',
  'clients-per-source',
  'carriers',
  'memory',
  'streams',
  'stream-rate',
  'connections',
  'other',
] as const satisfies readonly (JoinLimit | StreamLimit | string)[];

export type RefusalReason = (typeof REFUSAL_REASONS)[number];
export type RefusalCounts = Readonly<Record<RefusalReason, number>>;

/** The other side went away by itself. */
const LEFT: readonly PipeErrorCode[] = ['reset', 'truncated'];

const BY_CODE: ReadonlyMap<number, RefusalReason> = new Map<number, RefusalReason>([
  [REFUSED_KEY, 'key'],
  [REFUSED_VERSION, 'version'],
  [REFUSED_UNKNOWN_TRUNK, 'unknown-trunk'],
  [REFUSED_CARRIER, 'carrier-id'],
  [REFUSED_FRAMING, 'framing'],
  [REFUSED_ENCRYPTION, 'encryption'],
]);

export class RefusalLog {
  readonly #log: BoundedLog;
  readonly #streamLog: BoundedLog;
  readonly #nameless: string;
  readonly #counts: Record<RefusalReason, number>;

  /** @param nameless what somebody without an address is called */
  constructor(log: Logger, clock: Clock, nameless: string) {
    this.#log = new BoundedLog(log, clock);
    this.#streamLog = new BoundedLog(log, clock);
    this.#nameless = nameless;
    this.#counts = Object.fromEntries(REFUSAL_REASONS.map((reason) => [reason, 0])) as Record<
      RefusalReason,
      number
    >;
  }

  /** From the beginning on. */
  get counts(): RefusalCounts {
    return { ...this.#counts };
  }

  count(reason: RefusalReason): void {
    this.#counts[reason]++;
  }

  /** A connection did not join. */
  failed(from: SocketAddress | null, error: PipeError): void {
    this.count(reasonOf(error));
    const name = nameOf(from, this.#nameless);
    if (error instanceof Refusal && error.byPeer) this.#log.warn(`${name} refuses us: ${error.message}`);
    else if (LEFT.includes(error.code)) this.#log.warn(`a connection from ${name} ended: ${error.message}`);
    else this.#log.warn(`a connection from ${name} is refused: ${error.message}`);
  }

  /** A client wanted one stream too many. @param words what it is that it did */
  stream(client: string, limit: StreamLimit, words: string): void {
    this.count(limit);
    this.#streamLog.warn(`a connection through ${client} is refused: ${words}`);
  }
}

function reasonOf(error: PipeError): RefusalReason {
  if (LEFT.includes(error.code)) return 'gone';
  if (error instanceof Refusal) {
    if (error.byPeer) return 'gone';
    return error.limit ?? BY_CODE.get(error.refusal) ?? 'other';
  }
  // Of TLS: the client has another key, or certificate.
  if (error.code === 'permission') return 'key';
  if (error.code === 'timeout') return 'timeout';
  return error.code === 'malformed' ? 'not-a-peer' : 'other';
}
