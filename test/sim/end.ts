/**
 * SimEnd: one end of a simulated connection of messages, apart from how they travel.
 */

import type { Chunk } from '../../src/core/chunk.ts';
import { PipeError } from '../../src/core/errors.ts';
import { PipeBase } from '../../src/pipe/base.ts';
import { BROKEN, READABLE } from '../../src/pipe/pipe.ts';

export abstract class SimEnd extends PipeBase<'messages'> {
  readonly kind = 'messages';
  readonly maxSend = Number.POSITIVE_INFINITY;
  #inbox: Chunk[] = [];
  #broken: PipeError | null = null;
  #discarded = false;
  #peerFin = false;
  #finReceived = false;
  /** Set by who sends it. */
  finWanted = false;
  finSent = false;

  /** The other end breaks, as a reset does it. */
  protected abstract resetPeer(): void;
  /** The other end hears of our orderly end. */
  protected abstract endPeer(): void;
  /** Lets go of what is on its way. */
  protected abstract drop(): void;

  get ready(): boolean {
    return !this.#discarded;
  }
  get broken(): PipeError | null {
    return this.#broken;
  }
  get readable(): boolean {
    return !this.#discarded && !this.#finReceived && (this.#inbox.length > 0 || this.#peerFin);
  }
  get finReceived(): boolean {
    return this.#finReceived;
  }
  /** Neither side is through with it. */
  get isAlive(): boolean {
    return !this.#discarded && this.#broken === null;
  }

  recv(): Chunk | null {
    const chunk = this.readable ? this.#inbox.shift() : undefined;
    if (chunk !== undefined) return chunk;
    if (this.#peerFin && this.isAlive) this.#finReceived = true;
    return null;
  }

  discard(error?: PipeError): void {
    if (this.#discarded) return;
    this.#discarded = true;
    this.silence();
    this.#dropAll();
    if (error === undefined && this.#broken === null) this.endPeer();
    else this.resetPeer();
  }

  break(error: PipeError): void {
    if (!this.isAlive) return;
    this.#broken = error;
    this.#dropAll();
    this.raiseLater(BROKEN);
  }

  /** A message has come. Who is through with it lets it go. */
  arrive(...chunks: Chunk[]): void {
    const before = this.readable;
    if (this.isAlive) this.#inbox.push(...chunks);
    else for (const chunk of chunks) chunk.release();
    if (!before && this.readable) this.raise(READABLE);
  }

  onPeerClosed(): void {
    if (this.#peerFin || !this.isAlive) return;
    this.#peerFin = true;
    this.raise(READABLE);
  }

  #dropAll(): void {
    for (const chunk of this.#inbox) chunk.release();
    this.#inbox = [];
    this.drop();
  }
}

/** What the other end of a cut link hears. */
export function reset(): PipeError {
  return new PipeError('reset', 'link');
}
