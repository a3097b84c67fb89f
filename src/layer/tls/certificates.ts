/**
 * Certificates as TLS credentials: what one side shows, and what it wants to see of the other.
 *
 *     -s   identity, always     the client's: signed by authorities, or pinned, or both; with neither, none is asked for
 *     -c   identity, or none    the server's: signed by authorities and for its name, or pinned, or both
 *
 * node:tls completes the handshake with whoever shows whatever certificate (rejectUnauthorized is off), so that we judge it,
 * and can say why it is not good enough, which an alert could not. TlsPipe does not turn `ready` before that.
 *
 * Both sides agree on a protocol (ALPN, RFC 7301), so that a certificate that other services use, too, is no way to lead a
 * connection to them or from them. Sessions are not resumed.
 */

import { constants, type X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  connect,
  createSecureContext,
  type SecureContext,
  TLSSocket,
  type TLSSocketOptions,
  type TlsOptions,
} from 'node:tls';
import { PipeError } from '../../core/errors.ts';
import type { TlsCredentials, TlsParty } from './party.ts';
import { CertificateProblem, type Identity } from './pem.ts';
import { pinOf } from './pins.ts';
import { isOurIdentity } from './psk.ts';
import { type Demands, hostName, namesIn, objectionTo, type Whose } from './verdict.ts';

export interface CertificateSettings {
  /** What is shown; a client may have none. */
  readonly identity: Identity | null;
  /** Who signs what the other side shows. Null: nobody has to. */
  readonly authorities: readonly X509Certificate[] | null;
  /** What the other side shows has one of these; empty: any. */
  readonly pins: readonly string[];
}

const PROTOCOL = 'tcp-striper/1';
const CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';

const KEY_OR_CERTIFICATES = 'give both sides the same --tls-..., or --key alone';
const CLIENT_HAS_KEY = `the client (-c) has --key alone, the server (-s) --tls-cert: ${KEY_OR_CERTIFICATES}`;
const NO_CERTIFICATE = `the server (-s) shows no certificate, as with --key alone: ${KEY_OR_CERTIFICATES}`;
const NO_SERVER = 'it speaks TLS, but not as a tcp-proxy -s with --tls-cert does';
const NO_CLIENT = 'it speaks TLS, but not as a tcp-proxy -c with --tls-ca does';

/** What a server says that has no certificate: alert 40. */
const NO_CERTIFICATE_ALERT = /alert handshake failure/;
/** And one that speaks another protocol inside, or no TLS 1.3: alerts 120 and 70. */
const OTHER_ALERTS = /alert (no application protocol|protocol version)/;
const OTHER_CLIENTS = [
  'ERR_SSL_NO_APPLICATION_PROTOCOL',
  'ERR_SSL_UNSUPPORTED_PROTOCOL',
  'ERR_SSL_NO_SHARED_CIPHER',
  'ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM',
];

interface Current {
  readonly settings: CertificateSettings;
  readonly context: SecureContext;
}

export class CertificateCredentials {
  #current: Current;
  readonly #now: () => number;

  /**
   * @param now today, in milliseconds since 1970
   * @throws CertificateProblem when OpenSSL does not take them
   */
  constructor(settings: CertificateSettings, now: () => number = Date.now) {
    this.#current = prepared(settings);
    this.#now = now;
  }

  get settings(): CertificateSettings {
    return this.#current.settings;
  }

