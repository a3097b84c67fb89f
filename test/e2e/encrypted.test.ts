/** Goal: who sits between the two sees nothing, changes nothing, and cannot keep clients out by shouting at the door. */

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import t, { type Test } from 'tap';
import { newKey } from '../../src/cli/key_file.ts';
import { startProxy, type TcpProxy } from '../helpers/e2e_proxy.ts';
import { run, temporaryFolder, tool } from '../helpers/e2e_run.ts';
import { startSshd } from '../helpers/e2e_sshd.ts';
import { dial, dialThrough, Target } from '../helpers/e2e_tcp.ts';
import { sleep, until } from '../helpers/e2e_wait.ts';
import { Wiretap } from '../helpers/wiretap.ts';

t.setTimeout(900_000);

const SECRET = 'what nobody but the two may know. ';

interface Pair {
  readonly client: TcpProxy;
  readonly server: TcpProxy;
  readonly tap: Wiretap;
}

async function pair(t: Test, target: string, args: string[] = [], backend = 'native'): Promise<Pair> {
  const key = join(temporaryFolder(t), 'key');
  writeFileSync(key, newKey(), { mode: 0o600 });
  const env = { TCP_STRIPER_BACKEND: backend };
  const server = await startProxy(t, ['-s', '127.0.0.1:0', target, '--key', key, ...args], { env });
  const tap = await Wiretap.listen(t, server.port);
  const client = await startProxy(t, ['-c', '127.0.0.1:0', `127.0.0.1:${tap.port}`, '--key', key, ...args], {
    env,
  });
  return { client, server, tap };
}

/** Sends it there and back. */
async function isServed(t: Test, client: TcpProxy, target: Target, words: string): Promise<void> {
  const [app, far] = await dialThrough(t, client.port, target);
  app.fin(words);
  t.equal(await far.over(), 'FIN');
  t.equal(far.received, words.length);
  far.fin(words);
  t.equal(await app.over(), 'FIN');
  t.equal(app.received, words.length);
}

for (const backend of ['native', 'portable']) {
  t.test(`what is on the wire, ${backend}`, async (t) => {
    const target = await Target.listen(t);
    const words = SECRET.repeat(30_000);
    for (const [args, heard] of [
      [[], false],
      [['--no-encrypt'], true],
    ] as const) {
      const { client, server, tap } = await pair(t, `127.0.0.1:${target.port}`, [...args], backend);
      await isServed(t, client, target, words);
      t.ok(tap.bytes > 2 * words.length, `${tap.bytes} bytes passed`);
      t.equal(tap.hears(SECRET.trim()), heard, args.join(' '));
      t.equal(tap.hears('TSTR'), heard, 'nor is the handshake seen');
      for (const proxy of [client, server]) t.equal(await proxy.end(), 0);
    }
  });
}

t.test('ssh through an encrypted pair', async (t) => {
  const ssh = tool('ssh', 'openssh-client');
  const sshd = await startSshd(t, t.testdir({}));
  const { client, tap } = await pair(t, `127.0.0.1:${sshd.port}`);
  const args = ['-p', `${client.port}`, ...sshd.options, `${sshd.user}@localhost`];
  const done = await run(t, ssh, [...args, 'cat; echo oops >&2; exit 42'], { input: 'over there\n' });
  t.same([done.code, done.out, done.err], [42, 'over there\n', 'oops\n']);
  t.ok(tap.bytes > 5000);
  t.notOk(tap.hears('SSH-2.0'), 'not even that it is ssh');
});

t.test('bits that are changed on the way: connections are lost for it, and no byte is wrong', async (t) => {
  const target = await Target.listen(t);
  const { client, server, tap } = await pair(t, `127.0.0.1:${target.port}`);
  let changed = 0;
  tap.change = (bytes, before) => {
    // Not in handshakes, so that there is a way back; and not for ever.
    if (changed >= 8 || before < 200_000 || before > 400_000) return;
    const at = bytes.length >> 1;
    bytes[at] = (bytes[at] as number) ^ 1;
    changed++;
  };
  const words = randomBytes(6_000_000).toString('hex');
  const [app, far] = await dialThrough(t, client.port, target);
  let got = '';
  far.socket.on('data', (data: Buffer) => {
    got += data.toString('latin1');
  });
  app.fin(words);
  t.equal(await far.over(60_000), 'FIN');
  t.ok(got === words, 'every byte is right');
  t.ok(changed > 0, `${changed} bits were changed`);
  await until(
    () => [client, server].some((proxy) => proxy.count(/changed on the way/) > 0),
    () => `nobody says why:\n${client.text}\n${server.text}`,
  );
});

t.test('1,000 strangers who speak TLS, or nearly', async (t) => {
  const target = await Target.listen(t);
  const { client, server } = await pair(t, `127.0.0.1:${target.port}`);
  await isServed(t, client, target, 'before');
  const before = server.rssKb;
  const hello = Buffer.from('16030100f8010000f40303', 'hex');
  for (let round = 0; round < 10; round++) {
    const strangers = await Promise.all(Array.from({ length: 100 }, () => dial(t, server.port)));
    for (const [i, stranger] of strangers.entries()) {
      if (i % 4 === 0) stranger.write(Buffer.concat([hello, randomBytes(237)]));
      else if (i % 4 === 1) stranger.write(Buffer.concat([hello, Buffer.alloc(237)]));
      else if (i % 4 === 2) stranger.write(hello);
      else stranger.write(Buffer.concat([Buffer.from('1603010005010000', 'hex'), randomBytes(2000)]));
    }
    await sleep(100);
    for (const stranger of strangers) stranger.reset();
  }
  await isServed(t, client, target, 'after');
  t.equal(target.count, 2);
  t.ok(server.count(/is refused|ended:/) < 50, `${server.count(/is refused|ended:/)} lines`);
  t.ok(server.rssKb - before < 150_000, `memory went from ${before} to ${server.rssKb} KB`);
  t.equal(await server.end(), 0);
});

t.test('a client of another kind that does speak TLS', async (t) => {
  const target = await Target.listen(t);
  const { server } = await pair(t, `127.0.0.1:${target.port}`);
  const browser = connectTls({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false });
  await new Promise((resolve) => browser.once('error', resolve));
  await server.line(/is refused: it speaks TLS, but not as a tcp-proxy with a key does/);
  t.equal(target.count, 0);
});
