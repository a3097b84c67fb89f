/** Goal: an operator sees a running pair through --admin, and can meddle with it, without an app noticing. */
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { CHANGE, call, EventReader } from '../helpers/admin_call.ts';
import { COMMAND, startProxy, TcpProxy } from '../helpers/e2e_proxy.ts';
import { background, run, succeed, temporaryFolder, tool } from '../helpers/e2e_run.ts';
import { until } from '../helpers/e2e_wait.ts';

function adminPort(proxy: TcpProxy): number {
  const port = /admin server at http:\/\/127\.0\.0\.1:(\d+)\//.exec(proxy.text)?.[1];
  if (port === undefined) throw new Error(`no admin server in:\n${proxy.text}`);
  return Number(port);
}

/** Sends back what it gets. */
async function echo(t: Test): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

async function pair(t: Test) {
  const target = await echo(t);
  const far = await startProxy(t, ['-s', '127.0.0.1:0', `127.0.0.1:${target}`, '--admin', '0']);
  const near = await startProxy(t, ['-c', '127.0.0.1:0', `127.0.0.1:${far.port}`, '--admin', '127.0.0.1:0']);
  const [nearAdmin, farAdmin] = [adminPort(near), adminPort(far)];
  await until(
    async () => (await carriersOf(nearAdmin)).every(({ state }) => state === 'open'),
    () => `carriers do not come:\n${near.text}`,
  );
  return { near, far, nearAdmin, farAdmin };
}

async function carriersOf(port: number): Promise<{ index: number; id: number | null; state: string }[]> {
  return (await call(port, '/api/v1/carriers')).json.carriers;
}

