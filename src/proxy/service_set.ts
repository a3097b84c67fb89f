/**
 * ServiceSet: the services of one process. They share its descriptors, its memory for trunks, and the numbers of
 * connections; they are started together or not at all, and drained together.
 */

import { isDeepStrictEqual } from 'node:util';
import { formatEndpoint } from '../core/address.ts';
import { type Cancel, type Clock, systemClock } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import type { Transport } from '../layer/tcp/transport.ts';
import { MemoryLog } from './memory_log.ts';
import { numbers } from './neighbours.ts';
import { ProxyService } from './service.ts';
import type { ServiceOptions } from './service_options.ts';
import { TrunkMemory } from './stack.ts';

/** What one service is to be; what all share is for the set to say. */
export type ServiceSpec = Omit<ServiceOptions, 'transport' | 'log' | 'memory' | 'memoryBytes' | 'clock'>;

/** A service, and what it was made of. */
export interface Running {
  readonly service: ProxyService;
  readonly spec: ServiceSpec;
}

export interface ServiceSetOptions {
  readonly transport: Transport;
  readonly log: Logger;
  /** Bytes that all trunks together may hold. */
  readonly memoryBytes: number;
  readonly clock?: Clock;
  /** A service that was replaced or taken away is over. */
  readonly onRetired?: (service: ProxyService) => void;
}

export interface Reloaded {
  readonly opened: readonly Running[];
  /** They accept no more. */
  readonly left: readonly Running[];
  readonly stayed: number;
  /** Why one that took the place of another could not listen. */
  readonly lost: readonly Error[];
}

/** How often a service that was replaced is looked at, whether it is over. */
const RETIRED_LOOK_MS = 200;

export class ServiceSet {
  readonly memory: TrunkMemory;
  readonly #options: ServiceSetOptions;
  readonly #memoryLog: MemoryLog;
  readonly #nextId = numbers();
  readonly #retired = new Set<ProxyService>();
  readonly #timers = new Set<Cancel>();
  #stopped = false;
  readonly #services = new Map<ProxyService, ServiceSpec>();

  constructor(options: ServiceSetOptions) {
    this.#options = options;
    this.memory = new TrunkMemory({ capacity: options.memoryBytes });
    this.#memoryLog = new MemoryLog(options.log, options.clock ?? systemClock, this.memory);
  }

  /** In the order of their listeners, and then those that only finish what they have. */
  get services(): readonly ProxyService[] {
    return [...this.#services.keys(), ...this.#retired];
  }

  get entries(): readonly Running[] {
    return [...this.#services].map(([service, spec]) => ({ service, spec }));
  }

  /** Milliseconds since the first of them was started. */
  get uptimeMs(): number {
    return Math.max(0, ...this.services.map(({ uptimeMs }) => uptimeMs));
  }

  /** Connections that are open at any of them. */
  get open(): number {
    return this.services.reduce((sum, { sessions }) => sum + sessions.size, 0);
  }

  /** @throws PipeError when one of them cannot listen; none of them does then */
  async start(specs: readonly ServiceSpec[]): Promise<void> {
    this.memory.spare = specs.some(({ mode }) => mode === 'server');
    try {
      for (const spec of specs) await this.#make(spec).start();
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /**
   * Makes of the services what is wanted now. Those that stay as they are go on; new ones are opened before anything else; those
   * that are gone or changed accept no more, and end when their last connection has.
   *
   * @throws PipeError when a new one cannot listen; all is as before then
   */
  async reload(specs: readonly ServiceSpec[]): Promise<Reloaded> {
    const now = this.entries;
    const stay = now.filter(({ spec }) => specs.some((wanted) => isSame(spec, wanted)));
    const leave = now.filter((one) => !stay.includes(one));
    const fresh = specs.filter((wanted) => !stay.some(({ spec }) => isSame(spec, wanted)));
    const isTaken = (wanted: ServiceSpec) => leave.some(({ spec }) => placeOf(spec) === placeOf(wanted));
    const [late, early] = [fresh.filter(isTaken), fresh.filter((spec) => !isTaken(spec))];
    const made = early.map((spec) => this.#make(spec));
    // What is wrong with these is thrown here, before anything has changed.
    const replacing = late.map((spec) => this.#make(spec));
    try {
      for (const service of made) await service.start();
    } catch (error) {
      for (const service of [...made, ...replacing]) {
        service.stop();
        this.#services.delete(service);
      }
      throw error;
    }
    for (const { service } of leave) this.#retire(service);
    const lost: Error[] = [];
    for (const service of replacing) {
      // Its place was free a moment ago.
      await service.start().catch((error: Error) => {
        lost.push(error);
        this.#services.delete(service);
      });
    }
    this.memory.spare = specs.some(({ mode }) => mode === 'server');
    const opened = this.entries.filter(({ service }) => [...made, ...replacing].includes(service));
    return { opened, left: leave, stayed: stay.length, lost };
  }

  /** Its sessions go on, and so do trunks, as long as they carry any. */
  #retire(service: ProxyService): void {
    service.shut();
    this.#services.delete(service);
    this.#retired.add(service);
    const look = async () => {
      if (this.#stopped) return;
      if (service.sessions.size > 0) {
        this.#after(RETIRED_LOOK_MS, look);
        return;
      }
      await service.drain(0);
      this.#retired.delete(service);
      this.#options.onRetired?.(service);
    };
    void look();
  }

  #after(ms: number, then: () => void): void {
    const cancel = (this.#options.clock ?? systemClock).after(ms, () => {
      this.#timers.delete(cancel);
      then();
    });
    this.#timers.add(cancel);
  }

  /** @returns how many connections had to be reset after `timeoutMs` */
  async drain(timeoutMs: number): Promise<number> {
    this.#stopped = true;
    const left = await Promise.all(this.services.map((service) => service.drain(timeoutMs)));
    this.stop();
    return left.reduce((sum, count) => sum + count, 0);
  }

  /** Resets everything now. */
  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#timers) cancel();
    for (const service of this.services) service.stop();
    this.#memoryLog.stop();
  }

  #make(spec: ServiceSpec): ProxyService {
    const { transport, log, clock } = this.#options;
    const others = () => this.services.filter((one) => one !== service);
    const service: ProxyService = new ProxyService({
      ...spec,
      transport,
      log: spec.name === undefined || spec.name === '' ? log : log.about(spec.name, { listener: spec.name }),
      memory: this.memory,
      nextId: this.#nextId,
      descriptorsElsewhere: () => others().reduce((sum, { descriptors }) => sum + descriptors, 0),
      onRoom: () => {
        for (const other of others()) other.onRoomElsewhere();
      },
      ...(clock === undefined ? {} : { clock }),
    });
    this.#services.set(service, spec);
    return service;
  }
}

function placeOf({ listen }: ServiceSpec): string {
  return formatEndpoint(listen);
}

/** Nothing has to be done. */
function isSame(a: ServiceSpec, b: ServiceSpec): boolean {
  // They hold what nobody can look into; who asks for the same ones has been given the same object.
  if ((a.certificates ?? null) !== (b.certificates ?? null)) return false;
  return isDeepStrictEqual(
    { ...a, certificates: null, descriptors: 0 },
    { ...b, certificates: null, descriptors: 0 },
  );
}
