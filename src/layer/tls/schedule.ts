/**
 * The keys of TLS 1.3 that follow from the secrets of a handshake (RFC 8446, section 7). Pure.
 *
 *     CLIENT_TRAFFIC_SECRET_0, SERVER_TRAFFIC_SECRET_0  -->  key, iv    of one direction
 *                                                       -->  the next secret, at a KeyUpdate
 *     EXPORTER_SECRET                                   -->  what both ends can use for something else
 */

import { createHash, createHmac } from 'node:crypto';

/** What a cipher suite is to records and keys. */
export interface Suite {
  /** RFC 8446, appendix B.4. */
  readonly id: number;
  readonly hash: 'sha256' | 'sha384';
  readonly hashBytes: number;
  readonly keyBytes: number;
  /** So many full records may be protected under one key (section 5.5). */
  readonly mostRecords: number;
}

// Less than the 2^24.5 of section 5.5.
const MOST_GCM_RECORDS = 2 ** 24;

/** By their names in RFC 8446. */
export const SUITES: Readonly<Record<string, Suite>> = {
  TLS_AES_128_GCM_SHA256: {
    id: 0x1301,
    hash: 'sha256',
    hashBytes: 32,
    keyBytes: 16,
    mostRecords: MOST_GCM_RECORDS,
  },
  TLS_AES_256_GCM_SHA384: {
    id: 0x1302,
    hash: 'sha384',
    hashBytes: 48,
    keyBytes: 32,
    mostRecords: MOST_GCM_RECORDS,
  },
  TLS_CHACHA20_POLY1305_SHA256: {
    id: 0x1303,
    hash: 'sha256',
    hashBytes: 32,
    keyBytes: 32,
    mostRecords: Number.MAX_SAFE_INTEGER,
  },
};

const IV_BYTES = 12;

/** HKDF-Expand-Label (section 7.1). */
export function expandLabel(
  { hash, hashBytes }: Suite,
  secret: Buffer,
  label: string,
  context: Buffer,
  length: number,
): Buffer {
  const name = Buffer.from(`tls13 ${label}`, 'latin1');
  const head = Buffer.from([length >> 8, length & 0xff, name.length]);
  const info = Buffer.concat([head, name, Buffer.of(context.length), context]);
  const blocks: Buffer[] = [];
  let last: Buffer = Buffer.alloc(0);
  // HKDF-Expand (RFC 5869, section 2.3).
  for (let i = 1; (i - 1) * hashBytes < length; i++) {
    last = createHmac(hash, secret).update(last).update(info).update(Buffer.of(i)).digest();
    blocks.push(last);
  }
  return Buffer.concat(blocks).subarray(0, length);
}

const NOTHING = Buffer.alloc(0);

/** Section 7.3. */
export function trafficKey(suite: Suite, secret: Buffer): { key: Buffer; iv: Buffer } {
  return {
    key: expandLabel(suite, secret, 'key', NOTHING, suite.keyBytes),
    iv: expandLabel(suite, secret, 'iv', NOTHING, IV_BYTES),
  };
}

/** Section 7.2. */
export function nextSecret(suite: Suite, secret: Buffer): Buffer {
  return expandLabel(suite, secret, 'traffic upd', NOTHING, suite.hashBytes);
}

/** Section 7.5, with an empty context. */
export function exported(suite: Suite, exporter: Buffer, label: string, length: number): Buffer {
  const empty = createHash(suite.hash).digest();
  const derived = expandLabel(suite, exporter, label, empty, suite.hashBytes);
  return expandLabel(suite, derived, 'exporter', empty, length);
}

/** What the handshake of one connection has agreed on, as node:tls tells it in the lines of a key log. */
export class Secrets {
  readonly #found = new Map<string, Buffer>();

  /**
   * Called with each line: a label, the client's random, and a secret, in hexadecimal.
   *
   * @returns whether it was the secret of what the client says behind the handshake: a server learns it from its Finished
   */
  add(line: Buffer): boolean {
    const [label, , secret] = line.toString('latin1').trim().split(' ');
    line.fill(0);
    if (label !== undefined && secret !== undefined) this.#found.set(label, Buffer.from(secret, 'hex'));
    return label === CLIENT;
  }

  /** All that records need. */
  get complete(): boolean {
    return [CLIENT, SERVER, EXPORTER].every((label) => this.#found.has(label));
  }

  get client(): Buffer {
    return this.#found.get(CLIENT) as Buffer;
  }
  get server(): Buffer {
    return this.#found.get(SERVER) as Buffer;
  }
  get exporter(): Buffer {
    return this.#found.get(EXPORTER) as Buffer;
  }
}

const CLIENT = 'CLIENT_TRAFFIC_SECRET_0';
const SERVER = 'SERVER_TRAFFIC_SECRET_0';
const EXPORTER = 'EXPORTER_SECRET';
