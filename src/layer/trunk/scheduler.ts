/**
 * Which carrier takes the next datagram: the one on which it is estimated to arrive first.
 *
 * Bulk uses only carriers whose socket has room and that are not full. If one of the others would still deliver earlier,
 * by a clear margin, it may be worth waiting for: its room will come. It is not if all that is to come keeps the faster
 * ones busy for longer than the slower one takes: then it helps (the rule of ECF, CoNEXT 2017). A wait is never
 * open-ended; the caller asks again after `waitMs` and then takes what there is.
 *
 * Pure: estimates in, a decision out.
 */

import type { Carrier } from './carrier.ts';

/** A busy carrier must be better by this factor, and by this much, before anything waits for it. */
const WAIT_FACTOR = 1.25;
const WAIT_MARGIN_MS = 2;
const WAIT_MOST_MS = 100;

/** Silence on one carrier while another one is heard means nothing before it has lasted so long. */
const SILENCE_MS = 40;

export interface Choice {
  /** The carrier to use now; null when there is none, or when waiting is better. */
  readonly carrier: Carrier | null;
  /** When to ask again at the latest; Infinity when only an event can change anything. */
  readonly waitMs: number;
}

const NONE: Choice = { carrier: null, waitMs: Number.POSITIVE_INFINITY };

/**
 * For what must not wait: the best carrier whose socket has room, full or not.
 *
 * A frozen carrier shows when what it carries is not acknowledged; but ACKs are not acknowledged themselves, and whoever only
 * answers would send them into the void. So a carrier that was silent while another one was heard is taken for late by as
 * much.
 *
 * A stalled carrier is out of the question as long as there is another. When all are stalled, it is rather the estimates
 * that are wrong, and standing still would be a deadlock: the ACKs that end a stall have to travel on something.
 */
export function urgentCarrier(
  carriers: ReadonlyMap<number, Carrier>,
  length: number,
  now: number,
): Carrier | null {
  const allStalled = areAllStalled(carriers);
  let heardAt = Number.NEGATIVE_INFINITY;
  for (const carrier of carriers.values()) heardAt = Math.max(heardAt, carrier.heardAt);
  let best: Carrier | null = null;
  let bestMs = Number.POSITIVE_INFINITY;
  for (const carrier of carriers.values()) {
    if ((carrier.stalled && !allStalled) || !carrier.pipe.writable) continue;
    const silence = heardAt - carrier.heardAt;
    const doubt = silence > SILENCE_MS ? silence : 0;
    const arrival = doubt + carrier.arrivalMs(length, now);
    if (arrival >= bestMs) continue;
    best = carrier;
    bestMs = arrival;
  }
  return best;
}

/**
 * For bulk.
 *
 * @param length bytes to send
 * @param toCome bytes that are expected to follow them
 * @param now the time, in milliseconds
 */
export function bulkCarrier(
  carriers: ReadonlyMap<number, Carrier>,
  length: number,
  toCome: number,
  now: number,
): Choice {
  const allStalled = areAllStalled(carriers);
  let free: Carrier | null = null;
  let freeMs = Number.POSITIVE_INFINITY;
  let busyMs = Number.POSITIVE_INFINITY;
  for (const carrier of carriers.values()) {
    const arrival = carrier.arrivalMs(length, now);
    if (!carrier.pipe.writable || carrier.full || (carrier.stalled && !allStalled))
      busyMs = Math.min(busyMs, arrival);
    else if (arrival < freeMs) {
      free = carrier;
      freeMs = arrival;
    }
  }
  if (free === null) return NONE;
  if (freeMs <= busyMs * WAIT_FACTOR || freeMs <= busyMs + WAIT_MARGIN_MS)
    return { carrier: free, waitMs: 0 };
  let fasterRate = 0;
  for (const carrier of carriers.values()) {
    if (carrier.arrivalMs(length, now) < freeMs) fasterRate += carrier.estimate.rate;
  }
  if (freeMs < busyMs + toCome / fasterRate) return { carrier: free, waitMs: 0 };
  return { carrier: null, waitMs: Math.min(WAIT_MOST_MS, freeMs - busyMs) };
}

/** For what is on `holder` already: the best other one that moves, and when it would be there; null if there is none. */
export function otherCarrier(
  carriers: ReadonlyMap<number, Carrier>,
  length: number,
  holder: unknown,
  now: number,
): { carrier: Carrier; arrivalMs: number } | null {
  let best: { carrier: Carrier; arrivalMs: number } | null = null;
  for (const carrier of carriers.values()) {
    if (carrier.stalled || carrier === holder) continue;
    const arrivalMs = carrier.arrivalMs(length, now);
    if (best === null || arrivalMs < best.arrivalMs) best = { carrier, arrivalMs };
  }
  return best;
}

function areAllStalled(carriers: ReadonlyMap<number, Carrier>): boolean {
  for (const carrier of carriers.values()) if (!carrier.stalled) return false;
  return true;
}