async function app(t: Test, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function exchange(socket: Socket, text: string): Promise<string> {
  let answer = '';
  socket.setEncoding('utf8');
  const done = new Promise<string>((resolve, reject) => {
    socket.on('data', (piece) => {
      answer += piece;
      if (answer.length >= text.length) resolve(answer);
    });
    socket.once('close', () => reject(new Error(`closed after ${answer.length} bytes`)));
  });
  socket.write(text);
  const result = await done;
  socket.removeAllListeners('data');
  socket.removeAllListeners('close');
  return result;
}

t.test('the status says what goes through, on both sides', async (t) => {
  const { near, far, nearAdmin, farAdmin } = await pair(t);
  const socket = await app(t, near.port);
  t.equal(await exchange(socket, 'x'.repeat(1000)), 'x'.repeat(1000));
  for (const [port, proxy, mode] of [
    [nearAdmin, near, 'client'],
    [farAdmin, far, 'server'],
  ] as const) {
    const { json: status } = await call(port, '/api/v1/status');
    t.match(status, { mode, backend: /native|portable/, pid: proxy.pid, connectionsOmitted: 0 });
    t.match(status.totals, { connections: 1, open: 1, failed: 0, bytesForward: 1000, bytesBackward: 1000 });
    t.same(status.listen, [`127.0.0.1:${proxy.port}`]);
    t.equal(status.trunks.length, 1);
    t.match(status.trunks[0], { id: 't1', streams: 1, dataBytes: 1000 });
    t.same(
      status.trunks[0].carriers.map(({ index }: { index: number }) => index),
      [0, 1, 2, 3],
    );
    for (const { local, remote } of status.trunks[0].carriers) {
      t.match(local, /^127\.0\.0\.1:\d+$/);
      t.match(remote, /^127\.0\.0\.1:\d+$/);
    }
    t.match(status.connections, [{ id: 'c1', state: 'open', bytesForward: 1000, windowBytes: Number }]);
  }
  t.equal((await call(nearAdmin, '/readyz')).status, 200);
});

t.test('a carrier is dialled again and drained, and the app goes on', async (t) => {
  const { near, nearAdmin, farAdmin } = await pair(t);
  const reader = new EventReader(nearAdmin);
  t.teardown(() => reader.close());
  await until(
    () => reader.named('status').length > 0,
    () => 'no status comes',
  );
  const socket = await app(t, near.port);
  t.equal(await exchange(socket, 'one'), 'one');

  const before = (await carriersOf(nearAdmin))[1]?.id;
  t.equal(
    (await call(nearAdmin, '/api/v1/carriers/t1/1/redial', { method: 'POST', headers: CHANGE })).status,
    200,
  );
  await until(
    async () => {
      const carrier = (await carriersOf(nearAdmin))[1];
      return carrier?.state === 'open' && carrier.id !== before;
    },
    () => `it is not dialled again:\n${near.text}`,
  );
  t.equal(await exchange(socket, 'two'), 'two');

  t.equal(
    (await call(nearAdmin, '/api/v1/carriers/t1/2/drain', { method: 'POST', headers: CHANGE })).status,
    200,
  );
  await until(
    async () => (await carriersOf(farAdmin)).length === 3,
    () => `it does not leave:\n${near.text}`,
  );
  t.equal((await carriersOf(nearAdmin)).find(({ index }) => index === 2)?.state, 'drained');
  t.equal(await exchange(socket, 'three'), 'three');
  t.equal(
    (await call(nearAdmin, '/api/v1/carriers/t1/2/redial', { method: 'POST', headers: CHANGE })).status,
    200,
  );
  await until(
    async () => (await carriersOf(nearAdmin))[2]?.state === 'open',
    () => `it does not come back:\n${near.text}`,
  );
  t.equal(await exchange(socket, 'four'), 'four');

  const told = reader.named('carrier').map(({ index, what }) => `${index} ${what}`);
  for (const what of ['1 lost', '1 dialling', '1 joined', '2 closed', '2 dialling', '2 joined'])
    t.ok(told.includes(what), `${what} is among ${told.join(', ')}`);
  t.match(reader.named('connection')[0], { id: 'c1', what: 'begun' });
});

t.test('the last carrier that is up is not drained', async (t) => {
  const { nearAdmin } = await pair(t);
  const drain = (index: number) =>
    call(nearAdmin, `/api/v1/carriers/t1/${index}/drain`, { method: 'POST', headers: CHANGE });
  for (const index of [0, 1, 2]) t.equal((await drain(index)).status, 200);
  const last = await drain(3);
  t.equal(last.status, 409);
  t.match(last.json.error, /the only one that is up/);
  t.equal((await drain(4)).status, 404);
});

t.test('a connection is closed by its id: the app sees a reset', async (t) => {
  const { near, nearAdmin } = await pair(t);
  const socket = await app(t, near.port);
  t.equal(await exchange(socket, 'one'), 'one');
  let code = '';
  socket.on('error', (error: NodeJS.ErrnoException) => {
    code = error.code ?? '';
  });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.resume();
  t.equal(
    (await call(nearAdmin, '/api/v1/connections/c1/close', { method: 'POST', headers: CHANGE })).status,
    200,
  );
  await closed;
  t.equal(code, 'ECONNRESET');
  t.match(near.text, /c1 closed .* closed by an operator/);
  t.equal(
    (await call(nearAdmin, '/api/v1/connections/c1/close', { method: 'POST', headers: CHANGE })).status,
    404,
  );
});

t.test('curl needs the token where there is one', async (t) => {
  const curl = tool('curl', 'curl');
  const file = join(temporaryFolder(t), 'token');
  writeFileSync(file, 'a-token-of-many-letters\n', { mode: 0o600 });
  const proxy = await startProxy(t, [
    '-r',
    '127.0.0.1:0',
    '127.0.0.1:9',
    '--admin',
    '127.0.0.1:0',
    '--admin-token',
    file,
  ]);
  const url = `http://127.0.0.1:${adminPort(proxy)}`;
  const refused = await run(t, curl, ['-sS', '--fail', `${url}/api/v1/status`]);
  t.not(refused.code, 0);
  const status = JSON.parse(
    await succeed(t, curl, ['-sS', '--fail', '-u', ':a-token-of-many-letters', `${url}/api/v1/status`]),
  );
  t.match(status, { mode: 'relay', trunks: [], memory: { capacityBytes: null } });
  t.equal(await succeed(t, curl, ['-sS', '--fail', `${url}/healthz`]), 'ok\n', 'probes need none');
  t.notMatch(JSON.stringify(status), /a-token-of/, 'and it is not shown');

  chmodSync(file, 0o644);
  const open = new TcpProxy(t, ['-r', '127.0.0.1:0', '127.0.0.1:9', '--admin', '0', '--admin-token', file]);
  t.equal(await open.exited, 2);
  t.match(open.text, /others may read or change it: chmod 600/);
});

t.test('an address that others can reach asks for a token', async (t) => {
  const proxy = new TcpProxy(t, ['-r', '127.0.0.1:0', '127.0.0.1:9', '--admin', '0.0.0.0:0']);
  t.equal(await proxy.exited, 2);
  t.match(proxy.text, /--admin 0\.0\.0\.0:0 can be reached from other machines, so it needs a token/);
});

t.test('it ends with nothing left behind, readers or not', async (t) => {
  const { near, far, nearAdmin, farAdmin } = await pair(t);
  const readers = [new EventReader(nearAdmin), new EventReader(farAdmin)];
  await until(
    () => readers.every((reader) => reader.named('status').length > 1),
    () => 'no status comes',
  );
  t.equal(await near.end(), 0);
  t.equal(await far.end(), 0);
  await until(
    () => readers.every(({ over }) => over),
    () => 'a reader still waits',
  );
});

t.test('top prints once where there is no terminal, and says what is wrong', async (t) => {
  const { near, nearAdmin } = await pair(t);
  const socket = await app(t, near.port);
  t.equal(await exchange(socket, 'one'), 'one');
  const shown = await run(t, process.execPath, [COMMAND, 'top', `http://127.0.0.1:${nearAdmin}/`]);
  t.equal(shown.code, 0);
  t.match(shown.out, /tcp-proxy client on .* 1 open, 1 served/);
  for (const place of ['k0', 'k1', 'k2', 'k3']) t.match(shown.out, new RegExp(`^ +${place} +open `, 'm'));
  t.match(shown.out, /^ +c1 .* open > open /m);
  t.notMatch(shown.out, /\u001b/, 'no control sequences');

  const nobody = await run(t, process.execPath, [COMMAND, 'top', '127.0.0.1:1']);
  t.equal(nobody.code, 1);
  t.match(nobody.err, /cannot ask 127\.0\.0\.1:1: .*ECONNREFUSED.* \(is there a tcp-proxy with --admin/);
});

t.test('top lives on a terminal until q, and leaves it as it was', async (t) => {
  const { nearAdmin } = await pair(t);
  const script = tool('script', 'bsdutils');
  const command = `stty rows 30 cols 100; "${process.execPath}" "${COMMAND}" top ${nearAdmin}; echo code $?; stty -a`;
  const child = background(t, script, ['-qec', command, '/dev/null']);
  let out = '';
  child.stdout?.on('data', (data) => {
    out += data;
  });
  const drawn = () => out.split('\u001b[H').length - 1;
  await until(
    () => drawn() >= 3,
    () => `it does not go on:\n${JSON.stringify(out)}`,
  );
  child.stdin?.write('q');
  await once(child, 'exit');
  t.match(out, /\u001b\[\?1049h/, 'a screen of its own');
  t.match(out, /k3 +open/);
  t.match(out, /\u001b\[\?1049l.*code 0/s, 'which it leaves');
  t.match(out, /[^-]icanon/, 'with lines as before');
});
