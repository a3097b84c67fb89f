/** Goal: docs/openapi.yaml says all that the admin server answers, and nothing else. */
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import t from 'tap';
import { parse } from 'yaml';
import { type Call, CHANGE, call, EventReader, type Reply } from '../helpers/admin_call.ts';
import { app, opened, watch, watched, watchedPair } from '../helpers/admin_side.ts';
import { until } from '../helpers/e2e_wait.ts';
import { start } from '../helpers/service_side.ts';

interface Operation {
  readonly security?: readonly unknown[];
  readonly responses: Record<string, { $ref?: string; content?: Record<string, unknown> }>;
}

// This file runs as dist/test/admin/openapi.test.js.
const document = parse(readFileSync(new URL('../../../docs/openapi.yaml', import.meta.url), 'utf8'));
const operations = Object.entries(document.paths as Record<string, Record<string, Operation>>).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);

const ajv = new Ajv2020({
  strict: false,
  allErrors: true,
  formats: { 'date-time': /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ },
});
ajv.addSchema(document, 'openapi');

/** What is wrong with a value, by the schema at this place of the document; empty: nothing. */
function problems(pointer: string, value: unknown): string {
  const validate = ajv.getSchema(`openapi#${pointer}`);
  if (validate === undefined) throw new Error(`no schema at ${pointer}`);
  return validate(value) ? '' : ajv.errorsText(validate.errors);
}

const escaped = (part: string) => part.replaceAll('~', '~0').replaceAll('/', '~1');

/** What is wrong with a reply, by what is documented for its status. */
function replyProblems(path: string, method: string, reply: Reply): string {
  const operation = `/paths/${escaped(path)}/${method.toLowerCase()}`;
  const { responses } = document.paths[path][method.toLowerCase()] as Operation;
  const response = responses[String(reply.status)];
  if (response === undefined) return `${reply.status} is not documented`;
  const place = response.$ref?.slice(1) ?? `${operation}/responses/${reply.status}`;
  const { content = {} } = response.$ref === undefined ? response : document.components.responses.Mistake;
  const type = (reply.headers['content-type'] ?? '').split(';')[0] ?? '';
  const done = response.$ref?.endsWith('/Done') ? { 'application/json': {} } : content;
  if (!(type in done)) return `${type} is not documented`;
  if (type !== 'application/json') return '';
  return problems(`${place}/content/application~1json/schema`, reply.json);
}

t.test('every route is documented, and every documented one is there', async (t) => {
  const { server } = await watch(t, () => []);
  const there = server.routes.map(({ method, path }) => `${method} ${path}`).sort();
  t.same(operations.map(({ method, path }) => `${method} ${path}`).sort(), there);
});

