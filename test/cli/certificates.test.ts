/** Goal: certificate files are read as they are meant, read again when asked, and what is broken does not replace what works. */

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { CertificateFiles } from '../../src/cli/certificate_files.ts';
import { Certificates } from '../../src/cli/certificates.ts';
import { UsageError } from '../../src/cli/options.ts';
import { SYSTEM_AUTHORITIES, type TlsSettings } from '../../src/cli/tls_settings.ts';
import { lineLogger } from '../../src/core/log.ts';
import { temporaryFolder } from '../helpers/e2e_run.ts';
import { authority, type Issued, issue } from '../helpers/pki.ts';

const DAY = 86_400_000;
const CA = authority('ca');
const NONE: TlsSettings = {
  certFile: null,
  keyFile: null,
  caFile: null,
  clientCaFile: null,
  name: null,
  pins: [],
};

const inDays = (days: number) => new Date(Date.now() + days * DAY);

function place(t: Test): { put(name: string, text: string, mode?: number): string } {
  const folder = temporaryFolder(t);
  return {
    put(name, text, mode = 0o600) {
      const path = join(folder, name);
      writeFileSync(path, text);
      chmodSync(path, mode);
      return path;
    },
  };
}

function problem(settings: Partial<TlsSettings>): string {
  try {
    new CertificateFiles({ ...NONE, ...settings }).read({ waitMs: 0 });
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return 'none';
}

t.test('what is wrong with a file, behind its option and name', async (t) => {
  const { put } = place(t);
  const own = issue({ name: 'own' }, CA);
  const cert = put('own.crt', own.cert, 0o644);
  const key = put('own.key', own.keyPem);
  const folder = join(cert, '..', 'folder');
  mkdirSync(folder);
  for (const [settings, words] of [
    [{ certFile: cert, keyFile: key }, /^none$/],
    [{ certFile: put('both.pem', own.cert + own.keyPem) }, /^none$/],
    [{ caFile: cert }, /^none$/],
    [
      { certFile: cert },
      /^--tls-cert .*own\.crt has no private key in it: give the key's file with --tls-key$/,
    ],
    [{ certFile: key }, /^--tls-cert .*own\.key holds no certificate, but a PRIVATE KEY/],
    [{ certFile: `${cert}x`, keyFile: key }, /^--tls-cert .*own\.crtx: there is no such file$/],
    [{ certFile: cert, keyFile: folder }, /^--tls-key .*folder is a directory$/],
    [
      { certFile: cert, keyFile: cert },
      /^--tls-key .*own\.crt: others may read or change it \(mode 0644\): chmod 600/,
    ],
    [
      { certFile: put('open.pem', own.cert + own.keyPem, 0o640) },
      /^--tls-cert .*open\.pem: others may read or change/,
    ],
    [{ caFile: put('empty', '') }, /^--tls-ca .*empty holds no certificate: it is empty$/],
    [{ clientCaFile: key }, /^--tls-client-ca .*own\.key holds no certificate, but a PRIVATE KEY$/],
    [
      { certFile: cert, keyFile: put('other.key', issue({ name: 'x' }).keyPem) },
      /own\.crt does not fit the private key/,
    ],
  ] as const)
    t.match(problem(settings), words);
});

t.test('the authorities of the system', async (t) => {
  const { authorities } = new CertificateFiles({ ...NONE, caFile: SYSTEM_AUTHORITIES }).read();
  t.ok((authorities?.length ?? 0) > 50, `${authorities?.length}`);
});

t.test('a key that comes through a pipe is read once, and kept', async (t) => {
  const { put } = place(t);
  const own = issue({ name: 'own' }, CA);
  const cert = put('own.crt', own.cert);
  const pipe = join(cert, '..', 'pipe');
  execFileSync('mkfifo', [pipe]);
  const writer = execFileSync('sh', ['-c', `cat >"$0" <<'KEY' &\n${own.keyPem}KEY`, pipe], {
    stdio: 'ignore',
  });
  t.ok(writer === null || writer.length === 0);
  const files = new CertificateFiles({ ...NONE, certFile: cert, keyFile: pipe });
  t.equal(files.read({ waitMs: 10_000 }).identity?.chain.length, 1);
  t.equal(files.read({ waitMs: 0 }).identity?.chain.length, 1);
});

function watched(t: Test, first: Issued, now: () => number = Date.now) {
  const { put } = place(t);
  const lines: string[] = [];
  const write = ({ cert, keyPem }: Issued) => put('own.pem', cert + keyPem);
  const certificates = new Certificates(
    lineLogger('info', (line) => lines.push(line.replace(/^\S+ /, ''))),
    now,
  );
  t.teardown(() => certificates.stop());
  const settings = { ...NONE, certFile: write(first) };
  const credentials = certificates.of(settings);
  const serial = () => credentials.settings.identity?.chain[0]?.serialNumber;
  const reload = async () => {
    lines.length = 0;
    await certificates.reload();
    return [...lines];
  };
  return { put, write, lines, certificates, credentials, settings, serial, reload };
}

t.test('read again when asked', async (t) => {
  const first = issue({ name: 'own' }, CA);
  const second = issue({ name: 'own' }, CA);
  const { put, write, lines, certificates, credentials, settings, serial, reload } = watched(t, first);
  t.match(lines, [
    new RegExp(
      `^info {2}TLS: shows the certificate of own, valid until .* UTC, serial ${first.serial}, pin sha256/`,
    ),
  ]);
  t.equal(certificates.of({ ...settings }), credentials, 'the same files are read for all');
  t.match(await reload(), [/^info {2}TLS, unchanged: shows the certificate of own/]);
  write(second);
  t.equal(serial(), first.serial);
  t.match(await reload(), [
    new RegExp(`^info {2}TLS, read again: shows the certificate of own, .*serial ${second.serial}`),
  ]);
  t.equal(serial(), second.serial);
  for (const [text, words] of [
    [first.cert + second.keyPem, /does not fit the private key/],
    ['', /holds no certificate/],
    [issue({ name: 'old', until: inDays(-1), from: inDays(-2) }, CA), /expired on/],
    [issue({ name: 'new', until: inDays(9), from: inDays(1) }, CA), /is not valid before/],
  ] as const) {
    put('own.pem', typeof text === 'string' ? text : text.cert + text.keyPem);
    const said = await reload();
    t.equal(said.length, 1);
    t.match(said[0], /^warn {2}--tls-cert .*; the certificates from before stay in use$/);
    t.match(said[0], words);
    t.equal(serial(), second.serial);
  }
});

t.test('an expiry is said two weeks ahead, and once a day', async (t) => {
  let now = Date.now();
  const until = new Date(now + 15.5 * DAY);
  const { lines, reload, write } = watched(t, issue({ name: 'own', until }, CA), () => now);
  const warned = async () => (await reload()).filter((line) => line.startsWith('warn'));
  t.equal(lines.filter((line) => line.startsWith('warn')).length, 0);
  t.same(await warned(), []);
  now += 2 * DAY;
  t.match(await warned(), [/own\.pem: the certificate of own expires in 13 days, on .* UTC: renew it$/]);
  t.same(await warned(), []);
  now += DAY;
  t.match(await warned(), [/expires in 12 days/]);
  now += 13 * DAY;
  t.match(await warned(), [
    /own\.pem: the certificate of own expired on .* UTC: whoever checks it refuses us; renew it$/,
  ]);
  write(issue({ name: 'own', until: new Date(now + 90 * DAY) }, CA));
  t.same(await warned(), []);
});
