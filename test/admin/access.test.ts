/** Goal: who may not ask is not answered: strangers on the network, pages of other sites, and names that lead here. */
import { connect } from 'node:net';
import t from 'tap';
import { CHANGE, call } from '../helpers/admin_call.ts';
import { watch } from '../helpers/admin_side.ts';
import { until } from '../helpers/e2e_wait.ts';

type Headers = Readonly<Record<string, string>>;

const TOKEN = 'a-token-of-many-letters';
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const basic = (pair: string) => ({ Authorization: `Basic ${Buffer.from(pair).toString('base64')}` });
const CLOSE = '/api/v1/connections/c1/close';

t.test('without a token the Host has to be ours', async (t) => {
  const { port } = await watch(t, () => []);
  const hosts = [
    'localhost',
    `localhost:${port}`,
    '127.0.0.1',
    `127.0.0.1:${port}`,
    `[::1]:${port}`,
    '192.0.2.1:80',
    'LOCALHOST',
  ];
  for (const Host of hosts)
    t.equal((await call(port, '/api/v1/build', { headers: { Host } })).status, 200, Host);
  const others = [
    'evil.example',
    `evil.example:${port}`,
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'a]b',
    '[evil]:1',
    '127.0.0.1:1:2',
    'localhost@evil',
  ];
  for (const Host of others) t.equal((await call(port, '/metrics', { headers: { Host } })).status, 421, Host);
});

t.test('a token has to be shown on everything but the probes', async (t) => {
  const { port, server } = await watch(t, () => [], TOKEN);
  const right: Headers[] = [
    bearer(TOKEN),
    basic(`:${TOKEN}`),
    basic(`admin:${TOKEN}`),
    { Authorization: `bearer  ${TOKEN}` },
  ];
  for (const headers of right)
    t.equal((await call(port, '/api/v1/build', { headers })).status, 200, JSON.stringify(headers));
  const wrong: Headers[] = [
    {},
    bearer(''),
    bearer(TOKEN.slice(1)),
    bearer(`${TOKEN}x`),
    bearer(TOKEN.toUpperCase()),
    basic(TOKEN),
    basic(`${TOKEN}:`),
    { Authorization: TOKEN },
    { Authorization: `Digest ${TOKEN}` },
    { Authorization: 'Basic !!!' },
    { Cookie: `token=${TOKEN}` },
  ];
  for (const headers of wrong) {
    const reply = await call(port, `/api/v1/build?token=${TOKEN}`, { headers });
    t.equal(reply.status, 401, JSON.stringify(headers));
    t.match(reply.headers['www-authenticate'], /^Basic realm=/);
    t.notMatch(reply.text, TOKEN);
  }
  for (const { method, path } of server.routes) {
    const status = (await call(port, path.replaceAll(/\{\w+\}/g, '1'), { method, headers: CHANGE })).status;
    t.equal(status === 401, !['/healthz', '/readyz'].includes(path), `${method} ${path}: ${status}`);
  }
  t.equal((await call(port, '/no/such/route')).status, 401, 'nor does it say what there is');
  t.equal(
    (await call(port, '/api/v1/build', { headers: { ...bearer(TOKEN), Host: 'proxy.example' } })).status,
    200,
  );
});

t.test('an order of another site is refused', async (t) => {
  const open = await watch(t, () => []);
  const locked = await watch(t, () => [], TOKEN);
  const order = async (port: number, headers: Headers = {}) =>
    (await call(port, CLOSE, { method: 'POST', headers })).status;
  // 404: it may ask, and there is no such connection.
  t.equal(await order(open.port, CHANGE), 404);
  t.equal(
    await order(open.port, {
      ...CHANGE,
      'Sec-Fetch-Site': 'same-origin',
      Origin: `http://127.0.0.1:${open.port}`,
    }),
    404,
  );
  t.equal(await order(open.port), 403, 'a form of another page');
  t.equal(await order(open.port, bearer('anything at all')), 403, 'a token that nobody asked for');
  t.equal(await order(open.port, { ...CHANGE, 'Sec-Fetch-Site': 'cross-site' }), 403);
  t.equal(await order(open.port, { ...CHANGE, 'Sec-Fetch-Site': 'same-site' }), 403);
  t.equal(await order(open.port, { ...CHANGE, Origin: 'http://evil.example' }), 403);
  t.equal(await order(open.port, { ...CHANGE, Origin: 'null' }), 403);
  t.equal(await order(locked.port, bearer(TOKEN)), 404);
  t.equal(await order(locked.port, basic(`:${TOKEN}`)), 403, 'browsers show a password by themselves');
  t.equal(await order(locked.port, { ...CHANGE, ...basic(`:${TOKEN}`) }), 404);
  const preflight = await call(open.port, CLOSE, {
    method: 'OPTIONS',
    headers: { Origin: 'http://evil.example' },
  });
  t.equal(preflight.status, 403);
  t.equal(preflight.headers['access-control-allow-origin'], undefined);
});

t.test('what it takes is bounded', async (t) => {
  const { port } = await watch(t, () => []);
  t.equal((await call(port, '/api/v1/build', { headers: { X: 'y'.repeat(9000) } })).status, 431);
  await t.rejects(
    call(port, CLOSE, { method: 'POST', headers: CHANGE, body: 'x'.repeat(1 << 20) }),
    'a body is cut off',
  );
  for (const words of [
    'GET /\u0001 HTTP/1.1\r\n\r\n',
    'nonsense\r\n\r\n',
    'GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n',
  ]) {
    const answer = await said(port, words);
    t.match(answer, /^HTTP\/1\.1 (400|404) /, JSON.stringify(words));
  }
  t.equal((await call(port, '/api/v1/connections/%ff%fe')).status, 400);
  t.equal((await call(port, '/healthz')).status, 200, 'and it goes on');
});

t.test('more than 64 connections are not served, and those that are go on', async (t) => {
  const { port } = await watch(t, () => []);
  const sockets = Array.from({ length: 80 }, () => connect(port, '127.0.0.1'));
  let closed = 0;
  for (const socket of sockets) {
    socket.on('error', () => {});
    socket.on('close', () => closed++);
    socket.resume();
  }
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
  });
  await until(
    () => closed === 16,
    () => `${closed} closed`,
  );
  for (const socket of sockets.filter(({ destroyed }) => !destroyed).slice(0, 1)) socket.destroy();
  await until(
    async () => {
      try {
        return (await call(port, '/healthz')).status === 200;
      } catch {
        return false;
      }
    },
    () => 'it serves nobody any more',
  );
});

/** The answer to something that no HTTP client would say. */
function said(port: number, words: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(words));
    socket.on('data', (piece) => {
      text += piece;
      if (text.includes('\r\n\r\n')) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}
