/** Sides of a pair that know each other by certificates. */

import { X509Certificate } from 'node:crypto';
import { CertificateCredentials } from '../../src/layer/tls/certificates.ts';
import { identityOf, readCertificates, readKey } from '../../src/layer/tls/pem.ts';
import { pinOf } from '../../src/layer/tls/pins.ts';
import type { Issued } from './pki.ts';
import type { Part } from './service_side.ts';

export interface Wanted {
  readonly shows?: Issued | readonly Issued[];
  readonly ca?: readonly Issued[];
  readonly pins?: readonly Issued[];
}

/** What one side shows, with the certificates between, and what it wants to see. */
export function certificates({ shows, ca, pins = [] }: Wanted): CertificateCredentials {
  const chain = shows === undefined ? [] : [shows].flat();
  const [own] = chain;
  return new CertificateCredentials({
    identity:
      own === undefined
        ? null
        : identityOf(
            readCertificates(Buffer.from(chain.map(({ cert }) => cert).join(''))),
            readKey(Buffer.from(own.keyPem)),
          ),
    authorities: ca === undefined ? null : ca.map(({ cert }) => new X509Certificate(cert)),
    pins: pins.map(({ cert }) => pinOf(new X509Certificate(cert))),
  });
}

export const tls = (wanted: Wanted, more: Part = {}): Part => ({
  certificates: certificates(wanted),
  ...more,
});
