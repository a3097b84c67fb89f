/** Flags and their events. */

import { PipeBase } from '../../pipe/base.ts';
import { BROKEN, FIN_SENT, type IoPipe, READABLE, READY, WRITABLE } from '../../pipe/pipe.ts';

/** The flags of a pipe, as the bits of their events. */
export function flagsOf(pipe: IoPipe): number {
  return (
    (pipe.ready ? READY : 0) |
    (pipe.broken === null ? 0 : BROKEN) |
    (pipe.readable ? READABLE : 0) |
    (pipe.writable ? WRITABLE : 0) |
    (pipe.finSent ? FIN_SENT : 0)
  );
}

/** A pipe that raises what has turned true since the last time, whatever the reason: it says when to look. */
export abstract class AnnouncingPipe extends PipeBase<'bytes'> {
  /** The flags that the consumer knows of, as the bits of their events. */
  #known = 0;

  /** In a microtask: a call of the consumer's may be under way. */
  protected announce(): void {
    const flags = flagsOf(this);
    const fresh = flags & ~this.#known;
    this.#known = flags;
    this.raiseLater(fresh);
  }

  /** A flag that went off and on again before its event came has been told with that. */
  protected override raise(events: number): void {
    this.#known |= events & flagsOf(this);
    super.raise(events);
  }

  /** The consumer hears of these flags in another way. */
  protected knows(flags: number): void {
    this.#known = flags;
  }
}
