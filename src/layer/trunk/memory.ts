/**
 * TrunkMemory: what all trunks of a process may hold, counted in the slabs that they really hold.
 *
 *     capacity
 *     +----------------------------------------------+----------------------------------------------+
 *     | sendPool: what apps sent, until the peer has  | receivePool: what the peer sent, until apps   |
 *     | acknowledged it. At the cap no app is read.   | have read it. Half of it is granted as credit |
 *     +----------------------------------------------+----------------------------------------------+
 *
 * The sending side is held by not reading apps. The receiving side cannot refuse what it has promised, so it promises no
 * more than half of what it has: where memory is short, slabs are made to be half full at least (pressure.ts).
 *
 * Both halves are divided among the trunks. What was granted cannot be taken back, so a trunk that carries nothing gets
 * little, and of what is left nobody gets more than half: the next one to come needs some, too.
 */

import { SlabPool } from '../../core/pool.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

export const DEFAULT_MEMORY_BYTES = 256 * MIB;
/** With less there is no room for a trunk of a few carriers, each of which reads 256 KiB at a time. */
export const LEAST_MEMORY_BYTES = 16 * MIB;

/** What any stream is always granted, so that those that are stalled cannot take it from the others. */
const FIRST_WINDOW = { least: 16 * KIB, most: 64 * KIB } as const;
/** What a trunk is granted in its handshake, and has until it carries anything. */
const FIRST_TRUNK_WINDOW = MIB / 2;
/** A server keeps so much of what it may grant, as a share, for trunks that carry little or have still to come. */
const RESERVED = 1 / 4;

/** Bytes of slabs that a byte of data takes at most, where memory is short: half of a slab may be empty, and its headroom. */
const HELD_PER_GRANTED = 2.5;

export interface TrunkMemoryOptions {
  /** Bytes. Default 256 MiB. */
  readonly capacity?: number;
  /** Where apps are read into. Default a pool of its own: what else the process does is not counted. */
  readonly sendPool?: SlabPool;
  /** Keeps a share free for one more trunk. */
  readonly spare?: boolean;
}

export class TrunkMemory {
  /** May be changed; less is reached as apps and peers read. */
  capacity: number;
  readonly sendPool: SlabPool;
  /** Where carriers are read into. */
  readonly receivePool = new SlabPool();
  /** Keeps something for one more trunk. */
  spare: boolean;
  readonly #shares = new Set<MemoryShare>();
  /** Called whenever an app or a peer has to wait for memory. */
  onShort: (() => void) | null = null;

  constructor(options: TrunkMemoryOptions = {}) {
    this.capacity = options.capacity ?? DEFAULT_MEMORY_BYTES;
    this.sendPool = options.sendPool ?? new SlabPool();
    this.spare = options.spare === true;
  }

  /** For the handshake: how far ahead the peer may send at first, on a stream and on all of them. */
  get windows(): { readonly stream: number; readonly trunk: number } {
    const stream = Math.min(FIRST_WINDOW.most, Math.max(FIRST_WINDOW.least, this.grantable / 1024));
    return {
      stream: Math.floor(stream),
      trunk: Math.min(FIRST_TRUNK_WINDOW, Math.floor(this.grantable / 4)),
    };
  }

  /** Bytes of the slabs that one direction may hold. */
  get half(): number {
    return this.capacity / 2;
  }
  /** Bytes that peers may be granted, all together. */
  get grantable(): number {
    return this.capacity / 4;
  }
  /** A fair share of one direction. */
  get share(): number {
    return this.half / Math.max(1, this.#shares.size + (this.spare ? 1 : 0));
  }
  /** Bytes that peers have been granted and have not used up. */
  get granted(): number {
    let sum = 0;
    for (const share of this.#shares) sum += share.granted;
    return sum;
  }
  /** Slabs that hold what peers sent are getting scarce. */
  get tight(): boolean {
    return this.receivePool.heldBytes > (this.half * 3) / 4;
  }
  /** Somebody has to wait for memory now. */
  get short(): boolean {
    return this.tight || [...this.#shares].some((share) => share.isWaitedFor());
  }
  /** Slabs that somebody holds. */
  get out(): number {
    return this.sendPool.out + this.receivePool.out;
  }
  get trunks(): number {
    return this.#shares.size;
  }
  /** There is enough left for a new trunk to begin with. */
  get hasShare(): boolean {
    return this.granted + this.windows.trunk <= this.grantable;
  }

  /** For a new trunk, whose handshake granted `windows`. */
  join(): MemoryShare {
    const share = new MemoryShare(this);
    this.#shares.add(share);
    return share;
  }

  leave(share: MemoryShare): void {
    this.#shares.delete(share);
    this.wake();
  }

  /** Memory was freed: trunks that wait for some look again. */
  wake(): void {
    for (const share of this.#shares) share.onRoom?.();
  }
}

/** One trunk's part. */
export class MemoryShare {
  readonly #memory: TrunkMemory;
  /** It has streams, or had some. */
  active = false;
  /** Bytes that this trunk's peer has been granted and that are not dealt with; kept by the trunk. */
  granted: number;
  /** Called when there may be room again. */
  onRoom: (() => void) | null = null;
  /** Whether an app of this trunk waits for that. */
  isWaitedFor: () => boolean = () => false;

  constructor(memory: TrunkMemory) {
    this.#memory = memory;
    this.granted = memory.windows.trunk;
  }

  get sendPool(): SlabPool {
    return this.#memory.sendPool;
  }
  get receivePool(): SlabPool {
    return this.#memory.receivePool;
  }

  /** Whether an app may be read, with so many bytes under way already. */
  hasRoom(unacknowledgedBytes: number): boolean {
    const { sendPool, half, share } = this.#memory;
    return sendPool.heldBytes < half && unacknowledgedBytes < share / 2;
  }

  /** What apps sent takes less than half of what it may. */
  get hasPlenty(): boolean {
    const { sendPool, half } = this.#memory;
    return sendPool.heldBytes < half / 2;
  }

  /**
   * How far ahead the peer may be on all streams together: a fair share, as far as others have left it. What was granted
   * before stays granted, so a share that has become smaller is reached as apps read.
   */
  get window(): number {
    const { share, granted, grantable, spare } = this.#memory;
    if (!this.active) return this.granted;
    const left = Math.max(0, grantable * (spare ? 1 - RESERVED : 1) - (granted - this.granted));
    const most = spare ? left / 2 : left;
    return Math.floor(Math.min(share / 2, Math.max(this.granted, most)));
  }

  /** What peers sent takes too much: no stream gets more than its first window. */
  get tight(): boolean {
    return this.#memory.tight;
  }

  /** Somebody has to wait for memory. */
  onShort(): void {
    this.#memory.onShort?.();
  }

  /** Bytes of slabs that may hold what this peer sent. */
  get mostHeld(): number {
    // Its share gets smaller when others come; what it was granted does not.
    return Math.max(this.#memory.share, HELD_PER_GRANTED * this.granted);
  }

  /** Memory was freed by this trunk. */
  onFreed(): void {
    this.#memory.wake();
  }

  leave(): void {
    this.#memory.leave(this);
  }
}
