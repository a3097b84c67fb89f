/**
 * What the admin server watches: the services of a process, by name.
 */

import type { ProxyService } from '../proxy/service.ts';
import type { BuildDocument, OptionsDocument } from './documents.ts';

export interface AdminService {
  /** As ServiceOptions.name; it stands in front of the ids of what belongs to it. Empty for the only one. */
  readonly name: string;
  readonly service: ProxyService;
  /** The target, or the addresses of the peer. */
  readonly dial: readonly string[];
  readonly options: OptionsDocument;
}

/** What there is to watch now. */
export interface Watched {
  readonly build: BuildDocument;
  /** Services may come and go, so it is asked each time. */
  readonly services: () => readonly AdminService[];
}

/** `t1` is an id in the only service, `web.t1` in one of several. */
export function idOf(service: string, local: string): string {
  return service === '' ? local : `${service}.${local}`;
}

/** The service that an id belongs to, and what it is there: a letter and a number. Null where there is no such thing. */
export function find<T extends { readonly name: string }>(
  services: readonly T[],
  id: string,
  letter: 'c' | 't',
): { readonly service: T; readonly number: number } | null {
  const dot = id.lastIndexOf('.');
  const name = dot < 0 ? '' : id.slice(0, dot);
  const local = id.slice(dot + 1);
  const service = services.find((each) => each.name === name);
  if (service === undefined || local[0] !== letter || !/^[1-9]\d{0,15}$/.test(local.slice(1))) return null;
  return { service, number: Number(local.slice(1)) };
}
