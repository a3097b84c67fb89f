/**
 * Certificates and keys out of PEM text (RFC 7468), checked as far as that is possible before anybody connects. What is wrong
 * is said in a sentence of its own, without the name of the file, which the caller knows.
 */

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { escapeText } from '../../core/format.ts';

/** Somebody has to mend a file; the message begins behind the file's name. */
export class CertificateProblem extends Error {
  override readonly name = 'CertificateProblem';
}

/** A certificate to show, with the certificates between it and an authority, and its key. */
export interface Identity {
  /** What is shown, the own one first. */
  readonly chain: readonly X509Certificate[];
  readonly key: KeyObject;
}

const MOST_NAME = 40;
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;
const CERTIFICATE_LABELS: readonly string[] = ['CERTIFICATE', 'TRUSTED CERTIFICATE', 'X509 CERTIFICATE'];
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;
/** Of a SEQUENCE in DER, as a file that is no PEM begins. */
const DER_FIRST_BYTE = 0x30;

interface Block {
  readonly label: string;
  readonly text: string;
}

function blocksOf(text: string): Block[] {
  return [...text.matchAll(BLOCK)].map(([whole, label = '']) => ({ label, text: whole }));
}

/** @throws CertificateProblem when there is none, or one cannot be read */
export function readCertificates(content: Buffer): X509Certificate[] {
  const blocks = blocksOf(content.toString('latin1')).filter(({ label }) =>
    CERTIFICATE_LABELS.includes(label),
  );
  if (blocks.length === 0) throw new CertificateProblem(`holds no certificate${whatInstead(content)}`);
  return blocks.map(({ text }, i) => {
    try {
      return new X509Certificate(text);
    } catch (error) {
      throw new CertificateProblem(
        `is damaged: certificate ${i + 1} of ${blocks.length} in it cannot be read (${reasonOf(error)})`,
      );
    }
  });
}

/** @throws CertificateProblem when there is none, or it cannot be used */
export function readKey(content: Buffer): KeyObject {
  const text = content.toString('latin1');
  const found = blocksOf(text).find(({ label }) => label.endsWith('PRIVATE KEY'));
  // Of an old one, the header of the encryption stands between the dashes.
  if (ENCRYPTED.test(text))
    throw new CertificateProblem(
      'is encrypted, and nobody is there to type a passphrase: write it without one (openssl pkey -in FILE -out NEW, chmod ' +
        '600 NEW), or give it through a pipe: --tls-key <(openssl pkey -in FILE)',
    );
  if (found === undefined) throw new CertificateProblem(`holds no private key${whatInstead(content)}`);
  try {
    return createPrivateKey(found.text);
  } catch (error) {
    throw new CertificateProblem(`is damaged: the private key in it cannot be read (${reasonOf(error)})`);
  }
}

/** Whether a key stands in the same file. */
export function hasKey(content: Buffer): boolean {
  return content.toString('latin1').includes('PRIVATE KEY-----');
}

/**
 * The certificates and the key belong together.
 *
 * @throws CertificateProblem about the file of the certificates
 */
export function identityOf(chain: readonly X509Certificate[], key: KeyObject): Identity {
  const [own, ...others] = chain as [X509Certificate, ...X509Certificate[]];
  if (!own.checkPrivateKey(key)) {
    const at = others.findIndex((other) => other.checkPrivateKey(key));
    if (at >= 0)
      throw new CertificateProblem(
        `has its certificates in the wrong order: the private key belongs to number ${at + 2}, which has to be the first`,
      );
    throw new CertificateProblem(
      `does not fit the private key: the certificate in it, of ${nameOf(own)}, is for another one`,
    );
  }
  for (const [i, certificate] of others.entries()) {
    const before = chain[i] as X509Certificate;
    if (isSignedBy(before, certificate)) continue;
    const found = others.some((other) => isSignedBy(before, other));
    const numbers = `number ${i + 2}, of ${nameOf(certificate)}, has not signed number ${i + 1}, of ${nameOf(before)}`;
    throw new CertificateProblem(
      found
        ? `has its certificates in the wrong order: ${numbers}; each has to be signed by the next`
        : `has certificates that do not belong together: ${numbers}`,
    );
  }
  return { chain, key };
}

function isSignedBy(certificate: X509Certificate, other: X509Certificate): boolean {
  try {
    return certificate.checkIssued(other) && certificate.verify(other.publicKey);
  } catch {
    return false;
  }
}

/** What a certificate is for, in a few characters: its common name, or its first other name, or its number. */
export function nameOf(certificate: X509Certificate): string {
  const common = /^CN=(.+)$/m.exec(certificate.subject ?? '')?.[1];
  const name = common ?? certificate.subjectAltName?.split(', ')[0]?.replace(/^DNS:|^IP Address:/, '');
  return escapeText(name ?? `serial ${certificate.serialNumber}`, MOST_NAME);
}

function whatInstead(content: Buffer): string {
  if (content.length === 0) return ': it is empty';
  if (content[0] === DER_FIRST_BYTE)
    return ': it looks like DER, and PEM is wanted (openssl x509 or openssl pkey with -inform der)';
  const [first] = blocksOf(content.toString('latin1'));
  return first === undefined ? ' (PEM, with lines that begin with -----BEGIN)' : `, but a ${first.label}`;
}

function reasonOf(error: unknown): string {
  const { reason, message } = error as Error & { reason?: string };
  return reason ?? message;
}
