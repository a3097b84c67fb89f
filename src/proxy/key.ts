/**
 * Whether a key, or certificates, protect what they are given for.
 */

import type { CertificateCredentials } from '../layer/tls/certificates.ts';
import type { ProxyMode } from './stack.ts';

const LEAST_KEY_BYTES = 32;

export interface KeyUse {
  readonly key?: Buffer | null;
  readonly certificates?: CertificateCredentials | null;
  readonly encrypt?: boolean;
  readonly mode: ProxyMode;
  readonly carriers?: number | 'auto';
}

/** @throws RangeError for a key or certificates that would protect nothing */
export function checkKey(use: KeyUse): void {
  const { key = null, certificates = null, encrypt = true, mode, carriers = mode === 'server' ? 1 : 0 } = use;
  if (key === null && certificates === null) return;
  if (key !== null && key.length < LEAST_KEY_BYTES)
    throw new RangeError(
      `the key has ${key.length} bytes; at least ${LEAST_KEY_BYTES} random ones are needed`,
    );
  if (mode === 'relay' || carriers === 0)
    throw new RangeError('a key or certificates protect striped connections only: carriers is 0');
  if (certificates !== null) checkCertificates(certificates, mode, encrypt);
}

function checkCertificates(
  { settings, asks }: CertificateCredentials,
  mode: ProxyMode,
  encrypt: boolean,
): void {
  if (!encrypt) throw new RangeError('certificates encrypt: encrypt is false');
  if (mode === 'server' && settings.identity === null)
    throw new RangeError('a server needs a certificate to show');
  if (mode === 'client' && !asks)
    throw new RangeError('a client needs authorities or pins to know the server by');
}
