/**
 * Snapshots: what a process is doing now, as the documents of the API. Nothing is counted for it: all is looked up when
 * somebody asks.
 */

import { formatAddress } from '../core/address.ts';
import type { TrunkView } from '../proxy/trunk_host.ts';
import type { CarrierStatus } from '../proxy/trunk_status.ts';
import { ConnectionList } from './connections.ts';
import type {
  CarrierDocument,
  MemoryDocument,
  ServiceDocument,
  StatusDocument,
  TotalsDocument,
  TrunkDocument,
} from './documents.ts';
import { type AdminService, idOf, type Watched } from './services.ts';

/** Connections in a status document, unless told otherwise. */
export const USUAL_CONNECTIONS = 200;
/** Trunks of a service in a status document, and in the metrics: a server may have thousands. */
export const MOST_TRUNKS = 64;

export class Snapshots {
  readonly #watched: Watched;
  readonly connections: ConnectionList;

  constructor(watched: Watched) {
    this.#watched = watched;
    this.connections = new ConnectionList(watched.services);
  }

  get build(): Watched['build'] {
    return this.#watched.build;
  }

  get services(): ServiceDocument[] {
    return this.#watched.services().map(serviceOf);
  }

  get totals(): TotalsDocument {
    return sumOf(this.#watched.services().map(totalsOf));
  }

  get trunkCount(): number {
    return this.#watched.services().reduce((sum, { service }) => sum + (service.trunkHost?.size ?? 0), 0);
  }

  /** @param most how many of each service */
  trunks(most: number): TrunkDocument[] {
    return this.#watched.services().flatMap((each) => trunksOf(each, most));
  }

  /** @param limit connections that are listed at most */
  status(limit = USUAL_CONNECTIONS): StatusDocument {
    const { build, services } = this;
    const trunks = this.trunks(MOST_TRUNKS);
    const busiest = this.connections.busiest(limit);
    const modes = new Set(services.map(({ mode }) => mode));
    return {
      version: build.version,
      mode: modes.size > 1 ? 'several' : (services[0]?.mode ?? 'none'),
      listen: services.flatMap(({ listen }) => listen),
      dial: services.flatMap(({ dial }) => dial),
      backend: build.backend,
      pid: process.pid,
      startedAt: new Date(performance.timeOrigin).toISOString(),
      uptimeMs: Math.round(performance.now()),
      options: services[0]?.options ?? {},
      totals: sumOf(services.map(({ totals }) => totals)),
      memory: memorySum(services.map(({ memory }) => memory)),
      services,
      trunks,
      trunksOmitted: this.trunkCount - trunks.length,
      connections: busiest,
      connectionsOmitted: this.connections.size - busiest.length,
    };
  }
}

function serviceOf(each: AdminService): ServiceDocument {
  const { name, service, dial, options } = each;
  const { mode, memory, trunkHost } = service;
  return {
    name,
    mode,
    listen: service.addresses.map(formatAddress),
    dial,
    options,
    totals: totalsOf(each),
    memory: {
      capacityBytes: trunkHost === null ? null : memory.capacity,
      usedBytes: memory.sendPool.heldBytes + memory.receivePool.heldBytes,
    },
  };
}

/** With what those that are open have carried so far. */
function totalsOf({ service }: AdminService): TotalsDocument {
  const { connections, failed, broken } = service.totals;
  let { bytesForward, bytesBackward } = service.totals;
  for (const session of service.sessions) {
    bytesForward += session.bytesForward;
    bytesBackward += session.bytesBackward;
  }
  return { connections, open: service.sessions.size, failed, broken, bytesForward, bytesBackward };
}

function sumOf(all: readonly TotalsDocument[]): TotalsDocument {
  const sum = (pick: (one: TotalsDocument) => number) => all.reduce((total, one) => total + pick(one), 0);
  return {
    connections: sum(({ connections }) => connections),
    open: sum(({ open }) => open),
    failed: sum(({ failed }) => failed),
    broken: sum(({ broken }) => broken),
    bytesForward: sum(({ bytesForward }) => bytesForward),
    bytesBackward: sum(({ bytesBackward }) => bytesBackward),
  };
}

function memorySum(all: readonly MemoryDocument[]): MemoryDocument {
  const capacities = all.flatMap(({ capacityBytes }) => capacityBytes ?? []);
  return {
    capacityBytes: capacities.length === 0 ? null : capacities.reduce((sum, bytes) => sum + bytes, 0),
    usedBytes: all.reduce((sum, { usedBytes }) => sum + usedBytes, 0),
  };
}

function trunksOf({ name, service }: AdminService, most: number): TrunkDocument[] {
  return (service.trunkHost?.trunks(most) ?? []).map((view) => trunkOf(name, view));
}

function trunkOf(service: string, { number, peer, streams, report, carriers }: TrunkView): TrunkDocument {
  const stalls = report?.carriers.reduce((sum, one) => sum + one.stalls, report.lost.stalls) ?? 0;
  return {
    id: idOf(service, `t${number}`),
    service,
    peer,
    streams,
    sentBytes: report?.sentBytes ?? 0,
    dataBytes: report?.dataBytes ?? 0,
    repeatedBytes: report?.repeatedBytes ?? 0,
    lost: report?.lost.count ?? 0,
    stalls,
    peakEarlyBytes: report?.peakEarlyBytes ?? 0,
    carriers: carriers.map(carrierOf),
  };
}

function carrierOf({ index, state, way, carrier }: CarrierStatus): CarrierDocument {
  return {
    index,
    id: carrier?.id ?? null,
    state: stateOf(state),
    local: carrier?.local ?? null,
    // Where there is none, at least the way that it went, or is to go.
    remote: carrier?.remote ?? (way === '' ? null : way),
    ageMs: carrier === null ? 0 : Math.round(performance.now() - carrier.startedAt),
    sentBytes: carrier?.sentBytes ?? 0,
    receivedBytes: carrier?.receivedBytes ?? 0,
    inFlightBytes: carrier?.inFlightBytes ?? 0,
    cwndBytes: carrier?.cwndBytes ?? null,
    unsentBytes: carrier?.unsentBytes ?? null,
    srttMs: carrier?.srttMs ?? 0,
    rate: carrier?.rate ?? null,
    rateIsLimit: carrier?.rateIsLimit ?? false,
    stalls: carrier?.stalls ?? 0,
    repeatedBytes: carrier?.repeatedBytes ?? 0,
    retransmits: carrier?.retransmits ?? null,
  };
}

function stateOf(state: CarrierStatus['state']): CarrierDocument['state'] {
  if (state === 'waiting') return 'down';
  return state === 'joining' ? 'dialling' : state;
}
