/** Both transports, and connected pairs of pipes over them. */

import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SocketAddress } from '../../src/core/address.ts';
import type { SlabPool } from '../../src/core/pool.ts';
import { NativeTransport } from '../../src/layer/tcp/native.ts';
import { PortableTransport } from '../../src/layer/tcp/portable.ts';
import type { Transport } from '../../src/layer/tcp/transport.ts';
import type { IoPipe } from '../../src/pipe/pipe.ts';
import { addonProblem, loadAddon } from '../../src/sys/addon.ts';
import { eventually } from './settle.ts';

export type BytesPipe = IoPipe<'bytes'>;

export function nativeTransport(pool: SlabPool): NativeTransport {
  const addon = loadAddon();
  if (addon === null) throw new Error(`these tests need the native addon: ${addonProblem()}`);
  return new NativeTransport(addon, pool);
}

export const TRANSPORTS = {
  native: nativeTransport,
  portable: (pool: SlabPool): Transport => new PortableTransport(pool),
} as const;

export const V4: SocketAddress = { family: 4, host: '127.0.0.1', port: 0 };
export const V6: SocketAddress = { family: 6, host: '::1', port: 0 };

let sockets = 0;

/** A path that nobody else uses. */
export function unixAddress(): SocketAddress {
  return { family: 'unix', path: join(tmpdir(), `striper-test-${process.pid}-${sockets++}.sock`) };
}

/** A connected pair: who dialled, and who was dialled. Both are ready; the listener is gone. */
export async function socketPair(
  transport: Transport,
  where: SocketAddress = V4,
): Promise<[BytesPipe, BytesPipe]> {
  let accepted: BytesPipe | null = null;
  const listener = await transport.listen(where, {
    onConnection(pipe) {
      accepted = pipe;
    },
    onTrouble() {},
  });
  const dialled = transport.connect(listener.address);
  await eventually(
    'a connection',
    () => accepted !== null && (dialled.ready || dialled.broken !== null),
    () => [accepted !== null, dialled.ready, dialled.broken?.message],
  );
  listener.close();
  if (where.family === 'unix') rmSync(where.path, { force: true });
  if (dialled.broken !== null) throw dialled.broken;
  return [dialled, accepted as unknown as BytesPipe];
}
