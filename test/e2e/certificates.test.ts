/**
 * Goal: certificates as users have them: made by the README's commands, renewed under load in all the ways that there are, and
 * broken ones that change nothing.
 */

import { readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import t, { type Test } from 'tap';
import { startProxy, type TcpProxy } from '../helpers/e2e_proxy.ts';
import { succeed, temporaryFolder, tool } from '../helpers/e2e_run.ts';
import { dialThrough, type End, Pattern, Target } from '../helpers/e2e_tcp.ts';
import { sleep, until, within } from '../helpers/e2e_wait.ts';
import { authority, type Issued, issue } from '../helpers/pki.ts';

t.setTimeout(900_000);

const CA = authority('our authority');
const HERE = ['127.0.0.1'];

async function isServed(t: Test, client: TcpProxy, target: Target): Promise<void> {
  const [app, far] = await dialThrough(t, client.port, target);
  app.fin('hello');
  t.equal(await far.over(), 'FIN');
  t.equal(far.text, 'hello');
  far.fin('world');
  t.equal(await app.over(), 'FIN');
  t.equal(app.text, 'world');
}

/** The number of the certificate that a server shows to who connects now. */
function shownBy({ port }: TcpProxy): Promise<string> {
  const shown = new Promise<string>((resolve, reject) => {
    const socket = connectTls(
      { port, host: '127.0.0.1', ALPNProtocols: ['tcp-striper/1'], rejectUnauthorized: false },
      () => {
        resolve(socket.getPeerX509Certificate()?.serialNumber ?? 'none');
        socket.destroy();
      },
    );
    socket.once('error', reject);
  });
  return within(20_000, shown, 'no TLS handshake');
}

function shows(server: TcpProxy, { serial }: Issued): Promise<unknown> {
  return until(
    async () => (await shownBy(server)) === serial,
    () => `it does not show ${serial}:\n${server.text}`,
    30_000,
  );
}

/** The commands of a section of the README, and its block of them. */
function readmeCommands(section: string): string[] {
  // This file runs as dist/test/e2e/certificates.test.js.
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
  const text = readme.slice(readme.indexOf(`\n### ${section}\n`));
  const [, block = ''] = text.split(/^```$/m);
  return block.split('\n').filter((line) => line !== '');
}

t.test('the commands of the README: from nothing to both sides known to each other', async (t) => {
  tool('openssl', 'openssl');
  const cwd = temporaryFolder(t);
  const target = await Target.listen(t);
  const commands = readmeCommands('Certificates');
  const proxies: TcpProxy[] = [];
  let made = 0;
  for (const command of commands) {
    if (command.startsWith('openssl')) {
      await succeed(t, 'sh', ['-c', command], { cwd });
      made++;
      continue;
    }
    const [, mode, ...words] = command.split(' ') as [string, string, ...string[]];
    t.equal(words[0], mode === '-s' ? '0.0.0.0:22222' : '0.0.0.0:11111');
    // Files are where the commands before have put them.
    const options = words.slice(words.findIndex((word) => word.startsWith('--')));
    const files = options.map((word) => (word.startsWith('--') ? word : join(cwd, word)));
    const to = mode === '-s' ? [`127.0.0.1:${target.port}`] : [`127.0.0.1:${proxies[0]?.port}`];
    // As if the machine had that name.
    const name = mode === '-c' ? ['--tls-name', words[1] as string] : [];
    proxies.push(await startProxy(t, [mode, '127.0.0.1:0', ...to, ...files, ...name]));
  }
  t.equal(made, 3);
  const [server, client] = proxies as [TcpProxy, TcpProxy];
  await isServed(t, client, target);
  const text = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
  const pinCommand = /`(openssl x509 -in server\.crt [^`]+)`/.exec(text)?.[1] ?? 'false';
  const pin = (await succeed(t, 'sh', ['-c', pinCommand], { cwd })).trim();
  t.ok(server.text.includes(`pin sha256/${pin}`), 'the pin that openssl finds is the one that is said');
  const pinned = await startProxy(t, [
    '-c',
    '127.0.0.1:0',
    `127.0.0.1:${server.port}`,
    ...['--tls-pin', `sha256/${pin}`],
    ...['--tls-cert', join(cwd, 'client1.crt'), '--tls-key', join(cwd, 'client1.key')],
  ]);
  await isServed(t, pinned, target);
  const nobody = ['-c', '127.0.0.1:0', `127.0.0.1:${server.port}`, '--tls-pin', `sha256/${pin}`];
  const stranger = await startProxy(t, nobody);
  await stranger.line(/error .* refuses: the server \(-s\) wants a certificate of the client \(-c\)/);
  await server.line(/is refused: the server \(-s\) wants a certificate of the client \(-c\)/);
  t.equal(target.count, 2);
});

/** Sends all the time, until it is told to end; the other end compares. */
function flow(t: Test, app: End, far: End): { finish: () => Promise<void> } {
  const pattern = new Pattern();
  far.expected = pattern;
  let sent = 0;
  let over = false;
  const send = async () => {
    while (!over) {
      const piece = pattern.at(sent, 65_536);
      sent += piece.length;
      if (!app.socket.write(piece)) await new Promise((resolve) => app.socket.once('drain', resolve));
      // Enough to be hit by whatever happens, and less than a machine can do.
      await sleep(5);
    }
    app.fin();
  };
  const sending = send();
  return {
    async finish() {
      over = true;
      await sending;
      t.equal(await far.over(60_000), 'FIN');
      t.equal(far.received, sent);
      t.equal(far.wrongAt, -1, 'every byte is right');
      far.fin();
      t.equal(await app.over(), 'FIN');
    },
  };
}

t.test('renewed under load: written, renamed into place, by a link, at SIGHUP; and broken', async (t) => {
  const folder = temporaryFolder(t);
  const target = await Target.listen(t);
  // As Kubernetes has it: the files are links through a link that is switched.
  const version = async (name: string, { cert, keyPem }: Issued) => {
    const place = join(folder, name);
    await mkdir(place);
    writeFileSync(join(place, 'tls.crt'), cert, { mode: 0o644 });
    writeFileSync(join(place, 'tls.key'), keyPem, { mode: 0o600 });
    symlinkSync(name, join(folder, '..data-new'));
    renameSync(join(folder, '..data-new'), join(folder, '..data'));
  };
  const [first, second, third, fourth, fifth] = Array.from({ length: 5 }, () =>
    issue({ name: 'server', alt: HERE }, CA),
  ) as [Issued, Issued, Issued, Issued, Issued];
  await version('1', first);
  for (const name of ['tls.crt', 'tls.key']) symlinkSync(`..data/${name}`, join(folder, name));
  const ca = join(folder, 'ca.crt');
  writeFileSync(ca, CA.cert);
  const own = issue({ name: 'client' }, CA);
  const clientFile = join(folder, 'client.pem');
  writeFileSync(clientFile, own.cert + own.keyPem, { mode: 0o600 });
  const files = ['--tls-cert', join(folder, 'tls.crt'), '--tls-key', join(folder, 'tls.key')];
  const server = await startProxy(t, [
    ...['-s', '127.0.0.1:0', `127.0.0.1:${target.port}`],
    ...files,
    ...['--tls-client-ca', ca],
  ]);
  const client = await startProxy(t, [
    ...['-c', '127.0.0.1:0', `127.0.0.1:${server.port}`],
    ...['--tls-ca', ca, '--tls-cert', clientFile],
  ]);
  await shows(server, first);
  const [app, far] = await dialThrough(t, client.port, target);
  const { finish } = flow(t, app, far);
  const flows = async () => {
    const before = far.received;
    await until(
      () => far.received > before + 1_000_000,
      () => `nothing flows any more:\n${client.text}\n${server.text}`,
      30_000,
    );
  };
  await flows();

  await version('2', second);
  await shows(server, second);
  await server.line(
    new RegExp(`TLS, read again: shows the certificate of server, .*serial ${second.serial}`),
  );
  await flows();

  // As certbot has it: others in the place of the links, one by one.
  const replace = (name: string, text: string) => {
    writeFileSync(join(folder, `${name}.new`), text, { mode: 0o600 });
    renameSync(join(folder, `${name}.new`), join(folder, name));
  };
  replace('tls.key', third.keyPem);
  replace('tls.crt', third.cert);
  await shows(server, third);
  await flows();

  // Written over.
  writeFileSync(join(folder, 'tls.key'), fourth.keyPem);
  writeFileSync(join(folder, 'tls.crt'), fourth.cert);
  server.child.kill('SIGHUP');
  await shows(server, fourth);
  await flows();

  let from = server.lines.length;
  replace('tls.crt', fifth.cert);
  await server.line(
    /warn .*--tls-cert \S+tls\.crt does not fit the private key: .*; the certificates from before stay/,
    from,
  );
  await shows(server, fourth);
  from = server.lines.length;
  rmSync(join(folder, 'tls.key'));
  server.child.kill('SIGHUP');
  await server.line(
    /warn .*--tls-key \S+tls\.key: there is no such file; the certificates from before stay/,
    from,
  );
  await shows(server, fourth);
  await flows();
  replace('tls.key', fifth.keyPem);
  await shows(server, fifth);

  // The client's, too; it is the same client as before, and its new connections join the old session.
  from = client.lines.length;
  const renewed = issue({ name: 'client' }, CA);
  writeFileSync(clientFile, renewed.cert + renewed.keyPem);
  await client.line(new RegExp(`TLS, read again: .*serial ${renewed.serial}`), from);
  await flows();
  await finish();
  await isServed(t, client, target);
  for (const proxy of [server, client]) t.equal(proxy.count(/lost/), 0);
  for (const proxy of [client, server]) t.equal(await proxy.end(), 0);
});
