/**
 * SessionTrace: tells whoever subscribed what becomes of app connections (core/trace.ts).
 */

import { formatAddress, type SocketAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import type { PipeError } from '../core/errors.ts';
import { CONNECTION_BEGIN, CONNECTION_END, CONNECTION_OPEN, type ConnectionTrace } from '../core/trace.ts';

/** What is told of a session. */
export interface Traced {
  readonly id: number;
  readonly from: SocketAddress | null;
  readonly to: SocketAddress | null;
  readonly startedAt: number;
  readonly bytesForward: number;
  readonly bytesBackward: number;
}

export class SessionTrace {
  readonly #service: string;
  readonly #clock: Clock;

  constructor(service: string, clock: Clock) {
    this.#service = service;
    this.#clock = clock;
  }

  begin(session: Traced): void {
    if (CONNECTION_BEGIN.hasSubscribers) CONNECTION_BEGIN.publish(this.#about(session));
  }

  open(session: Traced): void {
    if (CONNECTION_OPEN.hasSubscribers) CONNECTION_OPEN.publish(this.#about(session));
  }

  end(session: Traced, error: PipeError | null): void {
    if (!CONNECTION_END.hasSubscribers) return;
    const { bytesForward, bytesBackward, startedAt } = session;
    const { message = null, code = null } = error ?? {};
    const durationMs = this.#clock.now() - startedAt;
    CONNECTION_END.publish({
      ...this.#about(session),
      durationMs,
      bytesForward,
      bytesBackward,
      error: message,
      code,
    });
  }

  #about({ id, from, to }: Traced): ConnectionTrace {
    return { service: this.#service, id: `c${id}`, from: nameOf(from), to: nameOf(to) };
  }
}

function nameOf(address: SocketAddress | null): string | null {
  return address === null ? null : formatAddress(address);
}
