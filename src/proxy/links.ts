/**
 * PeerLinks: how connections between the two proxies are made, apart from what they carry: which local ends they begin
 * at, and what is asked of the kernel for those that are striped over.
 */

import type { SocketAddress } from '../core/address.ts';
import type { Cancel, Clock } from '../core/clock.ts';
import { PipeError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { type DialHandlers, dial } from '../layer/tcp/dial.ts';
import { formatLocalEnd, type LocalEnd } from '../layer/tcp/local_end.ts';
import type { LookupFamily } from '../layer/tcp/resolve.ts';
import type { CarrierOptions, ConnectOptions, Transport } from '../layer/tcp/transport.ts';
import type { IoPipe } from '../pipe/pipe.ts';
import { lookupInTurn, type Path } from './paths.ts';

/** As an option: whatever the system's default is. */
export const SYSTEM_CONGESTION = 'system';
/** Measured: on links with random loss, several times what others reach. */
const BEST_CONGESTION = 'bbr';

/** One attempt. Longer is no use: the next one takes another port, and perhaps another way. */
const ATTEMPT_MS = 10_000;

export interface LinkOptions {
  readonly transport: Transport;
  readonly log: Logger;
  readonly via?: readonly LocalEnd[];
  readonly congestion?: string;
  readonly connectTimeoutMs?: number;
}

type Connector = Pick<Transport, 'connect'>;
type Connect = (address: SocketAddress, options: ConnectOptions) => IoPipe<'bytes'>;

export class PeerLinks {
  readonly #options: LinkOptions;
  readonly #carrier: CarrierOptions;
  readonly #connect: Connect;
  #dialled = 0;

  /** @param striped whether any connection will be striped over */
  constructor(options: LinkOptions, striped: boolean, connect: Connect) {
    this.#options = options;
    this.#connect = connect;
    this.#carrier = { congestion: striped ? congestionOf(options) : null };
  }

  /** For a connection that is not striped over: from each local end in turn. */
  next(): Connector {
    const { via = [] } = this.#options;
    return this.#through({ from: via[this.#dialled++ % via.length] ?? null });
  }

  tuneAccepted(socket: IoPipe<'bytes'>): void {
    this.#options.transport.tuneCarrier(socket, this.#carrier);
  }

  /** One attempt to reach the peer on this path. */
  dialCarrier(
    path: Path,
    avoid: ReadonlySet<string>,
    clock: Clock,
    lookup: LookupFamily | undefined,
    handlers: DialHandlers,
  ): Cancel {
    const { connectTimeoutMs = ATTEMPT_MS } = this.#options;
    const options = {
      transport: this.#through({ from: path.from, carrier: this.#carrier }),
      clock,
      lookup: lookupInTurn(path, avoid, lookup),
      timeoutMs: Math.min(connectTimeoutMs, ATTEMPT_MS),
      retry: () => false,
    };
    return dial(path.peer, options, {
      onReady: (socket, address) => handlers.onReady(socket, address),
      onFailed: (error) => handlers.onFailed(onPath(error, path)),
    });
  }

  #through(options: ConnectOptions): Connector {
    return { connect: (address) => this.#connect(address, options) };
  }
}

/** The name to ask the kernel for, or null; says so when it is not what was wanted. */
function congestionOf({ transport, log, congestion = BEST_CONGESTION }: LinkOptions): string | null {
  if (congestion === SYSTEM_CONGESTION) return null;
  const problem = transport.congestionProblem(congestion);
  if (problem === null) return congestion;
  const words = `${problem.message}; striped connections have the system's`;
  if (congestion !== BEST_CONGESTION) log.warn(words);
  // Who uses the portable backend has been told that it is slower.
  else if (transport.name === 'native') log.info(words);
  return null;
}

/** An error of dialling, with the way that was tried where that is not plain. */
function onPath(error: PipeError, { from }: Path): PipeError {
  if (from === null) return error;
  return new PipeError(error.code, error.layer, `${error.message} (via ${formatLocalEnd(from)})`, error);
}
