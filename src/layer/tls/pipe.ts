/**
 * TlsPipe: TLS over any pipe of bytes, by node:tls.
 *
 *     upper   send(chunk)            recv() -> chunk
 *               |                       ^
 *             node:tls                pieces: what was decrypted and not yet asked for
 *               |                       ^
 *             LowerStream  <------->  node:tls                        lower.ts
 *               v                       |
 *     lower   send(records)          recv() -> records
 *
 * Unit: bytes, encrypted and authenticated. `ready` after the handshake, which has no time limit: that is the caller's.
 * Backpressure: one write at a time; `writable` is off until its records have been taken by the lower pipe and that has room
 * again. Upwards nothing is read below that was not asked for, but in the handshake.
 * FIN: close_notify, and the lower pipe's FIN behind it. A FIN below without close_notify breaks the pipe (`truncated`), as
 * anybody on the path could have sent it. Both directions end by themselves, as in TCP (RFC 8446, section 6.1).
 * RST: the lower pipe's. Anybody on the path can send that, too; it never looks like an end.
 * Whatever is not TLS, or was changed on the way, breaks the pipe (`malformed`) and resets the lower one; in the handshake
 * that one ends in order, so that the other side gets to read the alert.
 * Memory: one read of the lower pipe, decrypted; the records of one write. Needs below: any bytes pipe.
 */

import type { TLSSocket } from 'node:tls';
import type { Chunk } from '../../core/chunk.ts';
import { PipeError } from '../../core/errors.ts';
import { defaultPool, LARGEST_CHUNK, type SlabPool } from '../../core/pool.ts';
import { deferEvent, PipeBase } from '../../pipe/base.ts';
import { BROKEN, FIN_SENT, type IoPipe, READABLE, READY, WRITABLE } from '../../pipe/pipe.ts';
import type { TcpInfo } from '../../sys/tcp_info.ts';
import { tlsError } from './errors.ts';
import { LowerStream } from './lower.ts';
import { part } from './parting.ts';
import type { RecogniseAnswer, TlsCredentials, TlsParty, TlsRole } from './party.ts';

export interface TlsPipeOptions {
  readonly role: TlsRole;
  readonly credentials: TlsCredentials;
  readonly pool?: SlabPool;
  /** The beginning of the stream, where somebody has read it already to see what it is. */
  readonly first?: Buffer;
  /** Names peers that do not speak TLS. Default: what they say is an error of TLS. */
  readonly recognise?: RecogniseAnswer;
  /** What the other end is told, encrypted, when it is not who it has to be. Default: nothing. */
  readonly farewell?: (problem: PipeError) => Buffer | null;
}

/** The largest record (RFC 8446, section 5.2), with its header. Less is not asked for below. */
const RECORD_BYTES = 5 + 16_384 + 256;

/** A handshake with a key takes some hundred bytes each way, certificates some thousand; node:tls would keep 128 KiB of who only begins one. */
const MOST_HANDSHAKE_BYTES = 2 * RECORD_BYTES;

const CUT_OFF = 'the connection was ended without a word of TLS, perhaps not by the other side';

export class TlsPipe extends PipeBase<'bytes'> {
  readonly kind = 'bytes';
  readonly maxSend = Number.POSITIVE_INFINITY;

  readonly #lower: IoPipe<'bytes'>;
  readonly #party: TlsParty;
  #pool: SlabPool;
  readonly #stream: LowerStream;
  readonly #socket: TLSSocket;
  #recognise: RecogniseAnswer | null;
  readonly #farewell: TlsPipeOptions['farewell'];
  /** What was read and not recognised yet. */
  #first = Buffer.alloc(0);
  #secure = false;
  /** node:tls takes what is fed to it, and has got what was read before. */
  #flowing = false;
  #broken: PipeError | null = null;
  /** It is being told why not. */
  #parting = false;
  /** Decrypted, and the bytes of the first that were taken already. */
  #pieces: Buffer[] = [];
  #taken = 0;
  #heldBytes = 0;
  /** close_notify has come. */
  #ended = false;
  #finReceived = false;
  #finWanted = false;
  /** The consumer has read; before that, what came is no answer to anything that it has asked for. */
  #asked = false;
  /** node:tls has not handed on everything of the last write. */
  #writing = false;
  #discarded = false;
  /** The flags that the consumer knows of, as the bits of their events. */
  #known = 0;

  /** Takes the lower pipe over. */
  constructor(lower: IoPipe<'bytes'>, options: TlsPipeOptions) {
    super();
    const { role, credentials, pool = defaultPool, first, recognise = null, farewell } = options;
    this.#lower = lower;
    this.#pool = pool;
    this.#recognise = recognise;
    this.#farewell = farewell;
    this.#party = credentials.party(role);
    this.#stream = new LowerStream(lower, pool);
    this.#socket = this.#begin(role);
    this.#stream.once('resume', () => deferEvent(() => this.#onFlowing(first)));
    lower.onActivity = (events) => this.#onLower(events);
    if (lower.broken !== null) this.#onLowerBroken(lower.broken);
    this.#announce();
  }

