/**
 * The files that --tls-cert, --tls-key, --tls-ca and --tls-client-ca name, read and checked together: all of them or nothing.
 */

import type { X509Certificate } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { escapeText } from '../core/format.ts';
import type { CertificateSettings } from '../layer/tls/certificates.ts';
import {
  CertificateProblem,
  hasKey,
  type Identity,
  identityOf,
  readCertificates,
  readKey,
} from '../layer/tls/pem.ts';
import { type FileToRead, type Patience, readFile } from './secret_file.ts';
import { SYSTEM_AUTHORITIES, type TlsSettings } from './tls_settings.ts';
import { UsageError } from './usage_error.ts';

/** A bundle of all the authorities that browsers trust has some 250 KB. */
const MOST_BYTES = 4 * 1024 * 1024;

/** Where systems keep the authorities that they trust: Debian and Alpine, Red Hat, SUSE, BSD and macOS. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

export class CertificateFiles {
  readonly settings: TlsSettings;
  /** What cannot be read a second time: it came through a pipe. */
  readonly #piped = new Map<string, Buffer>();

  constructor(settings: TlsSettings) {
    this.settings = settings;
  }

  /** @throws UsageError that names the option and the file, and says what is wrong with it */
  read(patience: Patience = {}): CertificateSettings {
    const { caFile, clientCaFile, pins } = this.settings;
    const authorities =
      caFile !== null
        ? this.#authorities('--tls-ca', caFile, patience)
        : clientCaFile !== null
          ? this.#authorities('--tls-client-ca', clientCaFile, patience)
          : null;
    return { identity: this.#identity(patience), authorities, pins };
  }

  /**
   * Changes when one of the files has been replaced or written to, also through the links on the way to it. Not at once: a
   * file system that does not answer must not stop the connections.
   */
  async versions(): Promise<string> {
    const { certFile, keyFile, caFile, clientCaFile } = this.settings;
    const paths = new Set([certFile, keyFile, caFile, clientCaFile].filter((path) => path !== null));
    const files = [...paths].map((path) => (path === SYSTEM_AUTHORITIES ? bundle() : path));
    return JSON.stringify(await Promise.all(files.map(versionOf)));
  }

  #identity(patience: Patience): Identity | null {
    const { certFile, keyFile } = this.settings;
    if (certFile === null) return null;
    const certName = `--tls-cert ${escapeText(certFile)}`;
    const both = keyFile === null;
    const cert = this.#content(certFile, certName, false, 'certificate', patience);
    if (both && !hasKey(cert)) {
      // The words for what it is, if it is no certificate either.
      naming(certName, () => readCertificates(cert));
      throw new UsageError(`${certName} has no private key in it: give the key's file with --tls-key`);
    }
    // Now that there is a secret in it, it is looked at as one.
    if (both) this.#content(certFile, certName, true, 'certificate', patience);
    const keyName = both ? certName : `--tls-key ${escapeText(keyFile)}`;
    const key = both ? cert : this.#content(keyFile, keyName, true, 'private key', patience);
    const read = naming(keyName, () => readKey(key));
    return naming(certName, () => identityOf(readCertificates(cert), read));
  }

  #authorities(option: string, path: string, patience: Patience): readonly X509Certificate[] {
    const system = path === SYSTEM_AUTHORITIES ? bundle() : path;
    if (system === null) return readCertificates(Buffer.from(rootCertificates.join('\n')));
    const name = `${option} ${escapeText(system)}`;
    const content = this.#content(system, name, false, 'certificate', patience);
    return naming(name, () => readCertificates(content));
  }

  #content(path: string, name: string, secret: boolean, what: string, patience: Patience): Buffer {
    const before = this.#piped.get(path);
    if (before !== undefined) return before;
    const wanted: FileToRead = { path, name, secret, what, mostBytes: MOST_BYTES };
    const content = Buffer.from(readFile(wanted, patience));
    if (!isFile(path)) this.#piped.set(path, content);
    return content;
  }
}

/** The system's own authorities; null: it has none, and those that Node brings have to do. */
function bundle(): string | null {
  return SYSTEM_BUNDLES.find((path) => existsSync(path)) ?? null;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** Null for what is no file, as a pipe has no other version; and for what is not there, or not to be reached. */
async function versionOf(path: string | null): Promise<string | null> {
  try {
    const info = path === null ? null : await stat(path, { bigint: true });
    if (info?.isFile() !== true) return null;
    return [info.dev, info.ino, info.size, info.mtimeNs, info.ctimeNs].join(' ');
  } catch {
    return null;
  }
}

/** What is wrong with the content of a file, behind its name. */
function naming<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof CertificateProblem) throw new UsageError(`${name} ${error.message}`);
    throw error;
  }
}
