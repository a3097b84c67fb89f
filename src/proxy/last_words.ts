/**
 * Last words: before a proxy ends, what its trunks have to say gets a moment to arrive.
 */

import type { Clock } from '../core/clock.ts';
import type { Trunk } from '../layer/trunk/trunk.ts';

/** So long at most. */
const PATIENCE_MS = 1000;
const LOOK_MS = 10;

/** Resolves when this holds for all of the trunks that are not over, or when it has taken too long. */
export async function allowTime(
  clock: Clock,
  trunks: readonly Trunk[],
  holds: (trunk: Trunk) => boolean,
): Promise<void> {
  const waiting = () => trunks.some((trunk) => !trunk.ended && !holds(trunk));
  for (let waited = 0; waited < PATIENCE_MS && waiting(); waited += LOOK_MS) {
    await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
  }
}
