/**
 * Certificates as they are used: read at the start, read again when their files change or when that is asked for, and said in
 * the log before they expire. What is broken does not take the place of what works.
 */

import type { X509Certificate } from 'node:crypto';
import { plural } from '../core/format.ts';
import type { Logger } from '../core/log.ts';
import { CertificateCredentials, type CertificateSettings } from '../layer/tls/certificates.ts';
import { CertificateProblem, nameOf } from '../layer/tls/pem.ts';
import { pinOf } from '../layer/tls/pins.ts';
import { formatDate } from '../layer/tls/verdict.ts';
import { CertificateFiles } from './certificate_files.ts';
import type { Patience } from './secret_file.ts';
import type { TlsSettings } from './tls_settings.ts';
import { UsageError } from './usage_error.ts';

/** How often the files are looked at. A change counts when it is there twice: a certificate and its key come one by one. */
const LOOK_MS = 2000;
/** So long before its end, a certificate is something to talk about; and how often it is. */
const DAY_MS = 86_400_000;
const SOON_MS = 14 * DAY_MS;

interface Watched {
  readonly files: CertificateFiles;
  readonly credentials: CertificateCredentials;
  /** Of the files, when they were read, or found broken. Null: nobody has looked yet. */
  tried: string | null;
  /** Of the files, when they were looked at last. */
  seen: string | null;
  /** When it was said that it expires. */
  saidAt: number;
}

export class Certificates {
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #watched = new Map<string, Watched>();
  #looking = false;
  #timer: NodeJS.Timeout | null = null;

  /** @param now today, in milliseconds since 1970 */
  constructor(log: Logger, now: () => number = Date.now) {
    this.#log = log;
    this.#now = now;
  }

