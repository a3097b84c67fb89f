/**
 * Whether a key protects what it is given for.
 */

import type { ProxyMode } from './stack.ts';

const LEAST_KEY_BYTES = 32;

export interface KeyUse {
  readonly key?: Buffer | null;
  readonly mode: ProxyMode;
  readonly carriers?: number | 'auto';
}

/** @throws RangeError for a key that would protect nothing */
export function checkKey({ key = null, mode, carriers = mode === 'server' ? 1 : 0 }: KeyUse): void {
  if (key === null) return;
  if (key.length < LEAST_KEY_BYTES)
    throw new RangeError(
      `the key has ${key.length} bytes; at least ${LEAST_KEY_BYTES} random ones are needed`,
    );
  if (mode === 'relay' || carriers === 0)
    throw new RangeError('a key protects striped connections only: carriers is 0');
}
