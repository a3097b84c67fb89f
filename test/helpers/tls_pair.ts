/** Two TlsPipes over a pair of pipes, when their handshake is over. */

import type { SlabPool } from '../../src/core/pool.ts';
import { TlsPipe, type TlsPipeOptions } from '../../src/layer/tls/pipe.ts';
import { PskCredentials } from '../../src/layer/tls/psk.ts';
import { eventually } from './settle.ts';
import type { BytesPipe } from './transports.ts';

export const CREDENTIALS = new PskCredentials(Buffer.alloc(32, 'a key that tests share'));
export const OTHERS = new PskCredentials(Buffer.alloc(32, 'a key that others have'));

/** What protects the records of each end: the addon, or node:tls. */
export const NATIVE = {};
export const NODE = { cipher: null };

type Records = Pick<TlsPipeOptions, 'cipher'>;

/** The first end is the client. */
export async function tlsPair(
  lower: [BytesPipe, BytesPipe],
  pool: SlabPool,
  near: Records = NATIVE,
  far: Records = NATIVE,
): Promise<[TlsPipe, TlsPipe]> {
  const client = new TlsPipe(lower[0], { role: 'client', credentials: CREDENTIALS, pool, ...near });
  const server = new TlsPipe(lower[1], { role: 'server', credentials: CREDENTIALS, pool, ...far });
  await eventually(
    'a handshake',
    () => [client, server].every(({ ready, broken }) => ready || broken !== null),
    () => [client.broken?.message, server.broken?.message],
  );
  return [client, server];
}
