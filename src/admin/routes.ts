/**
 * The routes of the API: docs/openapi.yaml lists them for others, and a test holds it against this table.
 */

import { PipeError } from '../core/errors.ts';
import type { Outcome, TrunkHost } from '../proxy/trunk_host.ts';
import { type Answer, json, RequestError, text } from './answer.ts';
import { type AdminService, find, type Watched } from './services.ts';
import { MOST_TRUNKS, type Snapshots, USUAL_CONNECTIONS } from './status.ts';

/** The most connections that one answer lists. */
export const MOST_LISTED = 1000;

export interface Asked {
  /** What stands for {name} in the path. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly accept: string;
}

export interface Route {
  readonly method: 'GET' | 'POST';
  /** `/api/v1/connections/{id}/close` */
  readonly path: string;
  /** Query parameters that it knows. */
  readonly query?: readonly string[];
  /** Answered to anybody, with nothing in it. */
  readonly open?: true;
  readonly answer: (asked: Asked) => Answer | Promise<Answer>;
}

const CLOSED = new PipeError('cancelled', 'proxy', 'closed by an operator');

export function apiRoutes(watched: Watched, snapshots: Snapshots): Route[] {
  const act = (asked: Asked, what: (host: TrunkHost, trunk: number, index: number) => Outcome) =>
    outcome(watched.services(), asked, what);
  return [
    {
      method: 'GET',
      path: '/api/v1/status',
      query: ['limit'],
      answer: ({ query }) => json(snapshots.status(limitOf(query, 0))),
    },
    { method: 'GET', path: '/api/v1/build', answer: () => json(snapshots.build) },
    { method: 'GET', path: '/api/v1/totals', answer: () => json(snapshots.totals) },
    { method: 'GET', path: '/api/v1/services', answer: () => json({ services: snapshots.services }) },
    {
      method: 'GET',
      path: '/api/v1/trunks',
      query: ['limit'],
      answer: ({ query }) => {
        const trunks = snapshots.trunks(limitOf(query, 1, MOST_TRUNKS));
        return json({ trunks, trunksOmitted: snapshots.trunkCount - trunks.length });
      },
    },
    {
      method: 'GET',
      path: '/api/v1/carriers',
      query: ['limit'],
      answer: ({ query }) => {
        const trunks = snapshots.trunks(limitOf(query, 1, MOST_TRUNKS));
        const listed = trunks.map(({ id, carriers }) => carriers.map((one) => ({ trunk: id, ...one })));
        return json({ carriers: listed.flat(), trunksOmitted: snapshots.trunkCount - trunks.length });
      },
    },
    {
      method: 'GET',
      path: '/api/v1/connections',
      query: ['limit', 'after'],
      answer: ({ query }) => json(snapshots.connections.page(afterOf(query), limitOf(query, 1))),
    },
    {
      method: 'GET',
      path: '/api/v1/connections/{id}',
      answer: ({ path: { id = '' } }) => {
        const found = snapshots.connections.get(id);
        if (found === null) throw noConnection(id);
        return json(found);
      },
    },
    {
      method: 'POST',
      path: '/api/v1/connections/{id}/close',
      answer: ({ path: { id = '' } }) => {
        const session = snapshots.connections.find(id);
        if (session === null) throw noConnection(id);
        session.abort(CLOSED);
        return json({ done: true });
      },
    },
    {
      method: 'POST',
      path: '/api/v1/carriers/{trunk}/{index}/redial',
      answer: (asked) => act(asked, (host, trunk, index) => host.redial(trunk, index)),
    },
    {
      method: 'POST',
      path: '/api/v1/carriers/{trunk}/{index}/drain',
      answer: (asked) => act(asked, (host, trunk, index) => host.drain(trunk, index)),
    },
    { method: 'GET', path: '/healthz', open: true, answer: () => text('ok\n') },
    { method: 'GET', path: '/readyz', open: true, answer: () => readiness(watched.services()) },
  ];
}

/** Whether somebody who connects now has a chance to be served. */
function readiness(services: readonly AdminService[]): Answer {
  const reasons = services.flatMap(({ name, service }) => {
    const prefix = name === '' ? '' : `${name}: `;
    if (service.addresses.length === 0) return `${prefix}does not listen`;
    const trunks = service.mode === 'client' ? (service.trunkHost?.trunks(1) ?? []) : [];
    const reached = trunks.every(({ carriers }) => carriers.some(({ carrier }) => carrier !== null));
    return reached ? [] : `${prefix}no connection to the peer`;
  });
  if (services.length === 0) reasons.push('nothing is started yet');
  return reasons.length === 0 ? text('ready\n') : text(`not ready: ${reasons.join('; ')}\n`, 503);
}

function outcome(
  services: readonly AdminService[],
  { path: { trunk = '', index = '' } }: Asked,
  what: (host: TrunkHost, trunk: number, index: number) => Outcome,
): Answer {
  const found = find(services, trunk, 't');
  const host = found?.service.service.trunkHost ?? null;
  if (found === null || host === null || !/^\d{1,4}$/.test(index))
    throw new RequestError(404, 'there is no such carrier: /api/v1/carriers lists them');
  const result = what(host, found.number, Number(index));
  if (result.done) return json({ done: true });
  throw new RequestError(result.why === 'unknown' ? 404 : 409, result.message);
}

function noConnection(id: string): RequestError {
  return new RequestError(404, `there is no connection ${JSON.stringify(id.slice(0, 80))} (any more)`);
}

function limitOf(query: URLSearchParams, least: number, usual = USUAL_CONNECTIONS): number {
  const given = query.get('limit');
  if (given === null) return usual;
  const limit = /^\d{1,6}$/.test(given) ? Number(given) : Number.NaN;
  if (limit >= least && limit <= MOST_LISTED) return limit;
  throw new RequestError(400, `limit has to be a whole number from ${least} to ${MOST_LISTED}`);
}

function afterOf(query: URLSearchParams): string | null {
  const after = query.get('after');
  if (after === null || /^(?:[\w-]+\.)?c\d{1,16}$/.test(after)) return after;
  throw new RequestError(400, 'after has to be the id of a connection, as c17');
}
