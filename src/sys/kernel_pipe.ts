// Kernel pipes, and a small pool of them: splice(2) moves bytes from a socket into one and from it to another socket.
//
// A kernel pipe is scarce: an unprivileged user owns 64 MiB of pipe buffers in all (pipe-user-pages-soft), beyond which
// the kernel hands out pipes of one or two pages, which are slower than copying. So a pipe is held only while bytes are
// inside, and whoever gets none copies through a buffer.

import type { NativeAddon } from './addon.ts';

/** Less than this is not worth splicing through. */
const SMALLEST_USEFUL_BYTES = 64 * 1024;

/** How long the kernel is left alone after it gave nothing useful. */
const RETRY_AFTER_MS = 100;

/** One kernel pipe. Write end first: `splice(socket, writeFd)`, then `splice(readFd, socket)`. */
export class KernelPipe {
  readonly readFd: number;
  readonly writeFd: number;
  /**
   * Its size as the kernel counts: 4,096 bytes for every slot. One slot takes one piece of a packet, be it one byte or
   * 32 KiB, so that it may be full with much less than this, or hold more.
   */
  readonly capacity: number;
  /** Bytes inside. Kept by whoever splices; the pool goes by it. */
  held = 0;

  constructor(readFd: number, writeFd: number, capacity: number) {
    this.readFd = readFd;
    this.writeFd = writeFd;
    this.capacity = capacity;
  }
}

export interface KernelPipePoolOptions {
  /** Bytes per pipe, at least 64 KiB. Default 1 MiB, the most that an unprivileged user may ask for. */
  size?: number;
  /** How many empty pipes to keep open. Default 16. */
  maxIdle?: number;
  /** How many may be open, in use and idle together. Default no limit. */
  maxOpen?: number;
  /** Milliseconds from any origin, never going back. For tests. */
  now?: () => number;
}

/** Hands out empty kernel pipes. */
export class KernelPipePool {
  readonly #addon: NativeAddon;
  readonly #size: number;
  readonly #maxIdle: number;
  readonly #maxOpen: number;
  readonly #now: () => number;
  readonly #idle: KernelPipe[] = [];
  readonly #out = new Set<KernelPipe>();
  #retryAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(addon: NativeAddon, options: KernelPipePoolOptions = {}) {
    const {
      size = 1024 * 1024,
      maxIdle = 16,
      maxOpen = Number.POSITIVE_INFINITY,
      now = () => performance.now(),
    } = options;
    if (!Number.isInteger(size) || size < SMALLEST_USEFUL_BYTES || size > 0x7fffffff) {
      throw new RangeError(`size must be from ${SMALLEST_USEFUL_BYTES} to ${0x7fffffff} bytes, not ${size}`);
    }
    if (!Number.isInteger(maxIdle) || maxIdle < 0) {
      throw new RangeError(`maxIdle must be an integer of at least 0, not ${maxIdle}`);
    }
    this.#addon = addon;
    this.#size = size;
    this.#maxIdle = maxIdle;
    this.#maxOpen = maxOpen;
    this.#now = now;
  }

  /** How many pipes are handed out. */
  get out(): number {
    return this.#out.size;
  }

  /** How many empty ones wait. */
  get idle(): number {
    return this.#idle.length;
  }

  /**
   * An empty pipe, or null: copy instead. Null when `maxOpen` are in use, when the kernel has no descriptors or no pipe memory left for this user,
   * in which case it is not asked again for 100 ms, and after `close`.
   */
  acquire(): KernelPipe | null {
    if (this.#closed) return null;
    const pipe = this.#idle.pop() ?? this.#open();
    if (pipe !== null) this.#out.add(pipe);
    return pipe;
  }

  /**
   * Takes it back. One that still holds bytes is closed: they belong to a connection, and the next must not get them.
   * Throws if this pipe is not out, since a pipe released twice would later serve two connections.
   */
  release(pipe: KernelPipe): void {
    if (!this.#out.delete(pipe)) throw new Error('this kernel pipe is not out of this pool');
    if (pipe.held !== 0 || this.#closed || this.#idle.length >= this.#maxIdle) {
      this.#shut(pipe);
    } else {
      this.#idle.push(pipe);
    }
  }

  /** Closes the idle ones now, and each of the others when it is released. */
  close(): void {
    this.#closed = true;
    for (const pipe of this.#idle.splice(0)) this.#shut(pipe);
  }

  #open(): KernelPipe | null {
    if (this.#out.size >= this.#maxOpen || this.#now() < this.#retryAt) return null;
    const made = this.#addon.kernelPipe(this.#size);
    if (typeof made !== 'number') {
      const pipe = new KernelPipe(made.readFd, made.writeFd, made.capacity);
      if (pipe.capacity >= SMALLEST_USEFUL_BYTES) return pipe;
      this.#shut(pipe);
    }
    this.#retryAt = this.#now() + RETRY_AFTER_MS;
    return null;
  }

  #shut(pipe: KernelPipe): void {
    this.#addon.close(pipe.readFd);
    this.#addon.close(pipe.writeFd);
  }
}
