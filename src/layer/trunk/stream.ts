/**
 * StripedPipe: one app connection inside a trunk.
 *
 *     app bridge --send--> SendStream --(the trunk chooses a carrier)-->
 *     app bridge <--recv-- ReceiveStream <--(from all carriers)--
 *
 * Unit: bytes. Backpressure: down, one chunk waits until a carrier takes it and the peer has credit; up, the peer may
 * send as far as it was granted, and is granted more as the app reads.
 * FIN is a flag at the last offset, delivered behind every byte. RST is a RESET_STREAM frame, with the reason.
 * Memory: sent and unacknowledged bytes (within the peer's credit), received and unread ones (within ours).
 */

import type { Chunk } from '../../core/chunk.ts';
import type { PipeError } from '../../core/errors.ts';
import { PipeBase } from '../../pipe/base.ts';
import { BROKEN, FIN_SENT, READABLE, WRITABLE } from '../../pipe/pipe.ts';
import type { ReceiveStream } from './receive.ts';
import type { SendStream } from './send.ts';
import type { StreamWindow } from './window.ts';

/**
 * Where memory is short because others are stalled, whoever has nothing under way may still send so much: a keystroke and
 * a request go on.
 */
const SHORT_BYTES = 2048;

/** What a stream asks of its trunk. */
export interface StreamHost {
  /** Largest segment, in bytes. */
  readonly segmentBytes: number;
  /** Whether there is memory for more unacknowledged bytes. */
  readonly hasRoom: boolean;
  /** Whether there is so much that nobody has to save. */
  readonly hasPlenty: boolean;
  /** The stream has something new to send. */
  submit(stream: StripedPipe): void;
  /** It would take more from its app if there were room: tell it when there is. */
  awaitRoom(stream: StripedPipe): void;
  /** The app has taken something. */
  onRead(stream: StripedPipe): void;
  /** The app gives the stream up. */
  abort(stream: StripedPipe, error: PipeError | null): void;
  /** The app lets go of it; see whether it can be forgotten. */
  release(stream: StripedPipe): void;
}

export class StripedPipe extends PipeBase<'bytes'> {
  readonly kind = 'bytes';
  readonly congestion = null;
  readonly id: number;
  /** What the opener said of it; bytes of the peer's choice on the other side. */
  readonly label: Buffer;
  readonly sending: SendStream;
  readonly receiving: ReceiveStream;
  readonly #host: StreamHost;
  #broken: PipeError | null = null;
  #finReceived = false;
  #finWanted = false;
  #finSent = false;
  #discarded = false;
  /** What the app was last told, so that events come on 0 -> 1 only. */
  #toldWritable = true;
  #toldReadable = false;
  /** Our side of it has been reset, and the peer was told or knows. */
  resetDone = false;
  /** How far the trunk's credit for what came has been given back. */
  settledTo = 0;
  /** How much of the trunk's credit is counted as this stream's. */
  claimed = 0;
  /** How far ahead of the app the peer may be. */
  readonly window: StreamWindow;
  /** For the outbox: where it waits for its turn to send, and how often it has asked for one. */
  line: object | null = null;
  ticket = 0;

  constructor(
    host: StreamHost,
    id: number,
    label: Buffer,
    sending: SendStream,
    receiving: ReceiveStream,
    window: StreamWindow,
  ) {
    super();
    this.#host = host;
    this.id = id;
    this.label = label;
    this.sending = sending;
    this.receiving = receiving;
    this.window = window;
  }

  get maxSend(): number {
    if (!this.#host.hasRoom) return SHORT_BYTES;
    if (this.#host.hasPlenty) return this.#host.segmentBytes;
    // What is beyond the peer's credit would only wait here.
    const { limit, offset } = this.sending;
    return Math.max(SHORT_BYTES, Math.min(this.#host.segmentBytes, limit - offset));
  }
  get ready(): boolean {
    return !this.#discarded;
  }
  get broken(): PipeError | null {
    return this.#broken;
  }
  get readable(): boolean {
    if (this.#discarded || this.#finReceived) return false;
    return this.#broken === null ? this.receiving.readable : this.receiving.bufferedBytes > 0;
  }
  get writable(): boolean {
    if (!this.#isOpen()) return false;
    if (this.sending.accepts && (this.#host.hasRoom || this.sending.unacknowledgedBytes === 0)) return true;
    this.#toldWritable = false;
    if (this.sending.accepts) this.#host.awaitRoom(this);
    return false;
  }
  #isOpen(): boolean {
    return !this.#discarded && this.#broken === null && !this.#finWanted;
  }
  get finReceived(): boolean {
    return this.#finReceived;
  }
  get finSent(): boolean {
    return this.#finSent;
  }
  /** The app will neither read nor write any more. */
  get discarded(): boolean {
    return this.#discarded;
  }

  recv(max = Number.POSITIVE_INFINITY): Chunk | null {
    if (!this.readable) {
      this.#toldReadable = false;
      return null;
    }
    const chunk = this.receiving.read(max);
    if (chunk === null) {
      this.#finReceived = true;
      this.#toldReadable = false;
      return null;
    }
    this.#host.onRead(this);
    if (!this.readable) this.#toldReadable = false;
    return chunk;
  }

  send(chunk: Chunk): void {
    // Not `writable`: there may have been memory for exactly this chunk, and none besides.
    if (!this.#isOpen() || !this.sending.accepts) throw new Error('send() while not writable');
    const { segmentBytes } = this.#host;
    if (chunk.length > segmentBytes)
      throw new Error(`send() of ${chunk.length} bytes, maxSend is ${segmentBytes}`);
    this.sending.push(chunk);
    this.#host.submit(this);
  }

  sendFin(): void {
    if (this.#finWanted) throw new Error('sendFin() twice');
    this.#finWanted = true;
    this.#toldWritable = false;
    if (this.#broken !== null || this.#discarded) return;
    this.sending.finish();
    this.#host.submit(this);
  }

  discard(error?: PipeError): void {
    if (this.#discarded) return;
    // Like close(2): with unread data, or before our own end was said, it is no peaceful end for the peer.
    const peaceful = error === undefined && this.#finWanted && this.receiving.bufferedBytes === 0;
    const live = this.#broken === null;
    this.#discarded = true;
    this.silence();
    if (live && !peaceful) this.#host.abort(this, error ?? null);
    else this.#host.release(this);
  }

  /** For the trunk: bytes or the end have come in order. */
  onArrival(): void {
    if (this.#toldReadable || !this.readable) return;
    this.#toldReadable = true;
    this.raiseLater(READABLE);
  }

  /** For the trunk: credit, room or a carrier has come. */
  onRoom(): void {
    if (this.#toldWritable || !this.writable) return;
    this.#toldWritable = true;
    this.raiseLater(WRITABLE);
  }

  /** For the trunk: a segment went out. */
  onSent(): void {
    if (this.sending.finOut && !this.#finSent) {
      this.#finSent = true;
      this.raiseLater(FIN_SENT);
    } else this.onRoom();
  }

  /** For the trunk: the stream, or all of it, is lost. */
  onBroken(error: PipeError): void {
    if (this.#broken !== null) return;
    this.#broken = error;
    this.raiseLater(BROKEN);
  }
}
