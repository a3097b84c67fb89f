/**
 * What peers may take of a server, as the command line says it: only what was given.
 */

import type { Limits } from '../proxy/limits.ts';
import { OPTIONS, type OptionName, UsageError } from './options.ts';

const BY_OPTION = {
  maxHandshakes: 'maxHandshakes',
  maxHandshakesPerSource: 'maxHandshakesPerSource',
  handshakeTimeout: 'handshakeTimeoutMs',
  maxClients: 'maxClients',
  maxClientsPerSource: 'maxClientsPerSource',
  maxStreams: 'maxStreams',
  maxStreamRate: 'maxStreamRate',
} as const satisfies Partial<Record<OptionName, keyof Limits>>;

/** @throws UsageError for one that could not be reached */
export function limitsFrom(values: ReadonlyMap<OptionName, unknown>): Partial<Limits> {
  const given: { -readonly [name in keyof Limits]?: number } = {};
  for (const [option, limit] of Object.entries(BY_OPTION) as [keyof typeof BY_OPTION, keyof Limits][]) {
    const value = values.get(option);
    if (value !== undefined) given[limit] = value as number;
  }
  checkPart(given.maxHandshakesPerSource, given.maxHandshakes, OPTIONS.maxHandshakesPerSource.flag);
  checkPart(given.maxClientsPerSource, given.maxClients, OPTIONS.maxClientsPerSource.flag);
  return given;
}

function checkPart(part: number | undefined, whole: number | undefined, flag: string): void {
  if (part === undefined || whole === undefined || part <= whole) return;
  throw new UsageError(`--${flag} ${part} is more than all sources together may have (${whole})`);
}