  get ready(): boolean {
    return this.#secure && !this.#discarded;
  }
  get broken(): PipeError | null {
    return this.#broken;
  }
  get readable(): boolean {
    if (!this.ready || this.#finReceived) return false;
    if (this.#heldBytes > 0) return true;
    if (this.#ended) return this.#broken === null;
    return this.#stream.flows && this.#lower.readable;
  }
  get writable(): boolean {
    return this.ready && !this.#writing && !this.#finWanted && this.#broken === null && this.#lower.writable;
  }
  get finReceived(): boolean {
    return this.#finReceived;
  }
  get finSent(): boolean {
    return this.#finWanted && this.#lower.finSent;
  }
  get congestion(): TcpInfo | null {
    return this.#lower.congestion;
  }

  /** What is read from now on is held in this pool's memory. */
  readInto(pool: SlabPool): void {
    this.#pool = pool;
  }

  /**
   * A secret that this connection has alone, and that both ends know (RFC 8446, section 7.5).
   *
   * @throws Error before `ready`
   */
  exportKey(label: string, bytes: number): Buffer {
    return this.#socket.exportKeyingMaterial(bytes, label, Buffer.alloc(0));
  }

  /** Who the other end is, where credentials tell one from another; from `ready` on. */
  get peer(): string | null {
    return this.#party.identity ?? null;
  }

  recv(max = LARGEST_CHUNK): Chunk | null {
    if (!this.readable) return null;
    this.#asked = true;
    while (this.#heldBytes === 0 && this.#pull(Math.max(max, RECORD_BYTES)));
    const chunk = this.#heldBytes > 0 ? this.#take(Math.min(max, LARGEST_CHUNK)) : null;
    if (chunk === null && this.#ended && this.#broken === null) this.#finReceived = true;
    this.#announce();
    return chunk;
  }

  /** What is missing may be in the record that has come in part: node:tls has that one already. */
  wakeAt(bytes: number): void {
    this.#lower.wakeAt?.(Math.max(1, bytes - RECORD_BYTES));
  }

  send(chunk: Chunk): void {
    if (!this.writable) throw new Error('send() while not writable');
    if (chunk.length > 0) {
      this.#writing = true;
      this.#socket.write(chunk.view(), () => this.#onWritten());
    }
    // Encrypted, or copied by node:tls, before write() returns.
    chunk.release();
    this.#announce();
  }

  sendFin(): void {
    if (this.#finWanted) throw new Error('sendFin() twice');
    if (!this.#secure && this.#broken === null && !this.#discarded) throw new Error('sendFin() before ready');
    this.#finWanted = true;
    if (this.#broken === null && !this.#discarded) this.#socket.end();
    this.#announce();
  }

  discard(error?: PipeError): void {
    if (this.#discarded) return;
    const unsaid = error === undefined && this.#broken === null && this.#secure && !this.finSent;
    this.#discarded = true;
    this.silence();
    this.#pieces = [];
    this.#heldBytes = 0;
    if (unsaid && this.#lower.writable) this.#leave();
    else this.#release(error);
  }

  #begin(role: TlsRole): TLSSocket {
    const socket = this.#party.open(this.#stream);
    socket.on(role === 'client' ? 'secureConnect' : 'secure', () => this.#onSecure());
    socket.on('data', (piece: Buffer) => this.#onPiece(piece));
    socket.on('end', () => this.#onEnd());
    const onError = (error: NodeJS.ErrnoException) => this.#onTlsError(error);
    socket.on('error', onError);
    // Behind the handshake, a server's socket that was not made by tls.Server has its errors here.
    socket.on('_tlsError', onError);
    socket.on('close', () => this.#onClose());
    return socket;
  }

  /** All that there is, in one chunk of at most `max` bytes. */
  #take(max: number): Chunk {
    const length = Math.min(max, this.#heldBytes);
    const chunk = this.#pool.take(length);
    let at = chunk.start;
    let used = 0;
    while (at < chunk.end) {
      const piece = this.#pieces[used] as Buffer;
      const count = Math.min(piece.length - this.#taken, chunk.end - at);
      piece.copy(chunk.memory, at, this.#taken, this.#taken + count);
      at += count;
      this.#taken += count;
      if (this.#taken < piece.length) break;
      this.#taken = 0;
      used++;
    }
    this.#pieces.splice(0, used);
    this.#heldBytes -= length;
    return chunk;
  }

  /** @returns whether something was read below */
  #pull(most: number): boolean {
    if (this.#ended) return false;
    const pulled = this.#stream.pull(most);
    if (!pulled && this.#lower.finReceived) this.#onLowerFin();
    if (!this.#secure && this.#stream.fedBytes > MOST_HANDSHAKE_BYTES)
      this.#fail(new PipeError('malformed', 'tls', 'the TLS handshake does not end'));
    return pulled;
  }

  #onFlowing(first: Buffer | undefined): void {
    if (this.#discarded) return;
    this.#flowing = true;
    if (first !== undefined && !this.#secure) this.#stream.feed(this.#pool.copy(first));
    this.#shakeHands();
    this.#announce();
  }

  #onLower(events: number): void {
    if (this.#discarded) return;
    if (events & (READY | WRITABLE)) this.#stream.onWritable();
    if (!this.#asked) this.#shakeHands();
    // Nothing comes behind close_notify, but the end below, or a reset.
    if (this.#ended && this.#secure) while (this.#lower.readable) this.#lower.recv()?.release();
    if (events & BROKEN && this.#lower.broken !== null) this.#onLowerBroken(this.#lower.broken);
    this.#announce();
  }

  /** Reads on its own behalf: nobody asks for anything before `ready`, or for the session tickets that follow. */
  #shakeHands(): void {
    if (!this.#flowing) return;
    while (this.#isShaking && this.#recognise !== null && this.#stream.flows && this.#look(this.#recognise));
    if (this.#recognise !== null) return;
    while (!this.#asked && this.#heldBytes === 0 && !this.#over && this.#pull(RECORD_BYTES));
  }

  get #over(): boolean {
    return this.#broken !== null || this.#discarded || this.#parting;
  }

  get #isShaking(): boolean {
    return !this.#secure && !this.#over;
  }

  /** @returns whether to go on */
  #look(recognise: RecogniseAnswer): boolean {
    const chunk = this.#lower.recv(RECORD_BYTES);
    if (chunk === null) {
      if (this.#lower.finReceived) this.#onLowerFin();
      return false;
    }
    this.#first = Buffer.concat([this.#first, chunk.view()]);
    chunk.release();
    const answer = recognise(this.#first);
    if (answer === 'more') return true;
    if (answer !== null) this.#fail(answer);
    else {
      this.#recognise = null;
      this.#stream.feed(this.#pool.copy(this.#first));
    }
    return false;
  }

  #onSecure(): void {
    if (!this.#isShaking) return;
    const problem = this.#party.problem(this.#socket);
    if (problem === null) this.#secure = true;
    else this.#dismiss(problem);
    this.#announce();
  }

  #dismiss(problem: PipeError): void {
    const over = () => {
      this.#parting = false;
      this.#fail(problem);
      this.#announce();
    };
    const words = this.#farewell?.(problem) ?? null;
    this.#parting = words !== null;
    if (words === null) over();
    else part(this.#lower, this.#stream, this.#socket, words, over);
  }

  #onPiece(piece: Buffer): void {
    if (this.#discarded) return;
    this.#pieces.push(piece);
    this.#heldBytes += piece.length;
    this.#announce();
  }

  #onEnd(): void {
    this.#ended = true;
    if (!this.#secure) this.#fail(new PipeError('truncated', 'tls', 'the TLS handshake was given up'));
    this.#announce();
  }

  #onWritten(): void {
    this.#writing = false;
    this.#announce();
  }

  #onLowerFin(): void {
    // What was pulled last may have been close_notify: node:tls says so a moment later.
    setImmediate(() => {
      if (this.#ended || this.#discarded) return;
      const words = this.#secure ? CUT_OFF : 'the connection was ended in the TLS handshake';
      this.#fail(new PipeError('truncated', 'tls', words));
      this.#announce();
    });
  }

  #onLowerBroken(error: PipeError): void {
    // What had come before it may still be read.
    this.#broken ??= this.#meant(error);
  }

  #onTlsError(error: NodeJS.ErrnoException): void {
    if (this.#broken !== null || this.#discarded || this.#lower.broken !== null) return;
    const known = this.#secure ? null : this.#party.explain(error);
    this.#fail(known ?? tlsError(error));
    this.#announce();
  }

  #onClose(): void {
    if (this.#discarded || (this.#ended && this.#finWanted) || this.#lower.broken !== null) return;
    this.#fail(new PipeError('reset', 'tls', 'the stream was closed'));
    this.#announce();
  }

  #meant(error: PipeError): PipeError {
    return (this.#secure ? null : this.#party.mismatch?.()) ?? error;
  }

  #fail(error: PipeError): void {
    if (this.#over) return;
    this.#broken = this.#meant(error);
    this.#release(this.#secure ? error : undefined);
  }

  /** Ends in order, if that takes no longer than a turn of the event loop or two; a FIN below says less, but no lie. */
  #leave(): void {
    this.#lower.onActivity = () => {
      if (this.#lower.broken !== null || this.#lower.finSent || !this.#lower.ready) this.#release();
      else this.#stream.onWritable();
    };
    if (!this.#finWanted) this.#socket.end();
    setImmediate(() => setImmediate(() => this.#release()));
  }

  #release(error?: PipeError): void {
    this.#lower.onActivity = null;
    this.#lower.discard(error);
    this.#socket.destroy();
    this.#stream.destroy();
  }

  /** Raises what has turned true since the last time, when the consumer's call is over. */
  #announce(): void {
    if (this.#discarded) return;
    const flags =
      (this.ready ? READY : 0) |
      (this.#broken === null ? 0 : BROKEN) |
      (this.readable ? READABLE : 0) |
      (this.writable ? WRITABLE : 0) |
      (this.finSent ? FIN_SENT : 0);
    const fresh = flags & ~this.#known;
    this.#known = flags;
    this.raiseLater(fresh);
  }
}
