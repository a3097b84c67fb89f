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
 * of them it has (trunk_server.ts). With a key, a carrier is datagram over TLS over bytes.
 */

import { defaultPool } from '../core/pool.ts';
import { protocolOf } from '../core/protocols.ts';
import { checkedSizes, DatagramPipe } from '../layer/datagram/pipe.ts';
import { TlsPipe } from '../layer/tls/pipe.ts';
import { PskCredentials } from '../layer/tls/psk.ts';
import { answerInTheClear } from '../layer/trunk/greeting.ts';
import type { Link } from '../layer/trunk/join.ts';
import { TrunkMemory } from '../layer/trunk/memory.ts';
import { SEGMENT_BYTES } from '../layer/trunk/transmit.ts';
import type { IoPipe } from '../pipe/pipe.ts';

export { DEFAULT_MEMORY_BYTES, LEAST_MEMORY_BYTES } from '../layer/trunk/memory.ts';

export type ProxyMode = 'client' | 'server' | 'relay';

export interface StackOptions {
  /** Bytes that all trunks together may hold. Default 256 MiB. */
  readonly memoryBytes?: number;
  /** The largest message accepted from the peer, in bytes; it sends up to 64 KiB. Default 256 KiB. */
  readonly maxMessageBytes?: number;
  /** The key that both proxies share, at least 32 random bytes: only who has it is served, and only if it stripes. */
  readonly key?: Buffer | null;
  /** False leaves carriers in the clear, though there is a key. Default true. */
  readonly encrypt?: boolean;
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
  /** What all trunks of the process share. */
  readonly memory: TrunkMemory;
  /** Encrypts a connection of a trunk. @param first what was read of it already. Null: they stay in the clear. */
  readonly encrypted: ((socket: IoPipe<'bytes'>, first?: Buffer) => Link) | null;
  /** What the handshake of a connection that was dialled goes over. */
  link(socket: IoPipe<'bytes'>): Link;
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
  const memory = new TrunkMemory({
    ...(options.memoryBytes === undefined ? {} : { capacity: options.memoryBytes }),
    spare: mode === 'server',
  });
  const carrierSizes = {
    maxMessageBytes: Math.max(sizes.maxMessageBytes, carrierBytes),
    maxSendBytes: carrierBytes,
    pool: memory.receivePool,
  };
  const plain = (socket: IoPipe<'bytes'>) => socket;
  const framed = (socket: IoPipe<'bytes'>, first?: Buffer) =>
    new DatagramPipe(socket, { ...sizes, recognise: protocolOf, ...(first === undefined ? {} : { first }) });
  const carrier = (pipe: IoPipe<'bytes'>) => {
    if (pipe instanceof TlsPipe) pipe.readInto(memory.receivePool);
    return new DatagramPipe(pipe, carrierSizes);
  };
  const encrypted = encryption(mode, options);
  return {
    accepted: mode === 'server' ? framed : plain,
    dialled: mode === 'client' && !striped ? (socket) => announced(framed(socket)) : plain,
    memory,
    encrypted,
    link: encrypted ?? ((socket) => ({ socket, pipe: socket, secret: null })),
    carrier,
  };
}

function encryption(mode: ProxyMode, { key = null, encrypt = true }: StackOptions): Stack['encrypted'] {
  if (key === null || !encrypt) return null;
  const credentials = new PskCredentials(key);
  return (socket, first) => {
    const pipe = new TlsPipe(socket, {
      credentials,
      ...(mode === 'client' ? { role: 'client', recognise: answerInTheClear } : { role: 'server' }),
      ...(first === undefined ? {} : { first }),
    });
    return { socket, pipe, secret: () => pipe.exportKey(SECRET_LABEL, SECRET_BYTES), proves: true };
  };
}

/**
 * Says an empty message at once, which adds nothing to the stream: the server need not wait for the app's first words to
 * see that this is no carrier (adr/0007).
 */
function announced(pipe: DatagramPipe): DatagramPipe {
  if (pipe.writable) pipe.send(defaultPool.take(0));
  return pipe;
}
