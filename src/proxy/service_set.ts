/**
 * ServiceSet: the services of one process. They share its descriptors, its memory for trunks, and the numbers of
 * connections; they are started together or not at all, and drained together.
 */

import { type Clock, systemClock } from '../core/clock.ts';
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
}

export class ServiceSet {
  readonly memory: TrunkMemory;
  readonly #options: ServiceSetOptions;
  readonly #memoryLog: MemoryLog;
  readonly #nextId = numbers();
  readonly #services = new Map<ProxyService, ServiceSpec>();

  constructor(options: ServiceSetOptions) {
    this.#options = options;
    this.memory = new TrunkMemory({ capacity: options.memoryBytes });
    this.#memoryLog = new MemoryLog(options.log, options.clock ?? systemClock, this.memory);
  }

  /** In the order of their listeners. */
  get services(): readonly ProxyService[] {
    return [...this.#services.keys()];
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

  /** @returns how many connections had to be reset after `timeoutMs` */
  async drain(timeoutMs: number): Promise<number> {
    const left = await Promise.all(this.services.map((service) => service.drain(timeoutMs)));
    this.stop();
    return left.reduce((sum, count) => sum + count, 0);
  }

  /** Resets everything now. */
  stop(): void {
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
