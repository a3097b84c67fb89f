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
