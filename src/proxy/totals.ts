/**
 * Totals: what a proxy has done from its beginning on.
 */

export interface Totals {
  connections: number;
  /** Their far end was never reached. */
  failed: number;
  /** Ended by a reset or another error, after they had been open. */
  broken: number;
  bytesForward: number;
  bytesBackward: number;
}

export function noTotals(): Totals {
  return { connections: 0, failed: 0, broken: 0, bytesForward: 0, bytesBackward: 0 };
}

/** Adds a session that is over. @param error why it broke */
export function count(totals: Totals, session: Ended, error: unknown): void {
  totals.bytesForward += session.bytesForward;
  totals.bytesBackward += session.bytesBackward;
  if (session.to === null) totals.failed++;
  else if (error !== null) totals.broken++;
}

interface Ended {
  readonly bytesForward: number;
  readonly bytesBackward: number;
  /** What was reached, if it was. */
  readonly to: unknown;
}
