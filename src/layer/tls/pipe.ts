/**
 * TlsPipe: TLS over any pipe of bytes: the handshake by node:tls, and then records by the addon, or by node:tls as well.
 *
 *     upper   send(chunk)            recv() -> chunk
 *               |                       ^
 *             node:tls                pieces: what was decrypted and not yet asked for
 *               |                       ^                             or, behind the handshake, a RecordPipe
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
import { deferEvent } from '../../pipe/base.ts';
import { BROKEN, type IoPipe, READY, WRITABLE } from '../../pipe/pipe.ts';
import type { RecordCipherClass } from '../../sys/addon.ts';
import type { TcpInfo } from '../../sys/tcp_info.ts';
import { MOST_RECORD } from './codec.ts';
import { tlsError } from './errors.ts';
import { AnnouncingPipe, flagsOf } from './flags.ts';
import { LowerStream } from './lower.ts';
import { part } from './parting.ts';
import type { RecogniseAnswer, TlsCredentials, TlsParty, TlsRole } from './party.ts';
import { Pieces } from './pieces.ts';
import { Recognition } from './recognition.ts';
import type { RecordPipe } from './records.ts';
import { recordCipher, Takeover } from './takeover.ts';

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
  /** What protects records behind the handshake; null leaves that to node:tls. Default: the addon, where it can. */
  readonly cipher?: RecordCipherClass | null;
  /** Records that it protects with one key. Default: as many as RFC 8446, section 5.5, permits. */
  readonly mostRecords?: number;
}

/** A handshake with a key takes some hundred bytes each way, certificates some thousand; node:tls would keep 128 KiB of who only begins one. */
const MOST_HANDSHAKE_BYTES = 2 * MOST_RECORD;

const CUT_OFF = 'the connection was ended without a word of TLS, perhaps not by the other side';

export class TlsPipe extends AnnouncingPipe {
  readonly kind = 'bytes';
  readonly maxSend = Number.POSITIVE_INFINITY;

  readonly #lower: IoPipe<'bytes'>;
  readonly #party: TlsParty;
  #pool: SlabPool;
  readonly #stream: LowerStream;
  readonly #socket: TLSSocket;
  readonly #farewell: TlsPipeOptions['farewell'];
  /** Until it is clear that the other end speaks TLS. */
  #recognition: Recognition | null;
  #secure = false;
  /** node:tls takes what is fed to it, and has got what was read before. */
  #flowing = false;
  #broken: PipeError | null = null;
  /** It is being told why not. */
  #parting = false;
  /** Records behind the handshake, if they go to the addon; until then. */
  readonly #takeover: Takeover | null;
  /** The handshake is complete, and node:tls has still to say the last of it. */
  #settling = false;
  #records: RecordPipe | null = null;
  readonly #pieces = new Pieces();
  /** close_notify has come. */
  #ended = false;
  #finReceived = false;
  #finWanted = false;
  /** The consumer has read; before that, what came is no answer to anything that it has asked for. */
  #asked = false;
  /** node:tls has not handed on everything of the last write. */
  #writing = false;
  #discarded = false;

  /** Takes the lower pipe over. */
  constructor(lower: IoPipe<'bytes'>, options: TlsPipeOptions) {
    super();
    const { role, credentials, pool = defaultPool, first, recognise, farewell } = options;
    const { cipher = recordCipher() } = options;
    this.#lower = lower;
    this.#pool = pool;
    this.#recognition = recognise === undefined ? null : new Recognition(recognise);
    this.#farewell = farewell;
    this.#party = credentials.party(role);
    this.#stream = new LowerStream(lower, pool);
    this.#socket = this.#begin(role);
    this.#takeover = cipher && new Takeover(cipher, this.#socket, this.#stream, options);
    this.#stream.once('resume', () => deferEvent(() => this.#onFlowing(first)));
    lower.onActivity = (events) => this.#onLower(events);
    if (lower.broken !== null) this.#onLowerBroken(lower.broken);
    this.announce();
  }

