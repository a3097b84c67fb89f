/**
 * Pins: a certificate is known by its public key, whoever has signed it.
 *
 *     sha256/BASE64      the SHA-256 of the SubjectPublicKeyInfo in DER (RFC 7469, section 2.4)
 *
 * A certificate that is renewed with the key that it had keeps its pin.
 */

import { createHash, type X509Certificate } from 'node:crypto';

const FORM = /^sha256\/\/?([A-Za-z0-9+/]{43})=?$/;

export const PIN_FORM = 'sha256/ and the 44 characters of a SHA-256 in base64';

/** @returns the pin in its one form, `sha256/BASE64`; or null when it is none. Also takes curl's `sha256//BASE64`. */
export function parsePin(text: string): string | null {
  const digits = FORM.exec(text)?.[1];
  if (digits === undefined) return null;
  const hash = Buffer.from(digits, 'base64');
  // The last digit may have bits that mean nothing: then it is not what anybody was given.
  return hash.toString('base64') === `${digits}=` ? `sha256/${digits}=` : null;
}

export function pinOf(certificate: X509Certificate): string {
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return `sha256/${createHash('sha256').update(spki).digest('base64')}`;
}
