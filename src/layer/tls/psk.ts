/**
 * A shared key as TLS credentials: both ends prove it to each other, and no certificate is involved.
 *
 *     key  --HKDF-SHA-256-->  identity   says which key is meant, and nothing about it
 *          --HKDF-SHA-256-->  PSK        an external PSK of TLS 1.3 (RFC 8446, sections 2.2 and 4.2.11)
 *
 * OpenSSL offers and takes psk_dhe_ke alone unless it is told otherwise (SSL_OP_ALLOW_NO_DHE_KEX), so each connection has an
 * (EC)DHE of its own, and who gets the key later cannot read what was said before. The key has to be random, as RFC 9257
 * wants it: what is on the wire could be tried against guesses.
 */

import { constants, hkdfSync } from 'node:crypto';
import {
  connect,
  createSecureContext,
  type PSKCallbackNegotation,
  TLSSocket,
  type TLSSocketOptions,
  type TlsOptions,
} from 'node:tls';
import { PipeError } from '../../core/errors.ts';
import type { TlsCredentials, TlsParty, TlsRole } from './party.ts';

const NO_KEY =
  'it speaks TLS, but not as a tcp-proxy with a key does: give both sides the same --key, or both certificates (--tls-...)';
const PREFIX = 'tcp-striper 1 ';
const IDENTITY_BYTES = 16;
/** As the hash of the cipher suites: what node:tls makes of a PSK has SHA-256. */
const PSK_BYTES = 32;
const CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256';

/** What node:tls calls the certificate of a server that nobody has vouched for. */
const SHOWS_CERTIFICATE = /^(UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|CERT_|INVALID_|HOSTNAME_)/;
const SERVER_HAS_CERTIFICATE =
  'the server (-s) has --tls-cert, the client (-c) --key alone: give both sides the same --tls-..., or --key alone';

const KEYS_DIFFER = 'the keys differ: give both sides the same --key file';

/** What OpenSSL calls it when a client's PSK is not ours, and there is no certificate to do without. */
const NO_PSK = ['ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM', 'ERR_SSL_NO_SHARED_CIPHER'];
/** What a server says that does not have our PSK: alerts 40, 47, 51 and 115. */
const PSK_ALERTS = /alert (handshake failure|illegal parameter|decrypt error|unknown psk identity)/;

/** Whether it is the name of a key of ours, whichever. */
export function isOurIdentity(name: string): boolean {
  return name.startsWith(PREFIX);
}

export class PskCredentials implements TlsCredentials {
  readonly #identity: string;
  readonly #psk: Buffer;
  readonly #context = createSecureContext({
    minVersion: 'TLSv1.3',
    ciphers: CIPHERS,
    // No certificate is good enough, whoever has signed it.
    ca: [],
    // Sessions are not resumed: each begins with the key.
    secureOptions: constants.SSL_OP_NO_TICKET,
  });

  /** @param key random, 32 bytes or more */
  constructor(key: Buffer) {
    this.#identity = PREFIX + derive(key, 'tls psk identity', IDENTITY_BYTES).toString('hex');
    this.#psk = derive(key, 'tls psk', PSK_BYTES);
  }

  party(role: TlsRole): TlsParty {
    return role === 'client' ? this.#client() : this.#server();
  }

  #client(): TlsParty {
    const offer: PSKCallbackNegotation = { identity: this.#identity, psk: this.#psk };
    return {
      open: (socket) =>
        connect({
          socket,
          secureContext: this.#context,
          pskCallback: () => offer,
          // Whatever the environment says (NODE_TLS_REJECT_UNAUTHORIZED).
          rejectUnauthorized: true,
          checkServerIdentity: () => new Error('a certificate where the key is due'),
        }),
      problem,
      explain({ message, code = '' }) {
        if (SHOWS_CERTIFICATE.test(code)) return new PipeError('permission', 'tls', SERVER_HAS_CERTIFICATE);
        return PSK_ALERTS.test(message) ? new PipeError('permission', 'tls', KEYS_DIFFER) : null;
      },
    };
  }

  #server(): TlsParty {
    const [secureContext, identity, psk] = [this.#context, this.#identity, this.#psk];
    let offered = '';
    return {
      open(stream) {
        const options: TLSSocketOptions & Pick<TlsOptions, 'pskCallback'> = {
          isServer: true,
          secureContext,
          // Nothing in here may throw: Node would not catch it (CVE-2026-21637).
          pskCallback(_socket, name) {
            offered = name;
            return name === identity ? psk : null;
          },
        };
        return new TLSSocket(stream, options);
      },
      problem,
      explain: ({ code = '' }) => {
        const differs = code === 'ERR_SSL_BINDER_DOES_NOT_VERIFY';
        if (!differs && !NO_PSK.includes(code)) return null;
        if (differs || isOurIdentity(offered)) return new PipeError('permission', 'tls', KEYS_DIFFER);
        return new PipeError('malformed', 'tls', NO_KEY);
      },
    };
  }
}

/** A handshake that was completed without our PSK proves nothing. To OpenSSL, an external one is a session of before. */
function problem(socket: TLSSocket): PipeError | null {
  if (socket.isSessionReused() && socket.getProtocol() === 'TLSv1.3') return null;
  return new PipeError('permission', 'tls', KEYS_DIFFER);
}

function derive(key: Buffer, purpose: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', PREFIX + purpose, bytes));
}
