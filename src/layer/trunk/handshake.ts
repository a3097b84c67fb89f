/**
 * The handshake of a carrier: who joins which trunk, and the proof of the shared key.
 *
 *     client                                   server
 *       | -- HELLO   trunk, carrier, nonce, windows -> |
 *       | <- WELCOME instance, nonce, windows, proof - |      or REFUSE code, reason
 *       |                                              |      without a key, the carrier has joined
 *       | -- PROOF   proof --------------------------> |      or REFUSE: the server has another key
 *       | <- JOINED ---------------------------------- |      or REFUSE code, reason
 *       | -- frames ...                                |
 *
 * A proof is HMAC-SHA-256 with the shared key over the sender's role and both messages before it, so over the ids, both
 * nonces and the windows; a nonce that the other side has just made up makes a recorded one useless. With a key, a
 * stranger learns nothing of trunks: only who has proved it hears whether the trunk takes the carrier. Without a key
 * anybody may join. Where TLS is underneath, the proofs cover a secret of that connection, too, so that they prove nothing on
 * any other. Without it, somebody on the path can still read and change what follows: the proof keeps strangers out, it does
 * not protect the traffic.
 *
 * Pure: messages in, messages out. docs/wire.md has the bytes.
 */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { asPipeError, PipeError } from '../../core/errors.ts';
import { escapeText } from '../../core/format.ts';

/** What every message begins with. */
export const MAGIC = Buffer.from('TSTR');
export const VERSION = 1;
const HELLO = 1;
const WELCOME = 2;
const PROOF = 3;
const REFUSE = 4;
const JOINED = 5;

/** HELLO flag: the trunk is new, and may be made; without it, it has to exist. */
const MAY_CREATE = 1;
/** WELCOME flag: the server has a key. HELLO flag likewise for the client. */
const KEYED = 2;
/** HELLO and WELCOME flags: codecs of compressed streams that the sender understands; docs/wire.md lists them. */
const CODECS = 0xfc;

const NONCE_BYTES = 32;
const NO_SECRET = Buffer.alloc(0);
const PROOF_BYTES = 32;
export const TRUNK_ID_BYTES = 16;
export const HEAD_BYTES = 8;
const FLAGS_AT = 6;
const HELLO_BYTES = HEAD_BYTES + TRUNK_ID_BYTES + 4 + NONCE_BYTES + 16;
const WELCOME_BYTES = HEAD_BYTES + TRUNK_ID_BYTES + NONCE_BYTES + 16;

/** No message of a handshake is longer: what a stranger can make us read. */
export const HANDSHAKE_MAX_BYTES = 512;
/** And this is how long it may take, in milliseconds. */
export const HANDSHAKE_TIMEOUT_MS = 5000;

export const REFUSED_KEY = 1;
export const REFUSED_VERSION = 2;
export const REFUSED_UNKNOWN_TRUNK = 3;
export const REFUSED_CARRIER = 4;
export const REFUSED_BUSY = 5;
export const REFUSED_FRAMING = 6;
export const REFUSED_ENCRYPTION = 7;
export const REFUSED_CERTIFICATE = 8;

const REASON_MOST_CHARACTERS = 300;

// Said on both sides, so true from either.
const KEYS_DIFFER = 'the keys differ: give both sides the same --key file';
const CLIENT_KEY = 'the client (-c) has a key, the server (-s) none: give both the same --key file';
const SERVER_KEY = 'the server (-s) has a key, the client (-c) none: give both the same --key file';
const ONE_KEY = 'only one side has a key: give both the same --key file';
export const ECHO = 'it sends back what it is sent: this is an echo server, and no tcp-proxy -s';
const CLIENT_PLAIN =
  'the client (-c) has --no-encrypt, the server (-s) has not: give it to both, or to neither';
const SPEAKS_TLS = 'the client (-c) speaks TLS, as with --key or --tls-ca';
const SERVER_KEYLESS = `${SPEAKS_TLS}; the server (-s) has no key: give both the same --key file, or --tls-cert to the server`;
const CLIENT_IN_THE_CLEAR =
  "the server (-s) has --tls-cert, and the client (-c) speaks no TLS: give the client --tls-ca with the server's authority";
const SERVER_PLAIN = `${SPEAKS_TLS}; the server (-s) has --no-encrypt: give it to both, or to neither`;

