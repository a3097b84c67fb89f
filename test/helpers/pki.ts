/**
 * A public key infrastructure for tests: authorities and certificates with whatever names and dates a test wants, made here
 * (X.509 v3 in DER, RFC 5280) as openssl's command line takes no dates.
 */

import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

const DAY_MS = 86_400_000;

export interface Wish {
  /** The common name; empty: the subject is empty. */
  readonly name: string;
  /** DNS names and IPv4 addresses of subjectAltName. Default: none. */
  readonly alt?: readonly string[];
  readonly from?: Date;
  readonly until?: Date;
  /** An authority. Default false. */
  readonly ca?: boolean;
  /** What it may be used for: extended key usage. Default: anything. */
  readonly use?: 'server' | 'client';
  /** Kept from a certificate before. Default: a new one, on P-256. */
  readonly key?: KeyObject;
}

export interface Issued {
  readonly name: string;
  readonly key: KeyObject;
  /** PEM. */
  readonly cert: string;
  readonly keyPem: string;
  /** As X509Certificate shows it: hexadecimal, in capitals. */
  readonly serial: string;
}

/** Signed by `by`, or by itself. */
export function issue(wish: Wish, by: Issued | null = null): Issued {
  const key = wish.key ?? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const serial = randomBytes(8);
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40;
  const signer = by?.key ?? key;
  const signed = tbs(wish, by?.name ?? wish.name, key, signer, serial);
  const signature = sign(signer.asymmetricKeyType === 'ed25519' ? null : 'sha256', signed, signer);
  const der = sequence(signed, algorithmOf(signer), bitString(signature));
  return {
    name: wish.name,
    key,
    cert: pem('CERTIFICATE', der),
    keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    serial: serial.toString('hex').toUpperCase(),
  };
}

export function authority(name: string, by: Issued | null = null): Issued {
  return issue({ name, ca: true }, by);
}

function tbs(wish: Wish, issuer: string, key: KeyObject, signer: KeyObject, serial: Buffer): Buffer {
  const from = wish.from ?? new Date(Date.now() - DAY_MS);
  const until = wish.until ?? new Date(Date.now() + 90 * DAY_MS);
  return sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    algorithmOf(signer),
    distinguished(issuer),
    sequence(time(from), time(until)),
    distinguished(wish.name),
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions(wish))),
  );
}

function extensions({ ca = false, alt = [], use }: Wish): Buffer[] {
  const TRUE = Buffer.from([0x01, 0x01, 0xff]);
  const found = [sequence(oid('551d13'), TRUE, octets(ca ? sequence(TRUE) : sequence()))];
  if (alt.length > 0) found.push(sequence(oid('551d11'), octets(sequence(...alt.map(alternative)))));
  const purpose = use === 'server' ? '2b06010505070301' : '2b06010505070302';
  if (use !== undefined) found.push(sequence(oid('551d25'), octets(sequence(oid(purpose)))));
  return found;
}

function alternative(name: string): Buffer {
  if (/^[\d.]+$/.test(name)) return tagged(0x87, Buffer.from(name.split('.').map(Number)));
  return tagged(0x82, Buffer.from(name));
}

function algorithmOf(key: KeyObject): Buffer {
  if (key.asymmetricKeyType === 'ed25519') return sequence(oid('2b6570'));
  if (key.asymmetricKeyType === 'rsa') return sequence(oid('2a864886f70d01010b'), Buffer.from([5, 0]));
  return sequence(oid('2a8648ce3d040302'));
}

function distinguished(name: string): Buffer {
  if (name === '') return sequence();
  return sequence(tagged(0x31, sequence(oid('550403'), tagged(0x0c, Buffer.from(name)))));
}

/** UTCTime: until 2049. */
function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]/g, '').slice(2, 14);
  return tagged(0x17, Buffer.from(`${digits}Z`));
}

function tagged(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  if (length < 0x100) return Buffer.concat([Buffer.from([tag, 0x81, length]), content]);
  return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 0xff]), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return tagged(0x30, ...parts);
}

function octets(content: Buffer): Buffer {
  return tagged(0x04, content);
}

function bitString(content: Buffer): Buffer {
  return tagged(0x03, Buffer.from([0]), content);
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes);
}

function oid(hex: string): Buffer {
  return tagged(0x06, Buffer.from(hex, 'hex'));
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
