/**
 * Chooses the backend: the addon where it loads, node:net elsewhere, and says so.
 */

import type { SlabPool } from '../../core/pool.ts';
import { addonProblem, loadAddon } from '../../sys/addon.ts';
import { kernelPipesFor, NativeTransport } from './native.ts';
import { PortableTransport } from './portable.ts';
import type { Transport } from './transport.ts';

export interface Backend {
  readonly transport: Transport;
  /** What a user should know about the choice, or null when there is nothing to know. */
  readonly notice: string | null;
  /** File descriptors for sockets and all else but kernel pipes; Infinity where that is not known. */
  readonly descriptorLimit: number;
}

/** @throws Error when TCP_STRIPER_BACKEND asks for what is not to be had */
export function openTransport(pool?: SlabPool): Backend {
  const addon = loadAddon();
  if (addon === null) {
    const notice = `portable backend, which is slower: ${addonProblem() ?? 'no native addon'}`;
    return { transport: new PortableTransport(pool), notice, descriptorLimit: Number.POSITIVE_INFINITY };
  }
  const limit = addon.fdLimit();
  return {
    transport: new NativeTransport(addon, pool),
    notice: null,
    descriptorLimit:
      typeof limit === 'number' ? Number.POSITIVE_INFINITY : limit.soft - 2 * kernelPipesFor(addon),
  };
}
