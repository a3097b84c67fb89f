/**
 * How streams are compressed, as the command line says it.
 */

import type { Choice, CompressionSettings } from '../proxy/compression.ts';
import type { ProxyMode } from '../proxy/stack.ts';
import { OPTIONS, type OptionName, UsageError } from './options.ts';

/** @throws UsageError for what would do nothing */
export function compressionFrom(
  values: ReadonlyMap<OptionName, unknown>,
  mode: ProxyMode,
): CompressionSettings {
  const choice = (values.get('compress') as Choice | 'off' | undefined) ?? null;
  for (const name of ['highCompression', 'bufferSize'] as const) {
    if (!values.has(name)) continue;
    const flag = `--${OPTIONS[name].flag}`;
    if (choice === 'off') throw new UsageError(`${flag} does nothing with --compress off`);
    // A server may follow its clients.
    const bySelf = choice === null && (mode !== 'server' || name === 'highCompression');
    if (bySelf) throw new UsageError(`${flag} goes with --compress, such as --compress zstd`);
  }
  const high = values.has('highCompression');
  if (high && (choice as Choice).name === 'auto')
    throw new UsageError('--high-compression goes with zstd or lz4: auto finds its own way');
  return { choice, high, bufferBytes: values.get('bufferSize') as number | undefined };
}
