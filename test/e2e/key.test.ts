/** Goal: with a key, only who has it gets to the target; everybody else costs little and is told why. */

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { newKey } from '../../src/cli/key_file.ts';
import { COMMAND, startProxy, type TcpProxy } from '../helpers/e2e_proxy.ts';
import { freePort, run, temporaryFolder } from '../helpers/e2e_run.ts';
import { dial, dialThrough, type End, Target } from '../helpers/e2e_tcp.ts';
import { sleep, until } from '../helpers/e2e_wait.ts';

t.setTimeout(900_000);

const HELLO = Buffer.from(`4c5453545201010300${'11'.repeat(52)}${'00'.repeat(16)}`, 'hex');
const PROOF = Buffer.from(`285453545203010000${'22'.repeat(32)}`, 'hex');

function keyFile(t: Test, text = newKey()): string {
  const path = join(temporaryFolder(t), 'key');
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

interface World {
  readonly target: Target;
  readonly key: string;
  readonly server: TcpProxy;
  client(...args: string[]): Promise<TcpProxy>;
}

async function world(t: Test, ...serverArgs: string[]): Promise<World> {
  const target = await Target.listen(t);
  const key = keyFile(t);
  const server = await startProxy(t, [
    '-s',
    '127.0.0.1:0',
    `127.0.0.1:${target.port}`,
    ...(serverArgs.length > 0 ? serverArgs : ['--key', key]),
  ]);
  return {
    target,
    key,
    server,
    client: (...args) => startProxy(t, ['-c', '127.0.0.1:0', `127.0.0.1:${server.port}`, ...args]),
  };
}

async function isServed(t: Test, client: TcpProxy, target: Target): Promise<void> {
  const [app, far] = await dialThrough(t, client.port, target);
  app.fin('hello');
  t.equal(await far.over(), 'FIN');
  t.equal(far.text, 'hello');
  far.fin('world');
  t.equal(await app.over(), 'FIN');
  t.equal(app.text, 'world');
}

/** An app is told at once. */
async function isTurnedAway(t: Test, client: TcpProxy, words: RegExp): Promise<void> {
  await client.line(new RegExp(`error .*${words.source}`));
  const app = await dial(t, client.port);
  t.equal(await app.over(3000), 'ECONNRESET');
  await client.line(new RegExp(`failed after \\d+ms: .*${words.source}`));
}

t.test('keygen: a file that both sides take, and no second one over it', async (t) => {
  const file = join(temporaryFolder(t), 'a.key');
  const made = await run(t, process.execPath, [COMMAND, 'keygen', file]);
  t.equal(made.code, 0);
  t.match(made.out, /copy it to the other side/);
  t.equal(statSync(file).mode & 0o777, 0o600);
  const text = readFileSync(file, 'latin1');
  const again = await run(t, process.execPath, [COMMAND, 'keygen', file]);
  t.equal(again.code, 1);
  t.match(again.err, /exists already/);
  t.equal(readFileSync(file, 'latin1'), text);
  const printed = await run(t, process.execPath, [COMMAND, 'keygen']);
  t.match(printed.out, /^tcpstriper1_[0-9a-f]{72}\n$/);
  const { target, client } = await world(t, '--key', file);
  await isServed(t, await client('-n', '2', '--key', file), target);
});

t.test('a bad key file: exit code 2 before anything starts', async (t) => {
  const place = temporaryFolder(t);
  for (const [file, words] of [
    [join(place, 'none'), /there is no such file/],
    [place, /is a directory/],
    [keyFile(t, ''), /is empty/],
    [keyFile(t, 'x'.repeat(1 << 20)), /more than 4096 bytes/],
  ] as const) {
    const { code, err } = await run(t, process.execPath, [COMMAND, '-s', '0', '80', '--key', file]);
    t.equal(code, 2);
    t.match(err, words);
  }
});

t.test('the same key: apps are served, and the key is in no log', async (t) => {
  const { target, key, server, client } = await world(t);
  const near = await client('-n', '4', '--key', key, '--log-level', 'debug');
  await isServed(t, near, target);
  const secret = readFileSync(key, 'latin1').slice(12, 44);
  for (const proxy of [server, near]) t.notMatch(proxy.text, secret);
});

t.test('another key: in words on both sides, and the target hears nothing', async (t) => {
  const { target, server, client } = await world(t);
  const near = await client('-n', '2', '--key', keyFile(t));
  await isTurnedAway(t, near, /the keys differ: give both sides the same --key file/);
  await near.line(new RegExp(`error 127\\.0\\.0\\.1:${server.port}: the keys differ`));
  await server.line(/warn .*a connection from 127\.0\.0\.1:\d+ is refused: the keys differ/);
  t.equal(target.count, 0);
});

t.test('a key on one side only', async (t) => {
  const open = await world(t, '-n', '1');
  const alone = /the client \(-c\) speaks TLS, as with --key or --tls-ca; the server \(-s\) has no key/;
  await isTurnedAway(t, await open.client('-n', '2', '--key', open.key), alone);
  await open.server.line(/is refused: the client \(-c\) speaks TLS, as with --key/);
  const keyed = await world(t);
  await isTurnedAway(t, await keyed.client('-n', '2'), /the server \(-s\) has a key/);
  t.same([open.target.count, keyed.target.count], [0, 0]);
});

t.test('the classic framing to a server with a key', async (t) => {
  const { target, server, client } = await world(t);
  const near = await client('-n', '0');
  const app = await dial(t, near.port);
  t.equal(await app.over(5000), 'ECONNRESET');
  await server.line(/is refused: .*it speaks the classic framing \(-n 0\)/);
  await near.line(/could not reach its target, or takes striped connections only \(-n above 0, or --key\)/);
  t.equal(target.count, 0);
});

t.test('striping to a server that does not: with a key or without, and that is what it says', async (t) => {
  const { target, key, server, client } = await world(t, '-n', '0');
  const words = /refuses: the server \(-s -n 0\) does not stripe: leave out its -n 0/;
  for (const args of [[], ['--key', key]]) {
    const near = await client('-n', '2', ...args);
    await isTurnedAway(t, near, words);
    t.notMatch(near.text, /connections wait/, 'nobody waits');
  }
  await server.line(/is refused: .*does not stripe/);
  t.equal(target.count, 0);
});

t.test('one server, both framings', async (t) => {
  const target = await Target.listen(t);
  const server = await startProxy(t, ['-s', '127.0.0.1:0', `127.0.0.1:${target.port}`]);
  for (const n of ['0', '1', '4']) {
    const near = await startProxy(t, ['-c', '127.0.0.1:0', `127.0.0.1:${server.port}`, '-n', n]);
    await isServed(t, near, target);
    // The target speaks first. Nobody waits for the 1 s of silence by which a classic client is told: a busy machine may
    // be as slow once, but not always.
    let quick = false;
    for (let tries = 0; tries < 20 && !quick; tries++) {
      const [app, far] = await dialThrough(t, near.port, target);
      const begun = performance.now();
      far.write('220 ready');
      await app.has(9);
      quick = performance.now() - begun < 900;
      app.reset();
      await far.over();
    }
    t.ok(quick, `-n ${n}`);
  }
  // A classic client that waits for the target's words, and says nothing before.
  const silent = await dial(t, server.port);
  (await target.next()).write('220 ready');
  await silent.has(10);
  t.equal(silent.text, '\t220 ready');
});

t.test('strangers of every kind: refused in words, before the target is dialled', async (t) => {
  const { target, key, server, client } = await world(t);
  for (const [bytes, words] of [
    ['GET / HTTP/1.1\r\nHost: example.org\r\n\r\n', /it speaks HTTP: 'GET \/ HTTP\/1\.1'/],
    ['SSH-2.0-OpenSSH_9.2\r\n', /it speaks SSH: 'SSH-2\.0-OpenSSH_9\.2'/],
    ['\x80\x80\x10', /it begins with '\\x80\\x80\\x10'/],
    ['\x03abc', /it begins with/],
    ['\xff'.repeat(100_000), /it begins with/],
  ] as const) {
    const from = server.lines.length;
    const stranger = await dial(t, server.port);
    stranger.write(Buffer.from(bytes, 'latin1'));
    t.equal(await stranger.over(3000), 'ECONNRESET');
    await server.line(new RegExp(`is refused: .*${words.source}`), from);
  }
  t.equal(target.count, 0);
  await isServed(t, await client('-n', '2', '--key', key), target);
});

t.test('a proof that is none, one that comes back, and a HELLO with a tail', async (t) => {
  const { target, server } = await world(t, '--key', keyFile(t), '--no-encrypt');
  const answer = async (second: (welcome: Buffer) => Buffer): Promise<string> => {
    const stranger = await dial(t, server.port);
    stranger.write(HELLO);
    await stranger.has(105);
    stranger.write(second(Buffer.from(stranger.text, 'latin1')));
    await stranger.over(3000);
    return stranger.text.slice(105);
  };
  const words = /^.TSTR\x04\x01\x01\0the keys differ/;
  t.match(await answer(() => PROOF), words);
  const reflected = (welcome: Buffer) => Buffer.concat([PROOF.subarray(0, 9), welcome.subarray(73)]);
  t.match(await answer(reflected), words, "the server's own proof");
  t.match(await answer((welcome) => welcome), /^$/, 'its whole WELCOME');
  t.match(await answer(() => HELLO), /^$/);
  t.equal(target.count, 0);
});

t.test('a byte a second: the limit of 5 s is from the beginning', async (t) => {
  const { server } = await world(t);
  const trickler = await dial(t, server.port);
  for (let at = 0; trickler.outcome === null && at < HELLO.length; at++) {
    trickler.write(HELLO.subarray(at, at + 1));
    await sleep(700);
  }
  t.equal(trickler.outcome, 'ECONNRESET');
  await server.line(/is refused: no handshake of a tcp-proxy that stripes within 5 s/);
});

t.test(
  '40 silent and 20 shouting strangers, and more: clients are served, the log stays short',
  async (t) => {
    const { target, key, server, client } = await world(t);
    const before = server.rssKb;
    const silent = await Promise.all(Array.from({ length: 40 }, () => dial(t, server.port)));
    let shouting = true;
    let shouts = 0;
    const shout = async () => {
      while (shouting) {
        const one = await dial(t, server.port);
        one.write(Buffer.alloc(3000, ++shouts));
        await one.over();
      }
    };
    const all = Promise.all(Array.from({ length: 20 }, shout));
    const near = await client('-n', '4', '--key', key);
    for (let i = 0; i < 20; i++) await isServed(t, near, target);
    // More silent ones than there is room for: the oldest go, and the next client still comes in.
    const crowd = await Promise.all(Array.from({ length: 300 }, () => dial(t, server.port)));
    const late = await client('-n', '4', '--key', key);
    await isServed(t, late, target);
    shouting = false;
    await all;
    t.ok(shouts > 100, `${shouts} shouts`);
    await until(
      () => [...silent, ...crowd].every(({ outcome }: End) => outcome !== null),
      () => 'silent strangers are still there',
    );
    t.ok(server.count(/is refused/) < 50, `${server.count(/is refused/)} lines`);
    t.ok(server.rssKb - before < 60_000, `memory went from ${before} to ${server.rssKb} KB`);
  },
);

t.test('somebody else answers where the peer should be', async (t) => {
  const other = await Target.listen(t);
  for (const [bytes, words] of [
    ['SSH-2.0-x\r\n', /it speaks SSH: 'SSH-2\.0-x'/],
    ['HTTP/1.1 400 Bad Request\r\n\r\n', /it speaks HTTP/],
    ['\x15\x03\x03\x00\x02\x02\x32', /it speaks TLS/],
    ['\x15SSH-2.0-OpenSSH_9.2\r\n', /it speaks the classic framing \(-n 0\), and SSH inside/],
    ['\x80\x80\x10', /it begins with/],
  ] as const) {
    other.onEnd = (end) => end.write(Buffer.from(bytes, 'latin1'));
    const near = await startProxy(t, ['-c', '127.0.0.1:0', `127.0.0.1:${other.port}`, '-n', '2']);
    await isTurnedAway(t, near, words);
    t.equal(await near.end(), 0);
  }
});

t.test('the warning of a server without a key, where others can reach it', async (t) => {
  const port = await freePort();
  const warning = /warn .*whoever reaches .* is let through to .*keygen FILE.*--key FILE/;
  for (const [args, warned] of [
    [['-s', '0.0.0.0:0', `127.0.0.1:${port}`], true],
    [['-s', '0.0.0.0:0', `127.0.0.1:${port}`, '-n', '4'], true],
    [['-s', '0.0.0.0:0', `127.0.0.1:${port}`, '-n', '0'], false],
    [['-s', '127.0.0.1:0', `127.0.0.1:${port}`], false],
    [['-s', '0.0.0.0:0', `127.0.0.1:${port}`, '--key', keyFile(t)], false],
    [['-c', '0.0.0.0:0', `127.0.0.1:${port}`, '-n', '2'], false],
  ] as const) {
    const proxy = await startProxy(t, [...args]);
    await proxy.end();
    t.equal(proxy.count(warning), warned ? 1 : 0, args.join(' '));
  }
});
