/**
 * ConnectionList: the connections of a process, with how much each of them moves, in pieces that stay small however many
 * there are.
 */

import { formatAddress, type SocketAddress } from '../core/address.ts';
import { streamSnapshot } from '../layer/trunk/snapshot.ts';
import { ratioOf } from '../proxy/compression_totals.ts';
import { legState } from '../proxy/leg_state.ts';
import type { Session } from '../proxy/session.ts';
import { streamAmong } from '../proxy/stack.ts';
import type { ConnectionDocument } from './documents.ts';
import { type AdminService, find, idOf } from './services.ts';

/** Two looks that are closer to each other than this say nothing new of a rate. */
const LEAST_MS = 900;

/** What was seen of a connection at the last look. */
interface Look {
  at: number;
  forward: number;
  backward: number;
  rateForward: number;
  rateBackward: number;
}

interface Listed {
  readonly service: string;
  readonly session: Session;
  readonly look: Look;
}

export interface ConnectionPage {
  readonly connections: ConnectionDocument[];
  /** What to ask for next: `after`; null at the end. */
  readonly next: string | null;
  readonly total: number;
}

export class ConnectionList {
  readonly #services: () => readonly AdminService[];
  readonly #looks = new WeakMap<Session, Look>();

  constructor(services: () => readonly AdminService[]) {
    this.#services = services;
  }

  get size(): number {
    return this.#services().reduce((sum, { service }) => sum + service.sessions.size, 0);
  }

  /**
   * Those that have moved most since the last look, and then the newest of the others. All are looked at, so that nothing is
   * made for those that are not listed: there may be thousands, each second.
   */
  busiest(limit: number): ConnectionDocument[] {
    const services = this.#services();
    const now = performance.now();
    const busy: Listed[] = [];
    let quiet = 0;
    for (const { name, service } of services) {
      for (const session of service.sessions) {
        const look = this.#look(session, now);
        if (isQuiet(look)) quiet++;
        else busy.push({ service: name, session, look });
      }
    }
    busy.sort((a, b) => rateOf(b.look) - rateOf(a.look));
    busy.length = Math.min(busy.length, limit);
    const newest: Listed[] = [];
    let older = quiet - (limit - busy.length);
    for (const { name, service } of busy.length < limit ? services : []) {
      for (const session of service.sessions) {
        const look = this.#look(session, now);
        if (isQuiet(look) && older-- <= 0) newest.push({ service: name, session, look });
      }
    }
    return [...busy, ...newest.reverse()].map(documentOf);
  }

  /** In the order in which they came, service by service. @param after the id of the last one of the page before; null: from the first */
  page(after: string | null, limit: number): ConnectionPage {
    const services = this.#services();
    const from = after === null ? null : find(services, after, 'c');
    const now = performance.now();
    const found: Listed[] = [];
    let reached = from === null;
    for (const { name, service } of services) {
      const here = from?.service.name === name;
      if (!reached && !here) continue;
      reached = true;
      for (const session of service.sessions) {
        if (here && session.id <= (from?.number ?? 0)) continue;
        if (found.length > limit) break;
        found.push({ service: name, session, look: this.#look(session, now) });
      }
    }
    const connections = found.slice(0, limit).map(documentOf);
    return {
      connections,
      next: found.length > limit ? (connections.at(-1)?.id ?? null) : null,
      total: this.size,
    };
  }

  find(id: string): Session | null {
    const found = find(this.#services(), id, 'c');
    if (found === null) return null;
    for (const session of found.service.service.sessions) if (session.id === found.number) return session;
    return null;
  }

  /** One connection; null where there is none (any more). */
  get(id: string): ConnectionDocument | null {
    const session = this.find(id);
    const service = find(this.#services(), id, 'c')?.service.name ?? '';
    return session === null
      ? null
      : documentOf({ service, session, look: this.#look(session, performance.now()) });
  }

  #look(session: Session, now: number): Look {
    const { bytesForward: forward, bytesBackward: backward } = session;
    const look = this.#looks.get(session);
    if (look === undefined) {
      const first = { at: now, forward, backward, rateForward: 0, rateBackward: 0 };
      this.#looks.set(session, first);
      return first;
    }
    const elapsed = now - look.at;
    if (elapsed < LEAST_MS) return look;
    look.rateForward = ((forward - look.forward) / elapsed) * 1000;
    look.rateBackward = ((backward - look.backward) / elapsed) * 1000;
    look.at = now;
    look.forward = forward;
    look.backward = backward;
    return look;
  }
}

function rateOf({ rateForward, rateBackward }: Look): number {
  return rateForward + rateBackward;
}

function isQuiet(look: Look): boolean {
  return rateOf(look) === 0;
}

function documentOf({ service, session, look }: Listed): ConnectionDocument {
  const { near, far } = session;
  const stream = streamAmong(near, far);
  const {
    windowBytes = null,
    earlyBytes = null,
    repeatedBytes = null,
  } = stream === null ? {} : streamSnapshot(stream);
  return {
    id: idOf(service, `c${session.id}`),
    service,
    from: nameOf(session.from),
    to: nameOf(session.to),
    state: session.state,
    near: legState(near),
    far: far === null ? 'dialling' : legState(far),
    ageMs: Math.round(performance.now() - session.startedAt),
    bytesForward: session.bytesForward,
    bytesBackward: session.bytesBackward,
    rateForward: Math.round(look.rateForward),
    rateBackward: Math.round(look.rateBackward),
    congestionsForward: session.congestionsForward,
    congestionsBackward: session.congestionsBackward,
    windowBytes,
    earlyBytes,
    repeatedBytes,
    compressionRatio: session.compression === null ? null : ratioOf(session.compression),
  };
}

function nameOf(address: SocketAddress | null): string | null {
  return address === null ? null : formatAddress(address);
}
