/**
 * Which carrier takes the next datagram: the one on which it is estimated to arrive first.
 *
 * Only carriers whose socket has room can be used now. If one without room would still deliver earlier, by a clear
 * margin, it is worth waiting for: its room will come. A wait is never open-ended; the caller asks again after `waitMs`
 * and then takes what there is.
 *
 * Pure: estimates in, a decision out.
 */

import type { Carrier } from './carrier.ts';

/** A busy carrier must be better by this factor, and by this much, before anything waits for it. */
const WAIT_FACTOR = 1.25;
const WAIT_MARGIN_MS = 2;
const WAIT_MOST_MS = 100;

export interface Choice {
  /** The carrier to use now; null when there is none, or when waiting is better. */
  readonly carrier: Carrier | null;
  /** When to ask again at the latest; Infinity when only an event can change anything. */
  readonly waitMs: number;
}

const NONE: Choice = { carrier: null, waitMs: Number.POSITIVE_INFINITY };

/**
 * A stalled carrier is out of the question as long as there is another. When all are stalled, it is rather the estimates
 * that are wrong, and standing still would be a deadlock: the ACKs that end a stall have to travel on something.
 *
 * @param length bytes to send
 * @param patient whether it may wait for a better carrier
 */
export function chooseCarrier(
  carriers: ReadonlyMap<number, Carrier>,
  length: number,
  patient: boolean,
): Choice {
  let allStalled = true;
  for (const carrier of carriers.values()) allStalled &&= carrier.stalled;
  let free: Carrier | null = null;
  let freeMs = Number.POSITIVE_INFINITY;
  let busyMs = Number.POSITIVE_INFINITY;
  for (const carrier of carriers.values()) {
    if (carrier.stalled && !allStalled) continue;
    const arrival = carrier.estimate.arrivalMs(length, carrier.inFlightBytes);
    if (!carrier.pipe.writable) busyMs = Math.min(busyMs, arrival);
    else if (arrival < freeMs) {
      free = carrier;
      freeMs = arrival;
    }
  }
  if (free === null) return NONE;
  const worthWaiting = patient && freeMs > busyMs * WAIT_FACTOR && freeMs > busyMs + WAIT_MARGIN_MS;
  if (!worthWaiting) return { carrier: free, waitMs: 0 };
  return { carrier: null, waitMs: Math.min(WAIT_MOST_MS, freeMs - busyMs) };
}
