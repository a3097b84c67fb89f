/** What a TcpPipe works with: one per thread, shared by all its pipes. */

import { defaultPool, type SlabPool } from '../../core/pool.ts';
import type { NativeAddon } from '../../sys/addon.ts';
import type { Poller } from '../../sys/poller.ts';

export interface TcpRuntime {
  readonly addon: NativeAddon;
  readonly poller: Poller;
  readonly pool: SlabPool;
}

export function tcpRuntime(addon: NativeAddon, poller: Poller, pool: SlabPool = defaultPool): TcpRuntime {
  return { addon, poller, pool };
}
