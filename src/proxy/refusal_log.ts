/**
 * RefusalLog: says of those who connected and did not become a client what became of them: who refused whom, and why.
 */

import type { SocketAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import type { PipeError, PipeErrorCode } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { Refusal } from '../layer/trunk/handshake.ts';
import { BoundedLog } from './bounded_log.ts';
import { nameOf } from './client_name.ts';

/** The other side went away by itself. */
const LEFT: readonly PipeErrorCode[] = ['reset', 'truncated'];

export class RefusalLog {
  readonly #log: BoundedLog;
  readonly #nameless: string;

  /** @param nameless what somebody without an address is called */
  constructor(log: Logger, clock: Clock, nameless: string) {
    this.#log = new BoundedLog(log, clock);
    this.#nameless = nameless;
  }

  failed(from: SocketAddress | null, error: PipeError): void {
    const name = nameOf(from, this.#nameless);
    if (error instanceof Refusal && error.byPeer) this.#log.warn(`${name} refuses us: ${error.message}`);
    else if (LEFT.includes(error.code)) this.#log.warn(`a connection from ${name} ended: ${error.message}`);
    else this.#log.warn(`a connection from ${name} is refused: ${error.message}`);
  }
}
