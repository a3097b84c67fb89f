/** Goal: what a certificate file, a pin or a name can be wrong in is said in a sentence of its own; and what is right is taken. */

import { createHash, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import t from 'tap';
import {
  CertificateProblem,
  identityOf,
  nameOf,
  readCertificates,
  readKey,
} from '../../src/layer/tls/pem.ts';
import { parsePin, pinOf } from '../../src/layer/tls/pins.ts';
import { isFor, objectionTo } from '../../src/layer/tls/verdict.ts';
import { authority, type Issued, issue } from '../helpers/pki.ts';

const CA = authority('ca');
const BETWEEN = authority('between', CA);
const OWN = issue({ name: 'own', alt: ['own.example'] }, BETWEEN);

function problem(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof CertificateProblem) return error.message;
    throw error;
  }
  return 'none';
}

const chainOf = (...all: Issued[]) => readCertificates(Buffer.from(all.map(({ cert }) => cert).join('')));

t.test('certificates and keys that can be read', async (t) => {
  t.equal(chainOf(OWN, BETWEEN).map(nameOf).join(), 'own,between');
  const keys = [
    generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
    generateKeyPairSync('ed25519').privateKey,
    generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  ];
  for (const key of keys) {
    const { cert, keyPem } = issue({ name: 'any', key });
    const text = Buffer.from(`some words\r\n${cert.replace(/\n/g, '\r\n')}${keyPem}`);
    t.equal(identityOf(readCertificates(text), readKey(text)).chain.length, 1, `${key.asymmetricKeyType}`);
  }
  const old = OWN.key.export({ type: 'sec1', format: 'pem' }).toString();
  t.ok(readKey(Buffer.from(old)).equals(OWN.key), 'also in the form of before');
});

t.test('what cannot', async (t) => {
  const damaged = OWN.cert.replace('\nMII', '\nAAA');
  for (const [content, words] of [
    ['', /^holds no certificate: it is empty$/],
    ['nothing', /^holds no certificate \(PEM, with lines that begin with -----BEGIN\)$/],
    [OWN.keyPem, /^holds no certificate, but a PRIVATE KEY$/],
    [new X509Certificate(OWN.cert).raw, /^holds no certificate: it looks like DER, and PEM is wanted/],
    [OWN.cert.slice(0, 300), /^holds no certificate/],
    [damaged, /^is damaged: certificate 1 of 1 in it cannot be read \(/],
  ] as const)
    t.match(
      problem(() => readCertificates(Buffer.from(content as string))),
      words,
    );
  const encrypted = { cipher: 'aes-256-cbc', passphrase: 'secret' } as const;
  for (const [content, words] of [
    [OWN.cert, /^holds no private key, but a CERTIFICATE$/],
    [OWN.key.export({ type: 'pkcs8', format: 'pem', ...encrypted }), /^is encrypted, .*openssl pkey/],
    [OWN.key.export({ type: 'sec1', format: 'pem', ...encrypted }), /^is encrypted, .*openssl pkey/],
    ['-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n', /^is damaged: the private key in it/],
  ] as const)
    t.match(
      problem(() => readKey(Buffer.from(content))),
      words,
    );
});

t.test('what does not belong together', async (t) => {
  const other = issue({ name: 'other' });
  for (const [chain, key, words] of [
    [[OWN], other.key, /^does not fit the private key: the certificate in it, of own, is for another one$/],
    [
      [BETWEEN, OWN],
      OWN.key,
      /^has its certificates in the wrong order: the private key belongs to number 2/,
    ],
    [[OWN, CA, BETWEEN], OWN.key, /wrong order: number 2, of ca, has not signed number 1, of own/],
    [[OWN, CA], OWN.key, /do not belong together: number 2, of ca, has not signed number 1, of own$/],
    [[OWN, BETWEEN, CA], OWN.key, /^none$/],
  ] as const)
    t.match(
      problem(() => identityOf(chainOf(...chain), key)),
      words,
    );
});

t.test('pins', async (t) => {
  const certificate = new X509Certificate(OWN.cert);
  const spki = createPublicKey(OWN.key).export({ type: 'spki', format: 'der' });
  const pin = `sha256/${createHash('sha256').update(spki).digest('base64')}`;
  t.equal(pinOf(certificate), pin);
  t.equal(pinOf(new X509Certificate(issue({ name: 'renewed', key: OWN.key }).cert)), pin);
  for (const form of [pin, pin.replace('/', '//'), pin.slice(0, -1)]) t.equal(parsePin(form), pin);
  for (const form of [
    '',
    'sha256/',
    pin.slice(7),
    `sha1${pin.slice(6)}`,
    `${pin}=`,
    pin.slice(0, -3),
    ` ${pin}`,
  ])
    t.equal(parsePin(form), null, form);
});

t.test('names', async (t) => {
  const alt = ['own.example', '*.wild.example', 'xn--bcher-kva.example', '192.0.2.7'];
  const certificate = new X509Certificate(issue({ name: 'common.example', alt }).cert);
  for (const name of [
    'own.example',
    'OWN.Example',
    'own.example.',
    'a.wild.example',
    'bücher.example',
    '192.0.2.7',
  ])
    t.ok(isFor(certificate, name), name);
  for (const name of [
    'common.example',
    'example',
    'wild.example',
    'a.b.wild.example',
    '192.0.2.8',
    '::1',
    '',
    'a/b',
  ])
    t.notOk(isFor(certificate, name), name);
});

t.test('words fit into a refusal, whatever the names', async (t) => {
  const long = 'x'.repeat(60);
  const alt = Array.from({ length: 9 }, (_, i) => `${long}${i}.example`);
  const certificate = new X509Certificate(
    issue({ name: long, alt, until: new Date(0), from: new Date(0) }).cert,
  );
  const name = `${long}.${long}.${long}.example`;
  const demands = { signed: true, name, pins: ['sha256/none'] };
  const now = Date.now();
  const codes = ['DEPTH_ZERO_SELF_SIGNED_CERT', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'INVALID_PURPOSE'];
  for (const whose of ['server', 'client'] as const) {
    const all = [
      objectionTo({ whose, certificate: undefined, chainError: null }, demands, now),
      objectionTo({ whose, certificate, chainError: null }, demands, now),
      objectionTo({ whose, certificate, chainError: null }, demands, -1000),
      ...[...codes, 'CERT_HAS_EXPIRED', 'SOMETHING_ELSE', null].map((chainError) =>
        objectionTo({ whose, certificate, chainError }, demands, 0),
      ),
      objectionTo({ whose, certificate, chainError: null }, { ...demands, name: null }, 0),
      objectionTo({ whose, certificate, chainError: null }, { ...demands, name: undefined }, 0),
    ];
    for (const words of all) {
      t.not(words, null);
      t.ok((words as string).length <= 300, `${words?.length}: ${words}`);
    }
  }
});