  /** Whether the other side has to show something, and who shows nothing good is turned away. */
  get asks(): boolean {
    return asks(this.#current.settings);
  }

  /** From the next connection on. @throws CertificateProblem, and nothing has changed then */
  update(settings: CertificateSettings): void {
    this.#current = prepared(settings);
  }

  /** Of a server. */
  get accepting(): TlsCredentials {
    return { party: () => this.#server(this.#current) };
  }

  /** Of a client, for a server of this name or IP address. Null: whatever its name is. */
  towards(name: string | null): TlsCredentials {
    return { party: () => this.#client(this.#current, name) };
  }

  #client({ context, settings }: Current, name: string | null): TlsParty {
    const demands: Demands = { signed: settings.authorities !== null, name, pins: settings.pins };
    const servername = name === null || isIP(name) !== 0 ? '' : hostName(name);
    return {
      open: (socket) =>
        connect({
          socket,
          secureContext: context,
          ALPNProtocols: [PROTOCOL],
          ...(servername === '' ? {} : { servername }),
          // Judged below, whatever the environment says (NODE_TLS_REJECT_UNAUTHORIZED).
          rejectUnauthorized: false,
          checkServerIdentity: () => undefined,
        }),
      problem: (socket) => {
        if (socket.alpnProtocol !== PROTOCOL) return new PipeError('malformed', 'tls', NO_SERVER);
        const chainError = socket.authorized ? null : String(socket.authorizationError);
        return this.#objection('server', socket, chainError, demands);
      },
      explain({ message }) {
        if (NO_CERTIFICATE_ALERT.test(message)) return new PipeError('permission', 'tls', NO_CERTIFICATE);
        return OTHER_ALERTS.test(message) ? new PipeError('malformed', 'tls', NO_SERVER) : null;
      },
    };
  }

  #server({ context, settings }: Current): TlsParty {
    const { authorities, pins } = settings;
    const demands: Demands = { signed: authorities !== null, name: undefined, pins };
    const asked = asks(settings);
    let withKey = false;
    let identity: string | null = null;
    return {
      open(stream: Duplex) {
        const options: TLSSocketOptions & Pick<TlsOptions, 'pskCallback'> = {
          isServer: true,
          secureContext: context,
          ALPNProtocols: [PROTOCOL],
          requestCert: asked,
          rejectUnauthorized: false,
          // No key is taken here; but who offers one is told so. Nothing in here may throw (CVE-2026-21637).
          pskCallback(_socket, offered) {
            withKey ||= isOurIdentity(offered);
            return null;
          },
        };
        return new TLSSocket(stream, options);
      },
      problem: (socket) => {
        if (socket.alpnProtocol !== PROTOCOL) return new PipeError('malformed', 'tls', NO_CLIENT);
        if (!asked) return null;
        return this.#objection('client', socket, chainErrorOf(socket), demands, (certificate) => {
          identity = identityOf(certificate, demands.signed);
        });
      },
      explain({ code = '' }) {
        return OTHER_CLIENTS.includes(code) ? new PipeError('malformed', 'tls', NO_CLIENT) : null;
      },
      mismatch: () => (withKey ? new PipeError('permission', 'tls', CLIENT_HAS_KEY) : null),
      get identity() {
        return identity;
      },
    };
  }

  /** @param onGood is called with one that nothing is to be said against */
  #objection(
    whose: Whose,
    socket: TLSSocket,
    chainError: string | null,
    demands: Demands,
    onGood?: (certificate: X509Certificate) => void,
  ): PipeError | null {
    const refused = (words: string) => new PipeError('permission', 'tls', words);
    // None is taken back up: in such a session nobody would have shown anything.
    if (socket.isSessionReused())
      return refused(`the ${whose} takes up a TLS session of before, which is not possible`);
    try {
      const certificate = socket.getPeerX509Certificate();
      const objection = objectionTo({ whose, certificate, chainError }, demands, this.#now());
      if (objection === null && certificate !== undefined) onGood?.(certificate);
      return objection === null ? null : refused(objection);
    } catch (error) {
      return refused(`the ${whose}'s certificate cannot be read (${(error as Error).message})`);
    }
  }
}

/**
 * What OpenSSL says of the client's chain. node:tls asks for it in tls.Server alone, which would want to own the connection; so
 * we ask as it does, and take a Node in which that is not possible for one that has found something.
 */
function chainErrorOf(socket: TLSSocket): string | null {
  const { _handle: handle } = socket as unknown as {
    _handle: { verifyError?: () => (Error & { code?: string }) | null } | null;
  };
  if (typeof handle?.verifyError !== 'function') return 'UNKNOWN';
  const error = handle.verifyError();
  return error === null || error === undefined ? null : (error.code ?? error.message);
}

/** Who the client is: what an authority of ours says, or its key, which is all that is known of a pinned one. */
function identityOf(certificate: X509Certificate, signed: boolean): string {
  return (signed ? namesIn(certificate) : null) ?? pinOf(certificate);
}

function asks({ authorities, pins }: CertificateSettings): boolean {
  return authorities !== null || pins.length > 0;
}

function prepared(settings: CertificateSettings): Current {
  const { identity, authorities } = settings;
  try {
    const context = createSecureContext({
      minVersion: 'TLSv1.3',
      ciphers: CIPHERS,
      // None, where none is trusted: without a list, node:tls would trust those of the world.
      ca: (authorities ?? []).map(String),
      secureOptions: constants.SSL_OP_NO_TICKET,
      ...(identity === null
        ? {}
        : {
            cert: identity.chain.map(String).join(''),
            key: identity.key.export({ type: 'pkcs8', format: 'pem' }),
          }),
    });
    return { settings, context };
  } catch (error) {
    const { reason, message } = error as Error & { reason?: string };
    throw new CertificateProblem(`cannot be used for TLS 1.3 (${reason ?? message})`);
  }
}
