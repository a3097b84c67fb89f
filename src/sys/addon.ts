// The native addon: its types, and the one place that loads it.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** 4 and 6 are IP; 1 is a Unix socket, whose `host` is the path (or `'\0name'`, abstract) and whose `port` is 0. */
export type NativeFamily = 1 | 4 | 6;

/** As `localAddress` and `peerAddress` report it. */
export interface NativeAddress {
  family: NativeFamily;
  host: string;
  port: number;
}

/**
 * The options of `setOption` and `getOption`. On and off are 1 and 0; what is not in the name's unit is in bytes or a
 * plain number. The kernel doubles `sendBuffer` and `receiveBuffer` when they are set, and reads back the double.
 * `rtoMaxMs` is 1,000 to 120,000, from Linux 6.15 on; before, it is -ENOPROTOOPT. `notSentLowAt` takes -1 for no limit, and then reads 4294967295.
 */
export type OptionName =
  | 'reuseAddress'
  | 'reusePort'
  | 'keepAlive'
  | 'oobInline'
  | 'rcvLowAt'
  | 'sendBuffer'
  | 'receiveBuffer'
  | 'mark'
  | 'priority'
  | 'typeOfService'
  | 'bindAddressNoPort'
  | 'freeBind'
  | 'v6Only'
  | 'trafficClass'
  | 'noDelay'
  | 'cork'
  | 'quickAck'
  | 'keepIdleSec'
  | 'keepIntervalSec'
  | 'keepCount'
  | 'userTimeoutMs'
  | 'rtoMaxMs'
  | 'notSentLowAt'
  | 'synCount'
  | 'deferAcceptSec'
  | 'maxSegment'
  | 'windowClamp';

/** One epoll descriptor on this thread's loop. `Poller` is the class to use. */
export interface NativePoll {
  /** Edge-triggered, for everything. A socket that is ready already raises an event at once. */
  add(fd: number, slot: number): number;
  /** Tells of `mask` (POLL_IN, POLL_OUT) from now on, at once if it is ready, and of errors and ends as before. */
  modify(fd: number, slot: number, mask: number): number;
  /** Before `fd` is closed. */
  remove(fd: number): number;
  /** Adding and removing then give -EBADF. */
  close(): void;
}

/** One direction of one stream through a compression library. `layer/compress/native.ts` is what to use. */
export interface NativeCodecStream {
  /** Writes to `results`; flush is 0 none, 1 partial, 2 end of the frame. */
  step(
    input: Uint8Array,
    inputStart: number,
    inputLength: number,
    output: Uint8Array,
    outputStart: number,
    outputLength: number,
    flush: number,
  ): void;
  /** The same on another thread; `onDone` is called then. Both buffers have to be left alone until then. */
  stepLater: NativeCodecStream['step'];
  /** What the last step failed for, in the words of the library; empty if it did not. */
  error(): string;
  /** Frees it, when the step that is under way is over. `onDone` is called for that all the same. */
  close(): void;
}

/** The records of one direction of a TLS 1.3 connection: native/record_cipher.h. */
export interface NativeRecordCipher {
  /**
   * Content of any length as records of at most 16 KiB. `to` has room for 22 bytes more for each. Bytes written, or -EIO.
   */
  seal(from: Uint8Array, at: number, length: number, type: number, to: Uint8Array, toAt: number): number;
  /**
   * Opens whole records, as far as they fit into `toLength` bytes (an opened one has its type behind it, and padding), up to
   * the first that is no data. `result`: bytes used up, bytes of data, type of what is no data or 0, length of that, which
   * is behind the data. 0, or what is wrong with the next: -EPROTO, -EMSGSIZE, -EBADMSG.
   */
  open(
    from: Uint8Array,
    at: number,
    length: number,
    to: Uint8Array,
    toAt: number,
    toLength: number,
    result: Int32Array,
  ): number;
  /** From now on under this key. 0, or -EBADF when closed. */
  rekey(key: Uint8Array, iv: Uint8Array): number;
  /** Forgets the key. */
  close(): void;
}

export interface RecordCipherClass {
  /** Whether this Node has what it needs. */
  readonly available: boolean;
  /** @param suite 0x1301 to 0x1303 @param records so many were protected with this key already */
  new (suite: number, key: Uint8Array, iv: Uint8Array, records?: number): NativeRecordCipher;
}

/**
 * The addon as it is. Numbers that are returned are results >= 0 or a negative errno (see errno.ts). A TypeError or
 * RangeError is thrown only for arguments that no caller should give. File descriptors are plain numbers, owned by the
 * caller: nothing here closes one but `close` and `reset`.
 */
export interface NativeAddon {
  /**
   * `events` receives (slot, mask) pairs and `onEvents` their count, once per turn of the loop with any. What
   * `onEvents` throws becomes an uncaughtException. The loop stays alive while a descriptor is in the poll.
   */
  readonly Poll: new (
    events: Int32Array,
    onEvents: (count: number) => void,
  ) => NativePoll;
  readonly RecordCipher: RecordCipherClass;

  /**
   * `kind`: 0 compresses and 1 decompresses zstd, 2 and 3 LZ4; throws for what the addon was built without. `windowLog`: of
   * what is compressed (0: as the level has it), or the most that is decompressed. `results`: bytes consumed and produced,
   * 1 if there is more to come out, 1 if no frame is open, nanoseconds of processor time, 1 if it failed.
   */
  readonly CodecStream: {
    new (
      kind: number,
      level: number,
      windowLog: number,
      results: Float64Array,
      onDone: () => void,
    ): NativeCodecStream;
    readonly hasZstd: boolean;
    readonly hasLz4: boolean;
  };