  /**
   * Reads the files, and looks after them from now on. Who wants the same ones gets the same credentials.
   *
   * @throws UsageError that says what is wrong with which of them
   */
  of(settings: TlsSettings, patience: Patience = {}): CertificateCredentials {
    const name = JSON.stringify(settings);
    const known = this.#watched.get(name);
    if (known !== undefined) return known.credentials;
    const files = new CertificateFiles(settings);
    const credentials = usable(settings, () => new CertificateCredentials(files.read(patience), this.#now));
    const watched: Watched = {
      files,
      credentials,
      tried: null,
      seen: null,
      saidAt: Number.NEGATIVE_INFINITY,
    };
    this.#watched.set(name, watched);
    this.#say('', credentials.settings);
    this.#sayIfOld(watched);
    this.#timer ??= setInterval(() => void this.#look(), LOOK_MS).unref();
    return credentials;
  }

  /** Reads all files again, whether they have changed or not, and says what came of it. */
  async reload(): Promise<void> {
    for (const watched of [...this.#watched.values()]) {
      watched.tried = await watched.files.versions();
      watched.seen = watched.tried;
      this.#readAgain(watched, true);
    }
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#watched.clear();
  }

  async #look(): Promise<void> {
    // One that is slow to answer is asked once more when it has.
    if (this.#looking) return;
    this.#looking = true;
    for (const watched of [...this.#watched.values()]) await this.#lookAt(watched);
    this.#looking = false;
  }

  async #lookAt(watched: Watched): Promise<void> {
    const versions = await watched.files.versions();
    // Stopped meanwhile.
    if (this.#timer === null) return;
    if (versions !== watched.tried && versions === watched.seen) {
      watched.tried = versions;
      this.#readAgain(watched, false);
    }
    watched.seen = versions;
    this.#sayIfOld(watched);
  }

  /** @param asked somebody waits for an answer */
  #readAgain(watched: Watched, asked: boolean): void {
    const { files, credentials } = watched;
    const before = credentials.settings;
    try {
      const read = files.read({ waitMs: 0 });
      this.#checkNotOlder(before, read, files.settings);
      usable(files.settings, () => credentials.update(read));
    } catch (error) {
      // Whatever it is: connections that are open must not end for it.
      this.#log.warn(`${(error as Error).message}; the certificates from before stay in use`);
      return;
    }
    const changed = fingerprint(before) !== fingerprint(credentials.settings);
    if (changed) watched.saidAt = Number.NEGATIVE_INFINITY;
    if (changed || asked) this.#say(changed ? ', read again' : ', unchanged', credentials.settings);
    this.#sayIfOld(watched);
  }

  /** One that is of no use today does not take the place of one that is. */
  #checkNotOlder(before: CertificateSettings, read: CertificateSettings, { certFile }: TlsSettings): void {
    const [old] = before.identity?.chain ?? [];
    const [own] = read.identity?.chain ?? [];
    if (old === undefined || own === undefined || timeLeft(old, this.#now()) <= 0) return;
    if (timeLeft(own, this.#now()) <= 0)
      throw new UsageError(`--tls-cert ${certFile} expired on ${formatDate(own.validTo)}`);
    if (Date.parse(own.validFrom) > this.#now() && Date.parse(old.validFrom) <= this.#now())
      throw new UsageError(`--tls-cert ${certFile} is not valid before ${formatDate(own.validFrom)}`);
  }

  #say(when: string, { identity, authorities }: CertificateSettings): void {
    const [own] = identity?.chain ?? [];
    const count = authorities?.length ?? 0;
    const known =
      authorities === null ? '' : `; trusts ${count === 1 ? '1 authority' : `${count} authorities`}`;
    const shown =
      own === undefined
        ? 'no certificate'
        : `the certificate of ${nameOf(own)}, valid until ${formatDate(own.validTo)}, serial ${own.serialNumber}, pin ${pinOf(own)}`;
    this.#log.info(`TLS${when}: shows ${shown}${known}`);
  }

  /** At most once a day. */
  #sayIfOld(watched: Watched): void {
    const now = this.#now();
    if (now - watched.saidAt < DAY_MS) return;
    const { identity, authorities } = watched.credentials.settings;
    const { certFile, caFile, clientCaFile } = watched.files.settings;
    const lines = (identity?.chain ?? []).map((one) => ageOf(one, `--tls-cert ${certFile}`, now));
    // Of the hundred that everybody trusts, one or the other is always about to go.
    if (authorities !== null && authorities.length <= 8) {
      const name = caFile === null ? `--tls-client-ca ${clientCaFile}` : `--tls-ca ${caFile}`;
      lines.push(...authorities.map((one) => ageOf(one, name, now)));
    }
    const said = lines.filter((line) => line !== null);
    for (const line of said) this.#log.warn(line);
    if (said.length > 0) watched.saidAt = now;
  }
}

/** OpenSSL has rules of its own: for the length of keys, for example. */
function usable<T>({ certFile }: TlsSettings, use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (error instanceof CertificateProblem) throw new UsageError(`--tls-cert ${certFile} ${error.message}`);
    throw error;
  }
}

function ageOf(certificate: X509Certificate, name: string, now: number): string | null {
  const left = timeLeft(certificate, now);
  const what = `${name}: the certificate of ${nameOf(certificate)}`;
  if (left <= 0)
    return `${what} expired on ${formatDate(certificate.validTo)}: whoever checks it refuses us; renew it`;
  if (Date.parse(certificate.validFrom) > now)
    return `${what} is not valid before ${formatDate(certificate.validFrom)}: until then whoever checks it refuses us`;
  if (left > SOON_MS) return null;
  return `${what} expires in ${plural(Math.floor(left / DAY_MS), 'day')}, on ${formatDate(certificate.validTo)}: renew it`;
}

function timeLeft({ validTo }: X509Certificate, now: number): number {
  return Date.parse(validTo) - now;
}

function fingerprint({ identity, authorities }: CertificateSettings): string {
  const all = [...(identity?.chain ?? []), ...(authorities ?? [])];
  return all.map(({ fingerprint256 }) => fingerprint256).join(' ');
}