t.test('every documented answer can be had, and is what is documented', async (t) => {
  const pair = await watchedPair(t);
  for (let i = 0; i < 3; i++) (await app(t, pair.near.port)).write('hello');
  await opened(pair, 3);
  const locked = await watch(t, () => [watched(pair.near)], 'a-token-of-many-letters');
  const idle = await watch(t, () => []);
  const [near, far] = [pair.nearAdmin.port, pair.farAdmin.port];
  const readers = Array.from({ length: 16 }, () => new EventReader(idle.port));
  t.teardown(() => {
    for (const reader of readers) reader.close();
  });
  await until(
    () => readers.every(({ events }) => events.length > 0),
    () => 'readers get no events',
  );

  const change: Call = { method: 'POST', headers: CHANGE };
  const forged: Call = { method: 'POST' };
  const wrong: Call = { headers: { Authorization: 'Bearer not-the-token' } };
  /** How each documented answer is had: what is asked of which server. */
  const ways: Record<string, [port: number, path: string, how?: Call][]> = {
    'GET /api/v1/status 200': [
      [near, '/api/v1/status'],
      [far, '/api/v1/status'],
      [near, '/api/v1/status?limit=0'],
      [idle.port, '/api/v1/status'],
    ],
    'GET /api/v1/status 400': [
      [near, '/api/v1/status?limit=1001'],
      [near, '/api/v1/status?limit=-1'],
      [near, '/api/v1/status?colour=red'],
    ],
    'GET /api/v1/build 200': [[near, '/api/v1/build']],
    'GET /api/v1/totals 200': [[near, '/api/v1/totals']],
    'GET /api/v1/services 200': [[far, '/api/v1/services']],
    'GET /api/v1/trunks 200': [
      [near, '/api/v1/trunks'],
      [far, '/api/v1/trunks?limit=1'],
    ],
    'GET /api/v1/trunks 400': [[near, '/api/v1/trunks?limit=0']],
    'GET /api/v1/carriers 200': [
      [near, '/api/v1/carriers'],
      [far, '/api/v1/carriers'],
    ],
    'GET /api/v1/carriers 400': [[near, '/api/v1/carriers?limit=many']],
    'GET /api/v1/connections 200': [
      [near, '/api/v1/connections'],
      [far, '/api/v1/connections?limit=1&after=c1'],
    ],
    'GET /api/v1/connections 400': [
      [near, '/api/v1/connections?after=t1'],
      [near, '/api/v1/connections?limit=1e3'],
    ],
    'GET /api/v1/connections/{id} 200': [[near, '/api/v1/connections/c1']],
    'GET /api/v1/connections/{id} 404': [
      [near, '/api/v1/connections/c99'],
      [near, '/api/v1/connections/%22%3Cscript%3E'],
    ],
    'POST /api/v1/connections/{id}/close 200': [[near, '/api/v1/connections/c1/close', change]],
    'POST /api/v1/connections/{id}/close 403': [[near, '/api/v1/connections/c2/close', forged]],
    'POST /api/v1/connections/{id}/close 404': [[near, '/api/v1/connections/c99/close', change]],
    'POST /api/v1/carriers/{trunk}/{index}/redial 200': [
      [near, '/api/v1/carriers/t1/0/redial', change],
      [far, '/api/v1/carriers/t1/3/redial', change],
    ],
    'POST /api/v1/carriers/{trunk}/{index}/redial 403': [[near, '/api/v1/carriers/t1/0/redial', forged]],
    'POST /api/v1/carriers/{trunk}/{index}/redial 404': [
      [near, '/api/v1/carriers/t1/64/redial', change],
      [near, '/api/v1/carriers/t2/0/redial', change],
      [far, '/api/v1/carriers/web.t1/0/redial', change],
      [far, '/api/v1/carriers/t1/x/redial', change],
    ],
    'POST /api/v1/carriers/{trunk}/{index}/drain 200': [[near, '/api/v1/carriers/t1/1/drain', change]],
    'POST /api/v1/carriers/{trunk}/{index}/drain 403': [[near, '/api/v1/carriers/t1/1/drain', forged]],
    'POST /api/v1/carriers/{trunk}/{index}/drain 404': [[near, '/api/v1/carriers/t1/9/drain', change]],
    'POST /api/v1/carriers/{trunk}/{index}/drain 409': [[far, '/api/v1/carriers/t1/0/drain', change]],
    'GET /events 200': [],
    'GET /events 503': [[idle.port, '/events']],
    'GET /metrics 200': [
      [near, '/metrics'],
      [far, '/metrics', { headers: { Accept: 'application/openmetrics-text; version=1.0.0' } }],
    ],
    'GET /healthz 200': [[locked.port, '/healthz']],
    'GET /readyz 200': [[near, '/readyz']],
    'GET /readyz 503': [[idle.port, '/readyz']],
  };
  for (const { path, method, operation } of operations) {
    const guarded = operation.security === undefined;
    t.equal(
      '401' in operation.responses,
      guarded,
      `${method} ${path} asks for a token, or says that it does not`,
    );
    for (const status of Object.keys(operation.responses)) {
      const name = `${method} ${path} ${status}`;
      const denied = path.replace(/\{\w+\}/g, '1');
      const asked = status === '401' ? [[locked.port, denied, { ...wrong, method }] as const] : ways[name];
      if (asked === undefined) t.fail(`nobody tried ${name}`);
      for (const [port, url, how] of asked ?? []) {
        const reply = await call(port, url, how);
        t.equal(String(reply.status), status, `${method} ${url}: ${reply.text.slice(0, 200)}`);
        t.equal(replyProblems(path, method, reply), '', `${method} ${url} ${status}`);
      }
    }
  }
});

t.test('events are what is documented', async (t) => {
  const pair = await watchedPair(t);
  const reader = new EventReader(pair.nearAdmin.port);
  t.teardown(() => reader.close());
  await until(
    () => reader.named('status').length > 0,
    () => 'no events',
  );
  const socket = await app(t, pair.near.port);
  await opened(pair, 1);
  await call(pair.nearAdmin.port, '/api/v1/carriers/t1/2/redial', { method: 'POST', headers: CHANGE });
  socket.destroy();
  const whats = () => [...reader.named('carrier'), ...reader.named('connection')].map(({ what }) => what);
  const expected = ['lost', 'dialling', 'joined', 'begun', 'open', 'closed'];
  await until(
    () => reader.named('status').length > 1 && expected.every((what) => whats().includes(what)),
    () => `only ${whats().join(', ')}`,
  );
  const schemas: Record<string, string> = {
    status: 'Status',
    carrier: 'CarrierEvent',
    connection: 'ConnectionEvent',
    dropped: 'DroppedEvent',
  };
  for (const { name, data } of reader.events)
    t.equal(problems(`/components/schemas/${schemas[name] ?? name}`, data), '', name);
});

t.test('a relay has no trunks, and says so in the same words', async (t) => {
  const relay = await start(t, { mode: 'relay', dial: { host: '127.0.0.1', port: 9 } });
  const { port } = await watch(t, () => [watched(relay)]);
  const reply = await call(port, '/api/v1/status');
  t.equal(replyProblems('/api/v1/status', 'GET', reply), '');
  t.match(reply.json, { mode: 'relay', trunks: [], memory: { capacityBytes: null, usedBytes: 0 } });
});

t.test('what is not documented is not answered', async (t) => {
  const { port } = await watch(t, () => []);
  const guesses = [
    '/api',
    '/api/v1',
    '/api/v1/',
    '/api/v2/status',
    '/api/v1/status/',
    '/debug',
    '/api/v1/options',
  ];
  for (const path of [
    ...guesses,
    '/api/v1/carriers/t1',
    '//api/v1/status',
    '/metrics/',
    '/.git/config',
    '/%2e%2e/x',
  ])
    t.equal((await call(port, path)).status, 404, path);
  for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'POST']) {
    const reply = await call(port, '/api/v1/status', { method, headers: CHANGE });
    t.equal(reply.status, 405, method);
    t.equal(reply.headers.allow, 'GET, HEAD');
  }
  const head = await call(port, '/api/v1/status', { method: 'HEAD' });
  t.equal(head.status, 200);
  t.equal(head.text, '');
});
