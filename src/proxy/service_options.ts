/**
 * What a service is told at its beginning.
 */

import type { Endpoint } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import type { LocalEnd } from '../layer/tcp/local_end.ts';
import type { LookupFamily } from '../layer/tcp/resolve.ts';
import type { Transport } from '../layer/tcp/transport.ts';
import type { CapacityOptions } from './capacity.ts';
import type { Limits } from './limits.ts';
import type { Neighbours } from './neighbours.ts';
import type { ProxyMode, StackOptions } from './stack.ts';
import type { TrunkClientOptions } from './trunk_client_options.ts';

export interface ServiceOptions extends StackOptions, CapacityOptions, Neighbours {
  /** Tells it from others of the process, to whoever watches. Default empty: it is the only one. */
  readonly name?: string;
  readonly mode: ProxyMode;
  readonly listen: Endpoint;
  /** The peer in client mode, which may have several addresses, else the target. */
  readonly dial: Endpoint | readonly Endpoint[];
  readonly transport: Transport;
  readonly log: Logger;
  /** Milliseconds to reach the far end. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /**
   * Connections that the pair stripes over; `auto`, of a client: as many as are of use; 0 is the classic framing. A client's
   * default is 0. A server takes both unless this is given; it then takes the classic framing only (0), or striped ones only.
   */
  readonly carriers?: number | 'auto';
  /** Where connections to the peer begin, in turn. Default wherever the routes say. Client mode only. */
  readonly via?: readonly LocalEnd[];
  /** Congestion control of the connections that are striped over, or `system`. Default `bbr` where the kernel permits it. */
  readonly congestion?: string;
  /** How long streams survive without any connection to the peer, in milliseconds; 0: not at all. Default 30,000. */
  readonly graceMs?: number;
  /** What peers may take of a server: limits.ts has the defaults. */
  readonly limits?: Partial<Limits>;
  /** False sends every byte through buffers. Default true. */
  readonly splice?: boolean;
  /** How striped data is shared out: default `earliest`. */
  readonly scheduler?: TrunkClientOptions['scheduler'];
  readonly clock?: Clock;
  readonly lookup?: LookupFamily;
}
