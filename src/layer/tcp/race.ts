/**
 * One attempt to reach one of the endpoints: resolve them, then race their addresses (Happy Eyeballs, RFC 8305).
 *
 *     AAAA answer ------> v6 #1 ----------------------> (first to be ready wins, the others are dropped)
 *     A answer ---------------- 250 ms --> v4 #1 -----> v6 #2 ...
 *
 * The next address gets its chance when the one before fails, or 250 ms after it was tried, whichever is first.
 * Families alternate, IPv6 first; within a family the resolver's order stands (RFC 6724). When the A answer comes
 * first, AAAA gets 50 ms more. Of several endpoints, the addresses of the first are tried before those of the second.
 * An address that accepts and resets at once has been reached, and that was its answer.
 */

import { type Endpoint, formatAddress, formatEndpoints, type SocketAddress } from '../../core/address.ts';
import type { Cancel, Clock } from '../../core/clock.ts';
import { PipeError } from '../../core/errors.ts';
import type { IoPipe } from '../../pipe/pipe.ts';
import { type LookupFamily, resolve } from './resolve.ts';
import type { Transport } from './transport.ts';

/** RFC 8305, section 8: Connection Attempt Delay and Resolution Delay. */
export const ATTEMPT_DELAY_MS = 250;
export const RESOLUTION_DELAY_MS = 50;

export interface RaceOptions {
  readonly transport: Pick<Transport, 'connect'>;
  readonly clock: Clock;
  readonly lookup?: LookupFamily;
}

export interface RaceHandlers {
  /** A connection is ready; the receiver owns the pipe. */
  onReady(pipe: IoPipe<'bytes'>, address: SocketAddress): void;
  /** Every address failed, or there is none. */
  onFailed(error: PipeError): void;
}

export class ConnectRace {
  readonly #endpoints: readonly Endpoint[];
  readonly #options: RaceOptions;
  readonly #handlers: RaceHandlers;

  /** Addresses not tried yet, by family. */
  readonly #v6: SocketAddress[] = [];
  readonly #others: SocketAddress[] = [];
  #lastFamily: SocketAddress['family'] | null = null;
  /** Endpoints whose names are still being resolved. */
  #resolving: number;
  readonly #unresolved: PipeError[] = [];
  readonly #running = new Map<IoPipe<'bytes'>, SocketAddress>();
  readonly #failures: { address: SocketAddress; error: PipeError }[] = [];
  #cancelTimer: Cancel | null = null;
  #over = false;

  constructor(endpoints: readonly Endpoint[], options: RaceOptions, handlers: RaceHandlers) {
    this.#endpoints = endpoints;
    this.#options = options;
    this.#handlers = handlers;
    this.#resolving = endpoints.length;
    const resolved = {
      onAddresses: (family: 4 | 6 | 'unix', addresses: SocketAddress[]) =>
        this.#onAddresses(family, addresses),
      onDone: (error: PipeError | null) => this.#onResolved(error),
    };
    for (const endpoint of endpoints) resolve(endpoint, resolved, options.lookup);
  }

  /** Gives up; no handler is called any more. Who accepted us meanwhile sees a reset and not an empty conversation. */
  cancel(): void {
    // An error object costs as much as the rest of a dial: not when there is nobody to tell.
    this.#end(this.#running.size > 0 ? new PipeError('cancelled', 'tcp') : undefined);
  }

  #end(error?: PipeError): void {
    this.#over = true;
    this.#cancelTimer?.();
    for (const pipe of this.#running.keys()) pipe.discard(error);
    this.#running.clear();
  }

  #onAddresses(family: 4 | 6 | 'unix', addresses: SocketAddress[]): void {
    if (this.#over) return;
    (family === 6 ? this.#v6 : this.#others).push(...addresses);
    const idle = this.#running.size === 0 && this.#cancelTimer === null;
    // IPv4 answered first: the other answer, if it is coming at all, is only a moment away.
    if (idle && family === 4 && this.#resolving > 0) this.#wait(RESOLUTION_DELAY_MS);
    else this.#attemptNow();
  }

  #onResolved(error: PipeError | null): void {
    if (this.#over) return;
    this.#resolving--;
    if (error !== null) this.#unresolved.push(error);
    if (this.#running.size === 0) this.#attemptNow();
  }

  /** Tries the next address unless an attempt has just begun. */
  #attemptNow(): void {
    if (this.#running.size > 0 && this.#cancelTimer !== null) return;
    this.#attempt();
  }

  #attempt(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    const address = this.#next();
    if (address === null) {
      if (this.#resolving === 0 && this.#running.size === 0) this.#fail(this.#summary());
      return;
    }
    const pipe = this.#options.transport.connect(address);
    this.#running.set(pipe, address);
    pipe.onActivity = () => this.#onActivity(pipe, address);
    this.#wait(ATTEMPT_DELAY_MS);
  }

  #wait(ms: number): void {
    this.#cancelTimer = this.#options.clock.after(ms, () => this.#attempt());
  }

  #next(): SocketAddress | null {
    const [first, second] = this.#lastFamily === 6 ? [this.#others, this.#v6] : [this.#v6, this.#others];
    const address = first.shift() ?? second.shift() ?? null;
    if (address !== null) this.#lastFamily = address.family;
    return address;
  }

  #onActivity(pipe: IoPipe<'bytes'>, address: SocketAddress): void {
    if (this.#over) return;
    if (pipe.broken !== null) {
      const error = pipe.broken;
      this.#running.delete(pipe);
      pipe.discard();
      this.#failures.push({ address, error });
      if (error.code === 'reset') this.#fail(resetAtOnce(address, error));
      else this.#attempt();
    } else if (pipe.ready) {
      pipe.onActivity = null;
      this.#running.delete(pipe);
      this.#end();
      this.#handlers.onReady(pipe, address);
    }
  }

  #fail(error: PipeError): void {
    this.#end();
    this.#handlers.onFailed(error);
  }

  /** One error for all addresses: the code of the first, the words of each. */
  #summary(): PipeError {
    const first = this.#failures[0];
    const where = formatEndpoints(this.#endpoints);
    const unresolved = this.#unresolved.map(({ message }) => message);
    if (first === undefined) {
      const words = unresolved.join('; ') || `'${where}' has no address`;
      return new PipeError('resolve', 'resolve', words, this.#unresolved[0]);
    }
    const each = this.#failures.map(({ address, error }) => {
      const numeric = formatAddress(address);
      return numeric === where ? error.message : `${numeric}: ${error.message}`;
    });
    return new PipeError(
      first.error.code,
      'tcp',
      `cannot connect to ${where}: ${[...each, ...unresolved].join('; ')}`,
      first.error,
    );
  }
}

/** A connect that nobody takes is refused (RFC 9293, section 3.10.7.3): a reset comes from a connection that was there. */
function resetAtOnce(address: SocketAddress, { layer, message, cause }: PipeError): PipeError {
  const words = `${formatAddress(address)} accepted the connection and closed it at once: ${message}`;
  return new PipeError('reset', layer, words, cause);
}
