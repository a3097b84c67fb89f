/**
 * The trunk of a client: what it says of itself to the server, and takes from it.
 */

import type { Clock } from '../core/clock.ts';
import { PipeError } from '../core/errors.ts';
import type { Welcome } from '../layer/trunk/handshake.ts';
import type { TrunkMemory } from '../layer/trunk/memory.ts';
import type { SchedulerName, TrunkOptions } from '../layer/trunk/options.ts';
import { Trunk } from '../layer/trunk/trunk.ts';

export interface ClientTrunkOptions {
  /** Of the service, for whoever watches. */
  readonly name?: string;
  readonly clock: Clock;
  readonly graceMs: number;
  /** What the trunk may hold. */
  readonly memory: TrunkMemory;
  readonly scheduler?: SchedulerName | undefined;
}

type Handlers = Pick<TrunkOptions, 'onCarrierLost' | 'stallHandlers' | 'onEnd'>;

export function clientTrunk(
  { name = '', clock, graceMs, memory, scheduler }: ClientTrunkOptions,
  { windows, codecs = 0 }: Welcome,
  handlers: Handlers,
): Trunk {
  return new Trunk({
    ...handlers,
    role: 'client',
    tag: { service: name, trunk: 1 },
    clock,
    graceMs,
    scheduler,
    memory: memory.join(),
    streamWindow: memory.windows.stream,
    trunkWindow: memory.windows.trunk,
    peerStreamWindow: windows.stream,
    peerTrunkWindow: windows.trunk,
    peerCodecs: codecs,
    // The server has nothing to open: it gets a reset.
    onStream: (stream) => stream.discard(new PipeError('refused', 'trunk', 'this side takes no streams')),
  });
}
