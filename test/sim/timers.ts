/**
 * Whether a trunk that waits for something has a timer for it. Most waits end by an event from outside (an ACK, room in a
 * socket, credit), so that a timer that is missing shows only where that event never comes, or much later by another
 * timer. Here it shows at once.
 */

import type { Cancel, Clock } from '../../src/core/clock.ts';
import type { Carrier } from '../../src/layer/trunk/carrier.ts';
import type { Trunk } from '../../src/layer/trunk/trunk.ts';

/** Timers are set in whole milliseconds, rounded up. */
const SLACK_MS = 1.01;
/** What docs and comments of the trunk promise: an ACK waits so long, and bulk so long for a better carrier. */
const ACK_MS = 5;
const WAIT_MS = 100;
const PING_IDLE_MS = 5000;
const DEAD_MS = 15_000;
const GRACE_MS = 30_000;

/** The clock of one trunk: knows when its next timer fires. */
export class OwnClock implements Clock {
  readonly #clock: Clock;
  readonly #due = new Set<{ readonly at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  after(ms: number, fire: () => void): Cancel {
    const due = { at: this.now() + ms };
    this.#due.add(due);
    const cancel = this.#clock.after(ms, () => {
      this.#due.delete(due);
      fire();
    });
    return () => {
      this.#due.delete(due);
      cancel();
    };
  }

  /** When the next timer fires, or Infinity. */
  get nextAt(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { at } of this.#due) next = Math.min(next, at);
    return next;
  }
}

/** Between events. @returns what the trunk waits for without a timer, or null */
export function missingTimer(trunk: Trunk, clock: OwnClock): string | null {
  if (trunk.ended) return null;
  const now = clock.now();
  const { nextAt } = clock;
  /** Something is due at this moment, or was, and no timer will look at it in time. */
  const missed = (at: number) => nextAt > Math.max(now, at) + SLACK_MS;
  const carriers = [...trunk.carriers.values()];
  if (carriers.length === 0) return missed(now + GRACE_MS) ? 'there is no carrier' : null;
  for (const carrier of carriers) {
    const { id } = carrier;
    if (missed(carrier.overdueAt)) return `carrier ${id} is overdue at ${carrier.overdueAt}`;
    if (missed(carrier.pingAt(PING_IDLE_MS))) return `carrier ${id} is to be asked whether it lives`;
    if (missed(carrier.deadAt(DEAD_MS))) return `carrier ${id} may be dead`;
  }
  const staying = carriers.filter((carrier) => !trunk.isRetired(carrier));
  const takers = staying.length > 0 ? staying : carriers;
  const allStalled = takers.every((carrier) => carrier.stalled);
  const usable = (carrier: Carrier) => carrier.pipe.writable && (allStalled || !carrier.stalled);
  const free = takers.filter(usable);
  if (free.length === 0) return null;
  if (trunk.controlWaiting) return 'control frames wait beside a carrier that is free';
  const unreported = carriers.find((carrier) => carrier.unreported > 0);
  if (unreported !== undefined && missed(now + ACK_MS))
    return `what came on ${unreported.id} is not reported`;
  if (free.every((carrier) => carrier.full)) return null;
  for (const { id, sending } of trunk.streams.values()) {
    if (!sending.hasNew || (sending.pendingBytes > 0 && trunk.creditLeft <= 0)) continue;
    if (missed(now + WAIT_MS)) return `stream ${id} has something to send, and a carrier is free`;
  }
  return null;
}
