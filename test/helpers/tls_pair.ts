/** Two TlsPipes over a pair of pipes, when their handshake is over. */

import type { SlabPool } from '../../src/core/pool.ts';
import { TlsPipe } from '../../src/layer/tls/pipe.ts';
import { PskCredentials } from '../../src/layer/tls/psk.ts';
import { eventually } from './settle.ts';
import type { BytesPipe } from './transports.ts';

export const CREDENTIALS = new PskCredentials(Buffer.alloc(32, 'a key that tests share'));
export const OTHERS = new PskCredentials(Buffer.alloc(32, 'a key that others have'));

/** The first end is the client. */
export async function tlsPair(lower: [BytesPipe, BytesPipe], pool: SlabPool): Promise<[TlsPipe, TlsPipe]> {
  const client = new TlsPipe(lower[0], { role: 'client', credentials: CREDENTIALS, pool });
  const server = new TlsPipe(lower[1], { role: 'server', credentials: CREDENTIALS, pool });
  await eventually(
    'a handshake',
    () => [client, server].every(({ ready, broken }) => ready || broken !== null),
    () => [client.broken?.message, server.broken?.message],
  );
  return [client, server];
}
