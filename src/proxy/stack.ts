/**
 * The one place that puts layers together.
 *
 *     relay              app --- bytes ------------------------------- bytes --- target
 *     client, classic    app --- bytes -------------- datagram over bytes ------ peer
 *     client, striped    app --- bytes -- stream of a trunk over carriers ------ peer
 *     server, classic    peer -- datagram over bytes ----------------- bytes --- target
 *     server, striped    peer -- stream of a trunk over carriers ----- bytes --- target
 *
 * A carrier is datagram over bytes, too; what is inside differs. A server takes both, and sees from the first bytes which
 * of them it has (trunk_server.ts). With a key or certificates, a carrier is datagram over TLS over bytes. A stream that is
 * compressed is a CompressPipe over a stream (compression.ts).
 */

import type { Endpoint } from '../core/address.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import type { PipeError } from '../core/errors.ts';
import { type Logger, silentLogger } from '../core/log.ts';
import { defaultPool } from '../core/pool.ts';
import { protocolOf } from '../core/protocols.ts';
import type { CompressCounters } from '../layer/compress/counters.ts';
import { CompressPipe } from '../layer/compress/pipe.ts';
import { checkedSizes, DatagramPipe } from '../layer/datagram/pipe.ts';
import type { CertificateCredentials } from '../layer/tls/certificates.ts';
import type { TlsCredentials } from '../layer/tls/party.ts';
import { TlsPipe } from '../layer/tls/pipe.ts';
import { PskCredentials } from '../layer/tls/psk.ts';
import { answerInTheClear, framed } from '../layer/trunk/greeting.ts';
import { REFUSED_CERTIFICATE, refusal } from '../layer/trunk/handshake.ts';
import type { Encryption, Link } from '../layer/trunk/join.ts';
import { TrunkMemory } from '../layer/trunk/memory.ts';
import { StripedPipe } from '../layer/trunk/stream.ts';
import { SEGMENT_BYTES } from '../layer/trunk/transmit.ts';
import type { IoPipe } from '../pipe/pipe.ts';
import { Compression, type CompressionSettings } from './compression.ts';

export { DEFAULT_MEMORY_BYTES, LEAST_MEMORY_BYTES, TrunkMemory } from '../layer/trunk/memory.ts';

export type ProxyMode = 'client' | 'server' | 'relay';

export interface StackOptions {
  /** Bytes that all trunks together may hold. Default 256 MiB. */
  readonly memoryBytes?: number;
  /** What several services share, in place of `memoryBytes`. Default each has its own. */
  readonly memory?: TrunkMemory;
  /** The largest message accepted from the peer, in bytes; it sends up to 64 KiB. Default 256 KiB. */
  readonly maxMessageBytes?: number;
  /** The key that both proxies share, at least 32 random bytes: only who has it is served, and only if it stripes. */
  readonly key?: Buffer | null;
  /** False leaves carriers in the clear, though there is a key. Default true. */
  readonly encrypt?: boolean;
  /** Both sides' carriers are TLS with these, in the place of the key; a key is proved inside, if there is one. */
  readonly certificates?: CertificateCredentials | null;
  /** Of the server's certificate, in client mode. Default: the host of the address that is dialled. */
  readonly serverName?: string | null;
  /** Of streams: what this side compresses, and takes. Default: a client nothing, a server what its client asks for. */
  readonly compression?: CompressionSettings;
  readonly clock?: Clock;
  readonly log?: Logger;
}

/** Of the secret that proofs of the key are bound to (docs/wire.md). */
const SECRET_LABEL = 'EXPORTER-tcp-striper-carrier';
const SECRET_BYTES = 32;

/** Room in a carrier's message for a frame's header and label beside a segment. */
const FRAMES_BYTES = 2048;

/** What a mode builds on the socket that it accepted, and on the one that it dialled. */
export interface Stack {
  /** @param first what somebody has read already to see what it is */
  accepted(socket: IoPipe<'bytes'>, first?: Buffer): IoPipe;
  dialled(socket: IoPipe<'bytes'>): IoPipe;
  /** What is said of streams, and in the handshake. */
  readonly compression: Compression;
  /** A stream that a client has opened. @throws PipeError when it asks for what it does not get, in words for it */
  opened(stream: StripedPipe): IoPipe<'bytes'>;
  /** What all trunks of the process share. */
  readonly memory: TrunkMemory;
  /** Of connections of a trunk that were accepted. Null: they stay in the clear. */
  readonly encryption: Encryption | null;
  /** What the handshake of a connection that was dialled goes over. @param peer the address, as it was given */
  link(socket: IoPipe<'bytes'>, peer: Endpoint): Link;
  /** What one connection of a trunk is built of, in the clear or encrypted. */
  carrier(pipe: IoPipe<'bytes'>): IoPipe<'messages'>;
}

/**
 * @param striped whether the pair speaks of streams over carriers, and not the classic framing
 * @throws RangeError when an option is not possible: here, and not when a connection comes
 */