/** How far ahead the sender of this lets the other side send, in bytes. */
export interface Windows {
  readonly stream: number;
  readonly trunk: number;
}

export interface Hello {
  readonly trunkId: Buffer;
  readonly carrierId: number;
  readonly mayCreate: boolean;
  readonly keyed: boolean;
  readonly windows: Windows;
  /** Codecs that the client understands, as bits from 4 up; default none. */
  readonly codecs?: number;
}

export interface Welcome {
  /** Made up by the server's process when it starts: another one means that it knows nothing of us any more. */
  readonly instance: Buffer;
  readonly windows: Windows;
  /** Codecs that streams may be compressed with; default none. */
  readonly codecs?: number;
}

/** What there may be too many of, for one more to join. */
export type JoinLimit = 'handshakes' | 'clients' | 'clients-per-source' | 'carriers' | 'memory';

/**
 * A no, said to the other side or heard from it: `refusal` is one of the REFUSED constants. The message is the reason alone:
 * who refuses whom depends on where it is read.
 */
export class Refusal extends PipeError {
  readonly refusal: number;
  /** It came from the other side, which knows it. */
  readonly byPeer: boolean;
  /** Which limit of ours was reached. */
  readonly limit: JoinLimit | null;

  constructor(refusal: number, reason: string, byPeer = false, limit: JoinLimit | null = null) {
    super(ABOUT_PROOFS.has(refusal) ? 'permission' : 'refused', 'trunk', reason);
    this.refusal = refusal;
    this.byPeer = byPeer;
    this.limit = limit;
  }
}

const ABOUT_PROOFS: ReadonlySet<number> = new Set([REFUSED_KEY, REFUSED_CERTIFICATE]);

/** One that came in the clear where an encrypted answer is due: anybody on the path could have said it. */
class ClearRefusal extends Refusal {}

/** Whether who has proved the key said it, on a connection that encrypts: not so alerts of a TLS handshake, for example. */
export function isAuthentic(error: PipeError): boolean {
  return error instanceof Refusal && !(error instanceof ClearRefusal);
}

/** Whether a failed handshake fails again until somebody changes something: another key, program, address or option. */
export function isPermanent(error: PipeError): boolean {
  if (error instanceof Refusal) return PERMANENT.has(error.refusal);
  if (error.layer === 'tls' && error.code === 'permission') return true;
  return (error.layer === 'trunk' || error.layer === 'tls') && error.code === 'malformed';
}

const PERMANENT: ReadonlySet<number> = new Set([
  REFUSED_KEY,
  REFUSED_VERSION,
  REFUSED_FRAMING,
  REFUSED_ENCRYPTION,
  REFUSED_CERTIFICATE,
]);

/**
 * To a client that encrypts, from a server that does not.
 *
 * @param keyed whether the server has a key
 * @param closed why it takes nobody that stripes, or null
 */
export function plainOnly(keyed: boolean, closed: Refusal | null): Refusal {
  if (closed !== null) return new Refusal(closed.refusal, `${closed.message}; ${SPEAKS_TLS}`);
  return keyed ? new Refusal(REFUSED_ENCRYPTION, SERVER_PLAIN) : new Refusal(REFUSED_KEY, SERVER_KEYLESS);
}

/** To a client that does not encrypt, from a server that does. */
export function encryptedOnly(by: 'key' | 'certificates'): Refusal {
  return new Refusal(REFUSED_ENCRYPTION, by === 'key' ? CLIENT_PLAIN : CLIENT_IN_THE_CLEAR);
}

/** What a server that does not encrypt may answer to a client that does: nothing that is about trunks, which it has not heard of. */
const SAID_IN_THE_CLEAR: ReadonlySet<number> = new Set([
  REFUSED_KEY,
  REFUSED_VERSION,
  REFUSED_BUSY,
  REFUSED_FRAMING,
  REFUSED_ENCRYPTION,
]);
const IN_THE_CLEAR = 'said in the clear, as anybody on the path could have';

/** What a message says that comes in the clear where an encrypted answer is due. */
export function plainAnswer(message: Buffer): PipeError {
  try {
    checkHead(message, REFUSE);
  } catch (error) {
    if (!(error instanceof Refusal)) return asPipeError(error, 'trunk');
    const words = `${error.message} (${IN_THE_CLEAR})`;
    if (SAID_IN_THE_CLEAR.has(error.refusal)) return new ClearRefusal(error.refusal, words, true);
    return new PipeError('refused', 'trunk', words);
  }
  return malformed('a message in the clear where an encrypted one is due');
}

