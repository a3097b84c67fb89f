/**
 * FrontDoor: listens, on every address that LISTEN stands for.
 */

import { type Endpoint, formatEndpoint, type SocketAddress } from '../core/address.ts';
import { asPipeError, PipeError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { knownAddresses, type LookupFamily, resolveAll } from '../layer/tcp/resolve.ts';
import type { Listener, ListenHandlers, Transport } from '../layer/tcp/transport.ts';
import { leadsTo } from './own_address.ts';
import { pathToBind, removeStaleSocket, SocketFile } from './unix_socket.ts';

export class FrontDoor {
  readonly #handlers: ListenHandlers;
  #listeners: Listener[] = [];
  #socketFile: SocketFile | null = null;

  constructor(log: Logger, onConnection: ListenHandlers['onConnection']) {
    this.#handlers = {
      onConnection,
      onTrouble(error) {
        if (error === null) log.warn('accepting connections again');
        else log.error(`cannot accept connections for now: ${error.message}`);
      },
    };
  }

  /** With their real ports. */
  get addresses(): SocketAddress[] {
    return this.#listeners.map((listener) => listener.address);
  }

  /** Whether dialling this address would come back to us. */
  isAt(address: SocketAddress): boolean {
    return this.#listeners.some((listener) => leadsTo(address, listener.address));
  }

  /** The first of them that plainly is where we listen. */
  among(endpoints: readonly Endpoint[]): Endpoint | undefined {
    return endpoints.find((endpoint) => knownAddresses(endpoint)?.some((address) => this.isAt(address)));
  }

  /** @throws PipeError with a message that names the address; nothing is left open then */
  async open(listen: Endpoint, transport: Transport, lookup: LookupFamily | undefined): Promise<void> {
    try {
      await this.#open(listen, transport, lookup);
    } catch (error) {
      this.close();
      const cause = asPipeError(error, 'tcp');
      const words = `cannot listen on ${formatEndpoint(listen)}: ${cause.message}${adviceFor(cause, listen)}`;
      throw new PipeError(cause.code, cause.layer, words, cause);
    }
  }

  pause(): void {
    for (const listener of this.#listeners) listener.pause();
  }

  resume(): void {
    for (const listener of this.#listeners) listener.resume();
  }

  close(): void {
    for (const listener of this.#listeners) listener.close();
    this.#listeners = [];
    this.#socketFile?.remove();
    this.#socketFile = null;
  }

  async #open(listen: Endpoint, transport: Transport, lookup: LookupFamily | undefined): Promise<void> {
    if (listen.path !== undefined) await removeStaleSocket(listen.path);
    const where = listen.path === undefined ? listen : { path: pathToBind(listen.path) };
    let unusable: unknown = null;
    for (const address of await resolveAll(where, lookup)) {
      try {
        this.#listeners.push(await this.#listenOn(withPort(address, this.#listeners[0]), transport));
      } catch (error) {
        // A name may stand for addresses that the machine does not have: `localhost` for ::1, without IPv6.
        if (asPipeError(error, 'tcp').code !== 'address-invalid') throw error;
        unusable = error;
      }
    }
    if (this.#listeners.length === 0) throw unusable;
    if (where.path !== undefined) this.#socketFile = new SocketFile(where.path);
  }

  #listenOn(address: SocketAddress, transport: Transport): Promise<Listener> {
    return transport.listen(address, this.#handlers).catch((error: unknown) => {
      // A machine without IPv6 still has all its IPv4 addresses.
      const wildcard = address.family === 6 && address.host === '::';
      if (!wildcard || asPipeError(error, 'tcp').code !== 'address-invalid') throw error;
      return transport.listen({ family: 4, host: '0.0.0.0', port: address.port }, this.#handlers);
    });
  }
}

function adviceFor({ code }: PipeError, listen: Endpoint): string {
  if (code !== 'address-in-use') return '';
  return `; choose another ${listen.path === undefined ? 'port' : 'path'}, or end the program that has it`;
}

/** With port 0 asked for and several addresses, all get the port that the first one got. */
function withPort(address: SocketAddress, first: Listener | undefined): SocketAddress {
  if (first === undefined || address.family === 'unix' || first.address.family === 'unix') return address;
  return address.port === 0 ? { ...address, port: first.address.port } : address;
}