export function stackFor(mode: ProxyMode, striped: boolean, options: StackOptions = {}): Stack {
  const sizes = checkedSizes(options);
  const carrierBytes = SEGMENT_BYTES + FRAMES_BYTES;
  const { memory = ownMemory(mode, options) } = options;
  const carrierSizes = {
    maxMessageBytes: Math.max(sizes.maxMessageBytes, carrierBytes),
    maxSendBytes: carrierBytes,
    pool: memory.receivePool,
  };
  const compression = new Compression({
    isServer: mode === 'server',
    settings: options.compression ?? { choice: null },
    clock: options.clock ?? systemClock,
    log: options.log ?? silentLogger,
    sendPool: memory.sendPool,
  });
  const plain = (socket: IoPipe<'bytes'>) => socket;
  const classic = (socket: IoPipe<'bytes'>, first?: Buffer) =>
    new DatagramPipe(socket, { ...sizes, recognise: protocolOf, ...(first === undefined ? {} : { first }) });
  const carrier = (pipe: IoPipe<'bytes'>) => {
    if (pipe instanceof TlsPipe) pipe.readInto(memory.receivePool);
    return new DatagramPipe(pipe, carrierSizes);
  };
  const credentials = credentialsFor(options);
  const proves = options.certificates ? options.certificates.asks : true;
  return {
    accepted: mode === 'server' ? classic : plain,
    dialled(socket) {
      if (socket instanceof StripedPipe) return compression.opened(socket, socket.label);
      return mode === 'client' && !striped ? announced(classic(socket)) : socket;
    },
    compression,
    opened: (stream) => compression.answer(stream, stream.label),
    memory,
    encryption:
      credentials === null
        ? null
        : {
            by: options.certificates ? 'certificates' : 'key',
            proves,
            link: (socket, first) => accepted(socket, credentials(null), proves, first),
          },
    link: (socket, peer) =>
      credentials === null ? { socket, pipe: socket, secret: null } : dialled(socket, credentials(peer)),
    carrier,
  };
}

/** The stream of a trunk among the two legs of a session, if there is one. */
export function streamAmong(...legs: (IoPipe | null)[]): StripedPipe | null {
  for (const leg of legs) {
    const pipe = leg instanceof CompressPipe ? leg.lower : leg;
    if (pipe instanceof StripedPipe) return pipe;
  }
  return null;
}

/** What compression has done for a session so far; null: it is not compressed. */
export function compressionAmong(...legs: (IoPipe | null)[]): Readonly<CompressCounters> | null {
  for (const leg of legs) if (leg instanceof CompressPipe) return leg.counters;
  return null;
}

function ownMemory(mode: ProxyMode, { memoryBytes }: StackOptions): TrunkMemory {
  return new TrunkMemory({
    ...(memoryBytes === undefined ? {} : { capacity: memoryBytes }),
    spare: mode === 'server',
  });
}

/** What a connection is encrypted with, given whom it was dialled to; null: with nothing. */
function credentialsFor(options: StackOptions): ((peer: Endpoint | null) => TlsCredentials) | null {
  const { key = null, encrypt = true, certificates = null, serverName = null } = options;
  if (certificates !== null)
    return (peer) =>
      peer === null ? certificates.accepting : certificates.towards(serverName ?? hostOf(peer));
  if (key === null || !encrypt) return null;
  const credentials = new PskCredentials(key);
  return () => credentials;
}

/** What the other end calls itself; null: a path is no name. */
function hostOf({ host }: Endpoint): string | null {
  return host === '' ? 'localhost' : (host ?? null);
}

function accepted(
  socket: IoPipe<'bytes'>,
  credentials: TlsCredentials,
  proves: boolean,
  first?: Buffer,
): Link {
  const more = first === undefined ? {} : { first };
  return linkOver(socket, new TlsPipe(socket, { role: 'server', credentials, farewell, ...more }), proves);
}

function dialled(socket: IoPipe<'bytes'>, credentials: TlsCredentials): Link {
  const recognise = answerInTheClear;
  return linkOver(socket, new TlsPipe(socket, { role: 'client', credentials, farewell, recognise }), true);
}

function linkOver(socket: IoPipe<'bytes'>, pipe: TlsPipe, proves: boolean): Link {
  const secret = () => pipe.exportKey(SECRET_LABEL, SECRET_BYTES);
  return { socket, pipe, secret, proves, peer: () => pipe.peer };
}

/** Of who is a tcp-proxy, but not the right one. */
function farewell({ code, message }: PipeError): Buffer | null {
  return code === 'permission' ? framed(refusal(REFUSED_CERTIFICATE, message)) : null;
}

/**
 * Says an empty message at once, which adds nothing to the stream: the server need not wait for the app's first words to
 * see that this is no carrier (adr/0007).
 */
function announced(pipe: DatagramPipe): DatagramPipe {
  if (pipe.writable) pipe.send(defaultPool.take(0));
  return pipe;
}
