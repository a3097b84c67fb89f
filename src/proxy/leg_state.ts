/**
 * How one leg of a session is, in a word.
 */

import type { IoPipe } from '../pipe/pipe.ts';

export type LegState = 'broken' | 'closed' | 'fin in' | 'fin out' | 'open' | 'congested';

/** The most telling word for it. */
export function legState(leg: IoPipe): LegState {
  if (leg.broken !== null) return 'broken';
  if (leg.finReceived && leg.finSent) return 'closed';
  if (leg.finReceived) return 'fin in';
  if (leg.finSent) return 'fin out';
  return leg.writable ? 'open' : 'congested';
}
