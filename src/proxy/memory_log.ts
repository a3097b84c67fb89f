/**
 * MemoryLog: says that the limit of --memory is reached, and when nobody waits for memory any more.
 *
 *     warn  the limit of --memory (268 MB) is reached: 134 MB from apps wait for the other proxy, 0 B from there for apps;
 *           connections go on as that gets less
 *     info  no connection waits for memory (--memory) any more
 *
 * It may be reached and left many times a second, so a line comes when that goes on, and the other when it has ended for
 * good.
 */

import type { Cancel, Clock } from '../core/clock.ts';
import { formatBytes } from '../core/format.ts';
import type { Logger } from '../core/log.ts';
import type { TrunkMemory } from '../layer/trunk/memory.ts';

/** Whoever waits for so long has noticed. */
const LASTS_MS = 1000;
const OVER_MS = 10_000;

export class MemoryLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #memory: TrunkMemory;
  #shortAt = Number.NEGATIVE_INFINITY;
  #said = false;
  #cancel: Cancel | null = null;

  constructor(log: Logger, clock: Clock, memory: TrunkMemory) {
    this.#log = log;
    this.#clock = clock;
    this.#memory = memory;
    memory.onShort = () => this.#onShort();
  }

  stop(): void {
    this.#memory.onShort = null;
    this.#cancel?.();
    this.#cancel = null;
  }

  #onShort(): void {
    this.#shortAt = this.#clock.now();
    this.#cancel ??= this.#lookIn(LASTS_MS);
  }

  #lookIn(ms: number): Cancel {
    const since = this.#clock.now();
    return this.#clock.after(ms, () => this.#look(since));
  }

  #look(since: number): void {
    const now = this.#clock.now();
    if (this.#memory.short) this.#shortAt = now;
    const goesOn = this.#said ? now - this.#shortAt <= OVER_MS : this.#shortAt > since;
    if (goesOn && !this.#said) this.#log.warn(this.#words());
    else if (!goesOn && this.#said) this.#log.info('no connection waits for memory (--memory) any more');
    this.#said = goesOn;
    this.#cancel = goesOn ? this.#lookIn(OVER_MS) : null;
  }

  #words(): string {
    const { capacity, sendPool, receivePool } = this.#memory;
    const [sent, received] = [sendPool, receivePool].map(({ heldBytes }) => formatBytes(heldBytes));
    const held = `${sent} from apps wait for the other proxy, ${received} from there for apps`;
    return `the limit of --memory (${formatBytes(capacity)}) is reached: ${held}; connections go on as that gets less`;
  }
}
