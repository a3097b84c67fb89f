/**
 * Paths: which way the carriers of a trunk go, so that they are spread over all the ways that there are.
 *
 *     slot     --via eth0,eth1 to a:1,b:1
 *     0        eth0 -> a:1
 *     1        eth1 -> b:1
 *     2        eth0 -> b:1          all pairs are used before one is used twice
 *     3        eth1 -> a:1
 *
 * A slot keeps its local end for good: one uplink that is down must not pile everything onto the other. Which address of
 * the peer it goes to is its own as well, unless there is need for a detour.
 */

import { isIP } from 'node:net';
import { type Endpoint, formatAddress, formatEndpoint, type SocketAddress } from '../core/address.ts';
import { familyProblem, formatLocalEnd, type LocalEnd } from '../layer/tcp/local_end.ts';
import { type LookupFamily, systemLookup } from '../layer/tcp/resolve.ts';

export interface Path {
  readonly peer: Endpoint;
  readonly from: LocalEnd | null;
  /** Of a name with several addresses, which one is tried first. */
  readonly turn: number;
}

export class Paths {
  readonly #peers: readonly Endpoint[];
  readonly #via: readonly (LocalEnd | null)[];

  constructor(peers: readonly Endpoint[], via: readonly LocalEnd[]) {
    this.#peers = peers;
    this.#via = via.length === 0 ? [null] : via;
  }

  /** The addresses of the peer that can be reached from any of the local ends. */
  get peers(): Endpoint[] {
    return this.#peers.filter((peer) => this.#via.some((from) => from === null || !excludes(from, peer)));
  }

  /** Slots that it takes to use each local end and each address of the peer. */
  get ways(): number {
    return Math.max(this.#via.length, this.#peers.length);
  }

  /**
   * @param detour 0 for a slot's own way; each number more is another address of the peer
   * @param avoid addresses that are no use, as formatAddress says them
   */
  of(slot: number, detour: number, avoid: ReadonlySet<string>): Path {
    const at = slot % this.#via.length;
    const from = this.#via[at] ?? null;
    const reachable = this.#peers.filter((peer) => from === null || !excludes(from, peer));
    const useful = reachable.filter((peer) => !avoid.has(formatEndpoint(peer)));
    const peers = useful.length > 0 ? useful : reachable.length > 0 ? reachable : this.#peers;
    // Round and round in both lists at once meets the same pairs again after so many steps: then on to others.
    const round = leastCommonMultiple(this.#via.length, peers.length);
    const step = slot + Math.floor(slot / round) + detour;
    const rank = Math.floor(slot / this.#via.length) + at + detour;
    return {
      peer: peers[step % peers.length] as Endpoint,
      from,
      turn: Math.floor(rank / peers.length),
    };
  }
}

/** `192.0.2.1:22222`, or `192.0.2.1:22222 via eth0`. */
export function nameOfPath(address: SocketAddress | Endpoint, from: LocalEnd | null): string {
  const where = 'family' in address ? formatAddress(address) : formatEndpoint(address);
  return from === null ? where : `${where} via ${formatLocalEnd(from)}`;
}

/** The same in a line that names the peer already: `via eth0`, or nothing where there is one way only. */
export function wayBeside(way: string, peer: string): string {
  if (way === peer) return '';
  return way.startsWith(`${peer} `) ? way.slice(peer.length + 1) : way;
}

/** Looks names up, and begins with another of their addresses each turn; those to avoid come last. */
export function lookupInTurn(
  { peer, turn }: Path,
  avoid: ReadonlySet<string>,
  lookup: LookupFamily = systemLookup,
): LookupFamily {
  return async (host, family) => {
    const found = await lookup(host, family);
    const isBad = (address: string) => avoid.has(formatEndpoint({ host: address, port: peer.port ?? 0 }));
    const good = found.filter((address) => !isBad(address));
    const at = good.length === 0 ? 0 : turn % good.length;
    return [...good.slice(at), ...good.slice(0, at), ...found.filter(isBad)];
  };
}

function leastCommonMultiple(a: number, b: number): number {
  let multiple = a;
  while (multiple % b !== 0) multiple += a;
  return multiple;
}

/** Names may turn out to be anything. */
function excludes(from: LocalEnd, peer: Endpoint): boolean {
  const family = peer.path === undefined ? isIP(peer.host) : 'unix';
  return family !== 0 && familyProblem(from, family as 4 | 6 | 'unix') !== null;
}