  /** A stream socket, non-blocking and close-on-exec: its descriptor. */
  socket(family: NativeFamily): number;
  /**
   * `host` is numeric; an IPv6 one may end in `%scope`. -EINVAL if it is not, -ENODEV for an unknown scope,
   * -ENAMETOOLONG for a path above 107 bytes. `port` is 0 to 65535.
   */
  bind(fd: number, family: NativeFamily, host: string, port: number): number;
  listen(fd: number, backlog: number): number;
  /** The descriptor of a new connection, non-blocking and close-on-exec; -EAGAIN when none waits. */
  accept(fd: number): number;
  /** As `bind`. -EINPROGRESS is normal: writable, then `socketError`, tells how it went. */
  connect(fd: number, family: NativeFamily, host: string, port: number): number;
  /** Bytes read, 0 at FIN (or if `length` is 0), -EAGAIN when there are none. */
  recv(fd: number, buffer: Uint8Array, offset: number, length: number): number;
  /**
   * As `recv`, into `pieces` (1 to 16) parts of `piece` bytes each, the first at `offset`, with `gap` bytes between them
   * that are left alone: bytes read in all, filling one part after the other.
   */
  recvPieces(
    fd: number,
    buffer: Uint8Array,
    offset: number,
    piece: number,
    gap: number,
    pieces: number,
  ): number;
  /** Bytes taken, possibly fewer than `length`; -EAGAIN when none. Never raises SIGPIPE. */
  send(fd: number, buffer: Uint8Array, offset: number, length: number): number;
  /** Sends FIN after all that was sent. */
  shutdownWrite(fd: number): number;
  /** Takes SO_ERROR: 0 or a negative errno. */
  socketError(fd: number): number;
  close(fd: number): number;
  /** Closes with RST, dropping what is still queued. (A Unix socket has no RST; its peer sees an end.) */
  reset(fd: number): number;
  /**
   * SO_LINGER: with 0, any close sends RST, also the kernel's own when this process is killed; -1 is the normal close.
   * Accepted sockets inherit it.
   */
  setLinger(fd: number, seconds: number): number;

  /** The address, or a negative errno. An IPv4 peer of a dual-stack socket has family 4. */
  localAddress(fd: number): NativeAddress | number;
  /** As `localAddress`. A Unix client that bound no path has the host ''. */
  peerAddress(fd: number): NativeAddress | number;

  readonly options: Readonly<Record<OptionName, number>>;
  setOption(fd: number, option: number, value: number): number;
  getOption(fd: number, option: number): number;
  /** -ENOENT if the kernel does not have it, -EPERM if this user may not have it. */
  setCongestion(fd: number, name: string): number;
  getCongestion(fd: number): string | number;
  /** Traffic through one interface only; '' undoes it. -ENODEV if there is none of that name. */
  bindToDevice(fd: number, name: string): number;

  /** `size` and `capacity` in bytes; what the kernel gave may be less than was asked. `KernelPipePool` is what to use. */
  kernelPipe(size: number): { readFd: number; writeFd: number; capacity: number } | number;
  /** Moves up to `length` bytes; one side is a kernel pipe. Bytes moved, 0 at FIN, -EAGAIN. */
  splice(fromFd: number, toFd: number, length: number): number;

  /** Names, in the order of `tcpInfo`: the kernel's, without `tcpi_`. */
  readonly tcpInfoFields: readonly string[];
  /**
   * Length of the kernel's answer in bytes; fields that are not whole within it are NaN. `TcpInfo` is what to use, and
   * has the units. A `limit` below the kernel's own length gives the answer of an older kernel.
   */
  tcpInfo(fd: number, values: Float64Array, limit?: number): number;

  /** RLIMIT_NOFILE: how many descriptors this process may have, Infinity for no limit. */
  fdLimit(): { soft: number; hard: number } | number;
}

/** The environment variable that chooses: `native` insists on the addon, `portable` does without it. */
const BACKEND = 'TCP_STRIPER_BACKEND';

interface Loaded {
  addon: NativeAddon | null;
  problem: string | null;
}

let loaded: Loaded | undefined;

/**
 * The addon, or null where it cannot be had or is not wanted; `addonProblem` then says why. Looks once per thread.
 * Throws if TCP_STRIPER_BACKEND is `native` and the addon does not load, or if it is neither `native` nor `portable`.
 */
export function loadAddon(): NativeAddon | null {
  loaded ??= load(process.env[BACKEND] ?? '');
  return loaded.addon;
}

/** Why `loadAddon` returned null, in words; null if it returned the addon. */
export function addonProblem(): string | null {
  loadAddon();
  return loaded?.problem ?? null;
}

function load(backend: string): Loaded {
  if (backend !== '' && backend !== 'native' && backend !== 'portable') {
    throw new Error(`${BACKEND} is '${backend}'; it can be 'native' or 'portable'`);
  }
  if (backend === 'portable') return { addon: null, problem: `${BACKEND} is 'portable'` };
  try {
    return { addon: requireAddon(), problem: null };
  } catch (error) {
    if (backend === 'native') {
      throw new Error(`${BACKEND} is 'native', but the native addon does not load: ${reasonOf(error)}`, {
        cause: error,
      });
    }
    return { addon: null, problem: reasonOf(error) };
  }
}

function requireAddon(): NativeAddon {
  const require = createRequire(import.meta.url);
  // This file runs as dist/src/sys/addon.js.
  const packageRoot = fileURLToPath(new URL('../../../', import.meta.url));
  return require('node-gyp-build')(packageRoot);
}

/** node-gyp-build's message goes on for lines that help nobody who reads a log. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0] ?? text;
}
