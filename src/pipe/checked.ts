/**
 * CheckedPipe: wraps any pipe and asserts the contract of pipe.ts at every call, from both sides.
 *
 * For tests: a layer that breaks a promise fails at the place where it does so, and not three layers up. A violation
 * is thrown where it is found, and kept in `violations`, because an error thrown into an event loop can get lost.
 */

import type { Chunk } from '../core/chunk.ts';
import type { PipeError } from '../core/errors.ts';
import type { TcpInfo } from '../sys/tcp_info.ts';
import {
  type ActivityHandler,
  BROKEN,
  FIN_SENT,
  type IoPipe,
  type PipeKind,
  READABLE,
  READY,
  WRITABLE,
} from './pipe.ts';

/** A promise of the contract was broken, by the pipe or by its consumer. */
export class ContractViolation extends Error {
  override readonly name = 'ContractViolation';
}

export class CheckedPipe<K extends PipeKind> implements IoPipe<K> {
  readonly #pipe: IoPipe<K>;
  readonly violations: ContractViolation[] = [];
  onActivity: ActivityHandler | null = null;

  /** Depth of calls from the consumer: events may not come while it is above zero. */
  #inCall = 0;
  /** Events that were raised, as long as their flags have been on since. */
  #told = 0;
  #discarded = false;
  #finAsked = false;
  #wasReady = false;
  #wasFinReceived = false;
  #wasFinSent = false;
  #error: PipeError | null = null;

  constructor(pipe: IoPipe<K>) {
    this.#pipe = pipe;
    pipe.onActivity = (events) => this.#onEvents(events);
    this.#observe();
  }

  get kind(): K {
    return this.#pipe.kind;
  }
  get maxSend(): number {
    return this.#pipe.maxSend;
  }
  get ready(): boolean {
    return this.#pipe.ready;
  }
  get broken(): PipeError | null {
    return this.#pipe.broken;
  }
  get readable(): boolean {
    return this.#seen(READABLE, this.#pipe.readable);
  }
  get writable(): boolean {
    return this.#seen(WRITABLE, this.#pipe.writable);
  }
  get finReceived(): boolean {
    return this.#pipe.finReceived;
  }
  get finSent(): boolean {
    return this.#pipe.finSent;
  }
  get congestion(): TcpInfo | null {
    return this.#pipe.congestion;
  }

  recv(max?: number): Chunk | null {
    if (max !== undefined) this.#require(max >= 1, `recv(${max})`);
    const readable = this.readable;
    const over = this.finReceived || this.#discarded;
    const chunk = this.#call(() => this.#pipe.recv(max));
    if (chunk === null) {
      this.#require(!this.readable, 'recv() returned null but the pipe is still readable');
      return null;
    }
    this.#require(readable, 'recv() returned a chunk although the pipe was not readable');
    this.#require(!over, 'recv() returned a chunk after FIN or discard()');
    this.#require(!chunk.released, 'recv() returned a released chunk');
    if (this.kind === 'bytes') {
      this.#require(chunk.length > 0, 'recv() of a bytes pipe returned an empty chunk');
      this.#require(max === undefined || chunk.length <= max, `recv(${max}) returned ${chunk.length} bytes`);
    }
    return chunk;
  }

  wakeAt(bytes: number): void {
    this.#require(bytes >= 1, `wakeAt(${bytes})`);
    this.#call(() => this.#pipe.wakeAt?.(bytes));
  }

  send(chunk: Chunk): void {
    this.#require(this.writable, 'send() while not writable');
    this.#require(!this.#finAsked, 'send() after sendFin()');
    this.#require(
      chunk.length <= this.maxSend,
      `send() of ${chunk.length} bytes, maxSend is ${this.maxSend}`,
    );
    this.#require(!chunk.released, 'send() of a released chunk');
    this.#call(() => this.#pipe.send(chunk));
  }

  sendFin(): void {
    this.#require(this.ready || this.#discarded || this.broken !== null, 'sendFin() before ready');
    this.#require(!this.#finAsked, 'sendFin() twice');
    this.#finAsked = true;
    this.#call(() => this.#pipe.sendFin());
  }

  discard(error?: PipeError): void {
    this.#discarded = true;
    this.#call(() => this.#pipe.discard(error));
    this.onActivity = null;
  }

  /** Whoever has seen a flag off is told when it is on again, also where that happened outside of any call. */
  #seen(event: number, on: boolean): boolean {
    if (!on) this.#told &= ~event;
    return on;
  }

  #call<T>(work: () => T): T {
    this.#inCall++;
    try {
      return work();
    } finally {
      this.#inCall--;
      this.#observe();
    }
  }

  #onEvents(events: number): void {
    this.#require(!this.#discarded, `event ${events} after discard()`);
    this.#require(this.#inCall === 0, `event ${events} from inside the consumer's own call`);
    this.#require(events > 0 && events < 32, `event ${events} is none`);
    if (events & READY) this.#require(this.ready, 'event ready, but the flag is off');
    if (events & BROKEN) this.#require(this.broken !== null, 'event broken, but the flag is off');
    if (events & FIN_SENT) this.#require(this.finSent, 'event finSent, but the flag is off');
    const again = events & this.#told;
    this.#require(again === 0, `event ${again} although its flag has been on since the last one`);
    // readable and writable may have turned off again between the fact and a deferred event; the consumer looks anyway.
    if (events & (READABLE | WRITABLE))
      this.#require(this.ready || this.broken !== null, 'data event before ready');
    this.#told |= events;
    this.#observe();
    this.onActivity?.(events);
  }

  /** Flags that may only go one way, and combinations that cannot be. */
  #observe(): void {
    const { ready, broken, readable, writable, finReceived, finSent } = this.#pipe;
    this.#told &= flagsOf(this.#pipe);
    this.#require(!writable || !this.#finAsked, 'writable after sendFin()');
    if (this.#discarded) {
      this.#require(!ready && !readable && !writable, 'a flag is on after discard()');
    } else {
      this.#require(ready || !this.#wasReady || broken !== null, 'ready turned false');
      this.#require(!writable || ready, 'writable but not ready');
      this.#require(!writable || broken === null, 'writable but broken');
    }
    this.#require(finReceived || !this.#wasFinReceived, 'finReceived turned false');
    this.#require(finSent || !this.#wasFinSent, 'finSent turned false');
    this.#require(!finSent || this.#finAsked, 'finSent without sendFin()');
    this.#require(this.#error === null || broken === this.#error, 'the error in broken changed');
    if (this.#error !== null) this.#require(finReceived === this.#wasFinReceived, 'finReceived after broken');
    this.#wasReady = ready;
    this.#wasFinReceived = finReceived;
    this.#wasFinSent = finSent;
    this.#error = broken;
  }

  #require(holds: boolean, promise: string): void {
    if (holds) return;
    const violation = new ContractViolation(promise);
    this.violations.push(violation);
    throw violation;
  }
}

/** The flags that are on, as the bits of their events. */
function flagsOf({ ready, broken, readable, writable, finSent }: IoPipe): number {
  return (
    (ready ? READY : 0) |
    (broken === null ? 0 : BROKEN) |
    (readable ? READABLE : 0) |
    (writable ? WRITABLE : 0) |
    (finSent ? FIN_SENT : 0)
  );
}