function head(type: number, flags: number): Buffer {
  return Buffer.from([...MAGIC, type, VERSION, flags, 0]);
}

function windowBytes({ stream, trunk }: Windows): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64BE(BigInt(stream), 0);
  bytes.writeBigUInt64BE(BigInt(trunk), 8);
  return bytes;
}

function readWindows(message: Buffer, at: number): Windows {
  const [stream, trunk] = [message.readBigUInt64BE(at), message.readBigUInt64BE(at + 8)];
  if (stream > 2n ** 40n || trunk > 2n ** 40n) throw malformed('windows above 1 TiB');
  return { stream: Number(stream), trunk: Number(trunk) };
}

function malformed(what: string): PipeError {
  return new PipeError('malformed', 'trunk', `handshake: ${what}`);
}

/** Checks the first 8 bytes. @returns the flags */
function checkHead(message: Buffer, type: number): number {
  if (message.length < HEAD_BYTES || !message.subarray(0, 4).equals(MAGIC)) {
    throw malformed(`it begins with '${escapeText(message.subarray(0, 24).toString('latin1'))}'`);
  }
  if (message[4] === REFUSE) {
    const reason = escapeText(message.subarray(HEAD_BYTES).toString('utf8'), REASON_MOST_CHARACTERS);
    throw new Refusal(message[6] as number, reason === '' ? 'it gives no reason' : reason, true);
  }
  if (message[5] !== VERSION) {
    const words = `the versions differ: one side speaks ${message[5]}, the other ${VERSION}`;
    // Who begins is told, in a message that every version has; an answer of another version ends it silently.
    throw type === HELLO ? new Refusal(REFUSED_VERSION, words) : malformed(words);
  }
  if (message[4] !== type) throw malformed(`message ${message[4]} where ${type} is due`);
  if (message[7] !== 0) throw malformed('a reserved byte is not 0');
  return message[6] as number;
}

/** A message that is nothing but a type and, with a key, a proof. */
function checkPlain(message: Buffer, type: number, length: number): void {
  // Every bit counts: no proof covers these.
  if (checkHead(message, type) !== 0) throw malformed(`flags in message ${type}`);
  if (message.length !== length) throw malformed(`message ${type} of ${message.length} bytes`);
}

/** What a proof is made with. */
interface Evidence {
  readonly key: Buffer;
  /** What only the two ends of the encrypted connection below know; empty on one that is not. */
  readonly secret: Buffer;
}

function proofOf({ key, secret }: Evidence, role: string, hello: Buffer, welcome: Buffer): Buffer {
  const proof = createHmac('sha256', key).update(`tcp-striper ${role} 1`);
  return proof.update(hello).update(welcome).update(secret).digest();
}

function proves(given: Buffer, expected: Buffer): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** A REFUSE message. The reason is for people. */
export function refusal(code: number, reason: string): Buffer {
  return Buffer.concat([head(REFUSE, code), Buffer.from(reason)]);
}

/** The client's side of one carrier. */
export class ClientHandshake {
  readonly hello: Buffer;
  readonly #codecs: number;
  readonly #evidence: Evidence | null;

  /** @param secret of the connection below, where that is encrypted */
  constructor(hello: Omit<Hello, 'keyed'>, key: Buffer | null, secret: Buffer = NO_SECRET) {
    this.#codecs = (hello.codecs ?? 0) & CODECS;
    const flags = (hello.mayCreate ? MAY_CREATE : 0) | (key === null ? 0 : KEYED) | this.#codecs;
    const carrier = Buffer.alloc(4);
    carrier.writeUInt32BE(hello.carrierId);
    const parts = [
      head(HELLO, flags),
      hello.trunkId,
      carrier,
      randomBytes(NONCE_BYTES),
      windowBytes(hello.windows),
    ];
    this.hello = Buffer.concat(parts);
    this.#evidence = key === null ? null : { key, secret };
  }

