// Readiness events, from the addon's Poll to the object that each is for.
//
//     epoll -> (slot, mask), (slot, mask) ... in one array -> one call per turn of the loop -> targets[slot].onPoll(mask)
//
// Edge-triggered: an event says that something has changed, once. Whoever is told "readable" reads until -EAGAIN, or
// remembers that it has not; the same with writing.

import { loadAddon, type NativeAddon, type NativePoll } from './addon.ts';

/** Bytes, a FIN or a connection to accept have come. */
export const POLL_IN = 1;
/** Urgent data has come (TCP's out-of-band byte): reads stop at its mark, and short ones no longer mean an empty socket. */
export const POLL_PRI = 2;
/** There is room to send, or the connect is over. */
export const POLL_OUT = 4;
/** The socket has an error: `socketError` tells which. */
export const POLL_ERR = 8;
/** Both directions are at their end, or the connection was reset. A socket that never connected has it too. */
export const POLL_HUP = 16;
/** The peer sent FIN. */
export const POLL_RDHUP = 0x2000;

/** Whoever wants to know about a descriptor. */
export interface PollTarget {
  /**
   * `mask` is a union of the POLL constants. May watch and unwatch anything, itself included. What it throws surfaces
   * as an uncaughtException, after the other targets have had their events.
   */
  onPoll(mask: number): void;
}

const EVENTS_PER_TURN = 1024;

/** Watches descriptors on this thread's loop, which stays alive while there is at least one. */
export class Poller {
  readonly #events = new Int32Array(2 * EVENTS_PER_TURN);
  readonly #poll: NativePoll;
  readonly #targets: (PollTarget | null)[] = [];
  readonly #free: number[] = [];
  // Slots freed while a batch is being delivered. Events of the same batch may still name them, so that they are given
  // to nobody else before its end.
  readonly #freedInBatch: number[] = [];
  #delivering = false;
  #watched = 0;
  #closed = false;

  constructor(addon: NativeAddon) {
    this.#poll = new addon.Poll(this.#events, (count) => this.#deliver(count));
  }

  /** How many descriptors are watched. */
  get watched(): number {
    return this.#watched;
  }

  /** True after `close`. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Begins to watch `fd`: returns its slot, or a negative errno (-EEXIST if it is watched already, -EPERM if it is a
   * file, -EBADF if it is not open or this poller is closed). If anything is ready already, the first event says so.
   */
  watch(fd: number, target: PollTarget): number {
    const slot = this.#free.pop() ?? this.#targets.length;
    const result = this.#poll.add(fd, slot);
    if (slot === this.#targets.length) this.#targets.push(null);
    if (result < 0) {
      this.#free.push(slot);
      return result;
    }
    this.#targets[slot] = target;
    this.#watched++;
    return slot;
  }

  /**
   * From now on tells of `interest` (POLL_IN, which brings POLL_PRI along, POLL_OUT) and, as always, of errors and ends.
   * What is ready already and of interest comes at once.
   */
  setInterest(slot: number, fd: number, interest: number): void {
    this.#poll.modify(fd, slot, interest);
  }

  /** Ends it; no event comes after this. Takes the slot from `watch`. To be called before `fd` is closed. */
  unwatch(slot: number, fd: number): void {
    if ((this.#targets[slot] ?? null) === null) return;
    this.#targets[slot] = null;
    this.#watched--;
    this.#poll.remove(fd);
    (this.#delivering ? this.#freedInBatch : this.#free).push(slot);
  }

  /** Forgets all targets, and tells none of them. The descriptors stay open. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#poll.close();
    this.#targets.fill(null);
    this.#watched = 0;
  }

  #deliver(count: number): void {
    const events = this.#events;
    const targets = this.#targets;
    const errors: unknown[] = [];
    this.#delivering = true;
    for (let i = 0; i < count; i++) {
      const target = targets[events[2 * i] as number];
      if (target === null || target === undefined) continue;
      try {
        target.onPoll(events[2 * i + 1] as number);
      } catch (error) {
        errors.push(error);
      }
    }
    this.#delivering = false;
    for (const slot of this.#freedInBatch) this.#free.push(slot);
    this.#freedInBatch.length = 0;
    if (errors.length > 0) this.#surface(errors);
  }

  /** One error can leave from here, and the addon makes an uncaughtException of it; others need a turn each. */
  #surface(errors: unknown[]): never {
    for (const error of errors.slice(1)) {
      setImmediate(() => {
        throw error;
      });
    }
    throw errors[0];
  }
}

let shared: Poller | undefined;

/** This thread's poller, made when first asked for. Throws where there is no addon. */
export function poller(): Poller {
  if (shared === undefined || shared.closed) {
    const addon = loadAddon();
    if (addon === null) throw new Error('there is no poller without the native addon');
    shared = new Poller(addon);
  }
  return shared;
}
