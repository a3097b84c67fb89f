/**
 * TrunkServer: takes carriers from peers and puts them into their trunks.
 */

import { randomBytes } from 'node:crypto';
import { formatAddress, type SocketAddress } from '../core/address.ts';
import type { Cancel, Clock } from '../core/clock.ts';
import type { PipeError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import {
  type Hello,
  REFUSED_CARRIER,
  REFUSED_UNKNOWN_TRUNK,
  Refusal,
  TRUNK_ID_BYTES,
} from '../layer/trunk/handshake.ts';
import { joinAsServer } from '../layer/trunk/join.ts';
import type { StripedPipe } from '../layer/trunk/stream.ts';
import { Trunk } from '../layer/trunk/trunk.ts';
import type { IoPipe } from '../pipe/pipe.ts';
import { WINDOWS } from './stack.ts';

export interface TrunkServerOptions {
  readonly key: Buffer | null;
  readonly clock: Clock;
  readonly log: Logger;
  /** A peer opened a stream. `from` is where its trunk's first carrier came from. */
  readonly onStream: (stream: StripedPipe, from: SocketAddress | null) => void;
}

export class TrunkServer {
  readonly #options: TrunkServerOptions;
  readonly #trunks = new Map<string, Trunk>();
  readonly #joining = new Set<Cancel>();
  /** Tells clients whether they still talk to the process that knows their trunk. */
  readonly #instance = randomBytes(TRUNK_ID_BYTES);
  #stopped = false;

  constructor(options: TrunkServerOptions) {
    this.#options = options;
  }

  get trunks(): Iterable<Trunk> {
    return this.#trunks.values();
  }

  /** Takes a connection over; whoever it is has to prove that it may be here. */
  accept(pipe: IoPipe<'messages'>, from: SocketAddress | null): void {
    const { key, clock, log } = this.#options;
    const welcome = { instance: this.#instance, windows: WINDOWS };
    const admit = (hello: Hello) => this.#admit(hello);
    let over = false;
    const cancel = joinAsServer(pipe, key, welcome, admit, clock, (error, hello) => {
      over = true;
      this.#joining.delete(cancel);
      if (this.#stopped) return;
      if (error === null && hello !== null) this.#onJoined(hello, pipe, from);
      else log.warn(`a connection from ${nameOf(from)} is refused: ${error?.message ?? 'no reason'}`);
    });
    if (!over) this.#joining.add(cancel);
  }

  /** Ends all trunks and everything in them. */
  stop(error: PipeError): void {
    this.#stopped = true;
    for (const cancel of [...this.#joining]) cancel();
    for (const trunk of [...this.#trunks.values()]) trunk.end(error);
  }

  #admit(hello: Hello): void {
    const trunk = this.#trunks.get(hello.trunkId.toString('hex'));
    if (trunk === undefined && !hello.mayCreate) {
      throw new Refusal(REFUSED_UNKNOWN_TRUNK, 'this trunk is not known here (any more)');
    }
    if (trunk?.carriers.has(hello.carrierId))
      throw new Refusal(REFUSED_CARRIER, 'this carrier is there already');
  }

  #onJoined(hello: Hello, pipe: IoPipe<'messages'>, from: SocketAddress | null): void {
    const id = hello.trunkId.toString('hex');
    let trunk = this.#trunks.get(id);
    if (trunk === undefined) {
      trunk = this.#makeTrunk(hello, from);
      this.#trunks.set(id, trunk);
    }
    trunk.addCarrier(hello.carrierId, pipe);
  }

  #makeTrunk(hello: Hello, from: SocketAddress | null): Trunk {
    const { clock, log, onStream } = this.#options;
    log.info(`a trunk from ${nameOf(from)}`);
    return new Trunk({
      role: 'server',
      clock,
      streamWindow: WINDOWS.stream,
      trunkWindow: WINDOWS.trunk,
      peerStreamWindow: hello.windows.stream,
      peerTrunkWindow: hello.windows.trunk,
      onStream: (stream) => onStream(stream, from),
      onCarrierLost: (carrier, error) =>
        log.debug(`carrier ${carrier.id} lost: ${error?.message ?? 'closed by the peer'}`),
      onEnd: (error) => {
        this.#trunks.delete(hello.trunkId.toString('hex'));
        if (!this.#stopped) log.info(`the trunk from ${nameOf(from)} is over: ${error.message}`);
      },
    });
  }
}

function nameOf(from: SocketAddress | null): string {
  return from === null ? 'a unix client' : formatAddress(from);
}
