/**
 * Time, as something that is handed in: programs get {@link systemClock}, simulations bring their own.
 */

/** Cancels a timer. */
export type Cancel = () => void;

export interface Clock {
  /** Milliseconds since some fixed moment; monotonic, so that setting the machine's clock does not disturb it. */
  now(): number;
  /** Calls `fire` once after `ms` milliseconds, unless cancelled. */
  after(ms: number, fire: () => void): Cancel;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, fire) {
    const timer = setTimeout(fire, ms);
    return () => clearTimeout(timer);
  },
};