  /**
   * Reads WELCOME. Without a key the carrier has joined then; with one, `proof` is to be sent, and JOINED awaited.
   *
   * @throws PipeError when the server refuses, cannot prove the key, or is something else
   */
  onWelcome(message: Buffer): { welcome: Welcome; proof: Buffer | null } {
    if (message.equals(this.hello)) throw malformed(ECHO);
    const flags = checkHead(message, WELCOME);
    if ((flags & ~(KEYED | this.#codecs)) !== 0)
      throw malformed('a WELCOME with flags that nobody asked for');
    const keyed = (flags & KEYED) !== 0;
    // A server that does not have what we have should have refused.
    if (keyed !== (this.#evidence !== null)) throw new Refusal(REFUSED_KEY, ONE_KEY);
    if (message.length !== WELCOME_BYTES + (keyed ? PROOF_BYTES : 0))
      throw malformed(`a WELCOME of ${message.length} bytes`);
    const signed = message.subarray(0, WELCOME_BYTES);
    const welcome = {
      instance: Buffer.from(signed.subarray(HEAD_BYTES, HEAD_BYTES + TRUNK_ID_BYTES)),
      windows: readWindows(signed, HEAD_BYTES + TRUNK_ID_BYTES + NONCE_BYTES),
      codecs: flags & CODECS,
    };
    if (this.#evidence === null) return { welcome, proof: null };
    const expected = proofOf(this.#evidence, 'server', this.hello, signed);
    if (!proves(message.subarray(WELCOME_BYTES), expected)) throw new Refusal(REFUSED_KEY, KEYS_DIFFER);
    const proof = Buffer.concat([head(PROOF, 0), proofOf(this.#evidence, 'client', this.hello, signed)]);
    return { welcome, proof };
  }

  /** @throws PipeError when the server refuses after all */
  onJoined(message: Buffer): void {
    checkPlain(message, JOINED, HEAD_BYTES);
  }
}

/** The server's side of one carrier. */
export class ServerHandshake {
  readonly #evidence: Evidence | null;
  #hello: Buffer = Buffer.alloc(0);
  #welcome: Buffer = Buffer.alloc(0);

  /** @param secret of the connection below, where that is encrypted */
  constructor(key: Buffer | null, secret: Buffer = NO_SECRET) {
    this.#evidence = key === null ? null : { key, secret };
  }

  /** @throws PipeError for anything but a HELLO of our version and kind of authentication; a Refusal to be sent */
  onHello(message: Buffer): Hello {
    const flags = checkHead(message, HELLO);
    if (message.length !== HELLO_BYTES) throw malformed(`a HELLO of ${message.length} bytes`);
    const keyed = (flags & KEYED) !== 0;
    if (keyed !== (this.#evidence !== null)) throw new Refusal(REFUSED_KEY, keyed ? CLIENT_KEY : SERVER_KEY);
    this.#hello = Buffer.from(message);
    const at = HEAD_BYTES + TRUNK_ID_BYTES;
    return {
      trunkId: Buffer.from(message.subarray(HEAD_BYTES, at)),
      carrierId: message.readUInt32BE(at),
      mayCreate: (flags & MAY_CREATE) !== 0,
      keyed,
      windows: readWindows(message, at + 4 + NONCE_BYTES),
      codecs: flags & CODECS,
    };
  }

  welcome(welcome: Welcome): Buffer {
    // None that the client did not name.
    const codecs = (welcome.codecs ?? 0) & (this.#hello[FLAGS_AT] as number) & CODECS;
    const flags = (this.#evidence === null ? 0 : KEYED) | codecs;
    const parts = [
      head(WELCOME, flags),
      welcome.instance,
      randomBytes(NONCE_BYTES),
      windowBytes(welcome.windows),
    ];
    this.#welcome = Buffer.concat(parts);
    if (this.#evidence === null) return this.#welcome;
    return Buffer.concat([this.#welcome, proofOf(this.#evidence, 'server', this.#hello, this.#welcome)]);
  }

  /** Only with a key. @throws PipeError when the client cannot prove it */
  onProof(message: Buffer): void {
    checkPlain(message, PROOF, HEAD_BYTES + PROOF_BYTES);
    const expected = proofOf(this.#evidence as Evidence, 'client', this.#hello, this.#welcome);
    if (!proves(message.subarray(HEAD_BYTES), expected)) throw new Refusal(REFUSED_KEY, KEYS_DIFFER);
  }

  joined(): Buffer {
    return head(JOINED, 0);
  }
}