  get ready(): boolean {
    return this.#secure && !this.#discarded;
  }
  get broken(): PipeError | null {
    return this.#records === null ? this.#broken : this.#records.broken;
  }
  get readable(): boolean {
    if (this.#records !== null) return this.#records.readable;
    if (!this.ready || this.#finReceived) return false;
    if (this.#pieces.bytes > 0) return true;
    if (this.#ended) return this.#broken === null;
    return this.#stream.flows && this.#lower.readable;
  }
  get writable(): boolean {
    if (this.#records !== null) return this.#records.writable;
    return this.ready && !this.#writing && !this.#finWanted && this.#broken === null && this.#lower.writable;
  }
  get finReceived(): boolean {
    return this.#records === null ? this.#finReceived : this.#records.finReceived;
  }
  get finSent(): boolean {
    if (this.#records !== null) return this.#records.finSent;
    return this.#finWanted && this.#lower.finSent;
  }
  get congestion(): TcpInfo | null {
    return this.#lower.congestion;
  }

  /** What is read from now on is held in this pool's memory. */
  readInto(pool: SlabPool): void {
    this.#pool = pool;
    this.#records?.readInto(pool);
  }

  /**
   * A secret that this connection has alone, and that both ends know (RFC 8446, section 7.5).
   *
   * @throws Error before `ready`
   */
  exportKey(label: string, bytes: number): Buffer {
    if (this.#records !== null) return (this.#takeover as Takeover).exportKey(label, bytes);
    return this.#socket.exportKeyingMaterial(bytes, label, Buffer.alloc(0));
  }

  /** Who the other end is, where credentials tell one from another; from `ready` on. */
  get peer(): string | null {
    return this.#party.identity ?? null;
  }

  recv(max = LARGEST_CHUNK): Chunk | null {
    if (this.#records !== null) return this.#records.recv(max);
    if (!this.readable) return null;
    this.#asked = true;
    while (this.#pieces.bytes === 0 && this.#pull(Math.max(max, MOST_RECORD)));
    const chunk = this.#pieces.bytes > 0 ? this.#pieces.take(Math.min(max, LARGEST_CHUNK), this.#pool) : null;
    if (chunk === null && this.#ended && this.#broken === null) this.#finReceived = true;
    this.announce();
    return chunk;
  }

  /** What is missing may be in the record that has come in part: node:tls has that one already. */
  wakeAt(bytes: number): void {
    if (this.#records !== null) this.#records.wakeAt(bytes);
    else this.#lower.wakeAt?.(Math.max(1, bytes - MOST_RECORD));
  }

  send(chunk: Chunk): void {
    if (!this.writable) throw new Error('send() while not writable');
    if (this.#records === null) this.#write(chunk);
    else this.#records.send(chunk);
  }

  sendFin(): void {
    if (this.#finWanted) throw new Error('sendFin() twice');
    if (!this.#secure && this.#broken === null && !this.#discarded) throw new Error('sendFin() before ready');
    this.#finWanted = true;
    if (this.#records !== null) this.#records.sendFin();
    else if (this.#broken === null && !this.#discarded) this.#socket.end();
    this.announce();
  }

  discard(error?: PipeError): void {
    if (this.#discarded) return;
    const unsaid = error === undefined && this.#broken === null && this.#secure && !this.finSent;
    this.#discarded = true;
    this.silence();
    this.#pieces.clear();
    if (this.#records !== null) this.#records.discard(error);
    else if (unsaid && this.#lower.writable) this.#leave();
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

  /** @returns whether something was read below */
  #pull(most: number): boolean {
    if (this.#ended || this.#settling) return false;
    // No byte behind the handshake, where that is not for node:tls.
    const pulled = this.#stream.pull(
      this.#takeover === null || this.#secure ? most : this.#stream.fed.missing,
    );
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
    this.announce();
  }

  #onLower(events: number): void {
    if (this.#discarded) return;
    if (events & (READY | WRITABLE)) this.#stream.onWritable();
    if (!this.#asked) this.#shakeHands();
    // Nothing comes behind close_notify, but the end below, or a reset.
    if (this.#ended && this.#secure) while (this.#lower.readable) this.#lower.recv()?.release();
    if (events & BROKEN && this.#lower.broken !== null) this.#onLowerBroken(this.#lower.broken);
    this.announce();
  }

  /** Reads on its own behalf: nobody asks for anything before `ready`, or for the session tickets that follow. */
  #shakeHands(): void {
    if (!this.#flowing) return;
    if (this.#recognition !== null) this.#look(this.#recognition);
    if (this.#recognition !== null) return;
    while (!this.#asked && this.#pieces.bytes === 0 && !this.#over && this.#pull(MOST_RECORD));
  }

  /** Nothing that node:tls says is of interest any more. */
  get #over(): boolean {
    return this.#broken !== null || this.#discarded || this.#parting || this.#records !== null;
  }

  get #isShaking(): boolean {
    return !this.#secure && !this.#over;
  }

  #look(recognition: Recognition): void {
    if (!this.#isShaking || !this.#stream.flows) return;
    const seen = recognition.look(this.#lower);
    if (seen instanceof PipeError) this.#fail(seen);
    else if (seen !== null) {
      this.#recognition = null;
      this.#stream.feed(this.#pool.copy(seen));
    } else if (this.#lower.finReceived) this.#onLowerFin();
  }

  #onSecure(): void {
    if (!this.#isShaking) return;
    const problem = this.#party.problem(this.#socket);
    if (problem !== null) this.#dismiss(problem);
    else if (this.#takeover?.settle(() => this.#takeOver(this.#takeover as Takeover))) this.#settling = true;
    else this.#secure = true;
    this.announce();
  }

  #dismiss(problem: PipeError): void {
    const over = () => {
      this.#parting = false;
      this.#fail(problem);
      this.announce();
    };
    const words = this.#farewell?.(problem) ?? null;
    this.#parting = words !== null;
    if (words === null) over();
    else part(this.#lower, this.#stream, this.#socket, words, over);
  }

  #takeOver(takeover: Takeover): void {
    if (this.#over) return;
    const records = takeover.records(this.#lower, this.#pool);
    records.onActivity = (events) => this.raise(events);
    this.#records = records;
    this.#secure = true;
    this.#socket.destroy();
    this.#stream.destroy();
    this.raise(flagsOf(records));
  }

  #onPiece(piece: Buffer): void {
    if (this.#discarded) return;
    this.#pieces.push(piece);
    this.announce();
  }

  #onEnd(): void {
    if (this.#records !== null) return;
    this.#ended = true;
    if (!this.#secure) this.#fail(new PipeError('truncated', 'tls', 'the TLS handshake was given up'));
    this.announce();
  }

  #write(chunk: Chunk): void {
    if (chunk.length > 0) {
      this.#writing = true;
      this.#socket.write(chunk.view(), () => {
        this.#writing = false;
        this.announce();
      });
    }
    // Encrypted, or copied by node:tls, before write() returns.
    chunk.release();
    this.announce();
  }

  #onLowerFin(): void {
    // What was pulled last may have been close_notify: node:tls says so a moment later.
    setImmediate(() => {
      if (this.#ended || this.#discarded) return;
      const words = this.#secure ? CUT_OFF : 'the connection was ended in the TLS handshake';
      this.#fail(new PipeError('truncated', 'tls', words));
      this.announce();
    });
  }

  #onLowerBroken(error: PipeError): void {
    // What had come before it may still be read.
    this.#broken ??= this.#meant(error);
  }

  #onTlsError(error: NodeJS.ErrnoException): void {
    if (this.#over || this.#lower.broken !== null) return;
    const known = this.#secure ? null : this.#party.explain(error);
    this.#fail(known ?? tlsError(error));
    this.announce();
  }

  #onClose(): void {
    if (this.#over || (this.#ended && this.#finWanted) || this.#lower.broken !== null) return;
    this.#fail(new PipeError('reset', 'tls', 'the stream was closed'));
    this.announce();
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

  protected override announce(): void {
    if (!this.#discarded && this.#records === null) super.announce();
  }
}
