/**
 * RecordPipe: a TLS 1.3 connection behind its handshake, its records protected by the addon.
 *
 *     upper   send(chunk)                      recv() -> chunk
 *               |                                 ^
 *             seal: into a slab of its own      open: into a slab of what is asked for
 *               |                                 |
 *               v                               records: what was read below and not asked for, less than a read of them
 *     lower   send(records)                    recv() -> records
 *
 * Adds: 22 bytes per record of at most 16 KiB. One pass of the cipher from slab to slab, and no copy beside: of records that
 * are cut by the end of a read, the part that has come is copied.
 * Unit: bytes, encrypted and authenticated.
 * Backpressure: the lower pipe's, both ways. Nothing is read below that was not asked for, give or take a record.
 * FIN: close_notify, and the lower pipe's FIN behind it. A FIN below without close_notify breaks the pipe (`truncated`).
 * RST: the lower pipe's. What is wrong with a record is told the other end in an alert, before the reset.
 * Keys: a KeyUpdate of the peer's is followed, and answered in front of what is sent next; one of ours goes out before a
 * key has protected more than it may. Memory: a record's beginning, and what one read below has brought.
 */

import type { Chunk } from '../../core/chunk.ts';
import { PipeError } from '../../core/errors.ts';
import { LARGEST_CHUNK, type SlabPool } from '../../core/pool.ts';
import { type IoPipe, WRITABLE } from '../../pipe/pipe.ts';
import { EBADMSG, EMSGSIZE } from '../../sys/errno.ts';
import type { TcpInfo } from '../../sys/tcp_info.ts';
import {
  ALERT,
  APPLICATION_DATA,
  CLOSE_NOTIFY,
  fatalAlert,
  HANDSHAKE,
  HEADER_BYTES,
  KEY_UPDATE,
  MOST_CONTENT,
  MOST_RECORD,
  RECORD_OVERHEAD,
  readAlert,
  readHandshake,
  sealedBytes,
} from './codec.ts';
import { AnnouncingPipe, flagsOf } from './flags.ts';
import { IncomingRecords } from './incoming.ts';
import type { Protection } from './protection.ts';

export interface RecordPipeOptions {
  readonly sending: Protection;
  readonly receiving: Protection;
  /** Of a key of ours; then it is changed. */
  readonly mostRecords: number;
  /** Where records that go out are built, and what is opened goes. */
  readonly pool: SlabPool;
}

/** Of records that bring no data, in a row: nobody needs more, and a peer could keep us busy with them. */
const MOST_EMPTY = 100;

/** Read beside what is asked for: an end of each of its messages may have a record of its own. */
const SPARE = 16 * RECORD_OVERHEAD;

export class RecordPipe extends AnnouncingPipe {
  readonly kind = 'bytes';
  readonly maxSend = Number.POSITIVE_INFINITY;

  readonly #lower: IoPipe<'bytes'>;
  readonly #sending: Protection;
  readonly #receiving: Protection;
  readonly #mostRecords: number;
  readonly #sendPool: SlabPool;
  #pool: SlabPool;
  readonly #incoming: IncomingRecords;
  /** Opened, and not asked for. */
  #opened: Chunk | null = null;
  #sealedRecords = 0;
  #owesUpdate = false;
  #empty = 0;
  #broken: PipeError | null = null;
  /** close_notify has come. */
  #ended = false;
  #finReceived = false;
  #finWanted = false;
  #finGone = false;
  /** It went out for the consumer, and not because that has discarded us. */
  #finSaid = false;
  /** The consumer has read. */
  #asked = false;
  #discarded = false;
  /** What `open` has to say beside its result. */
  readonly #result = new Int32Array(4);

  /** Takes the lower pipe over. */
  constructor(lower: IoPipe<'bytes'>, { sending, receiving, mostRecords, pool }: RecordPipeOptions) {
    super();
    this.#lower = lower;
    this.#sending = sending;
    this.#receiving = receiving;
    this.#mostRecords = mostRecords;
    this.#sendPool = pool;
    this.#pool = pool;
    this.#incoming = new IncomingRecords(pool);
    this.#broken = lower.broken;
    lower.onActivity = (events) => this.#onLower(events);
    this.#lookAhead();
    this.knows(flagsOf(this));
  }

  get ready(): boolean {
    return !this.#discarded;
  }
  get broken(): PipeError | null {
    return this.#broken;
  }
  get readable(): boolean {
    if (this.#discarded || this.#finReceived) return false;
    if (this.#opened !== null) return true;
    if (this.#ended) return this.#broken === null;
    return this.#incoming.hasWhole || this.#lower.readable;
  }
  get writable(): boolean {
    return !this.#discarded && !this.#finWanted && this.#broken === null && this.#lower.writable;
  }
  get finReceived(): boolean {
    return this.#finReceived;
  }
  get finSent(): boolean {
    return this.#finSaid && this.#lower.finSent;
  }
  get congestion(): TcpInfo | null {
    return this.#lower.congestion;
  }
  /** What is read from now on is held in this pool's memory. */
  readInto(pool: SlabPool): void {
    this.#pool = pool;
    this.#incoming.pool = pool;
  }

  recv(max = LARGEST_CHUNK): Chunk | null {
    if (!this.readable) return null;
    this.#asked = true;
    let chunk = this.#opened === null ? null : this.#takeOpened(this.#opened, max);
    while (chunk === null && !this.#ended && this.#read(max)) chunk = this.#open(max);
    if (chunk === null && this.#ended && this.#broken === null) this.#finReceived = true;
    this.announce();
    return chunk;
  }

  wakeAt(bytes: number): void {
    // So many of them are the beginning of a record that has come.
    this.#lower.wakeAt?.(Math.max(1, bytes - this.#incoming.bytes));
  }

  send(chunk: Chunk): void {
    if (!this.writable) throw new Error('send() while not writable');
    if (chunk.length > 0) this.#say(APPLICATION_DATA, chunk.memory, chunk.start, chunk.length);
    chunk.release();
    this.announce();
  }

  sendFin(): void {
    if (this.#finWanted) throw new Error('sendFin() twice');
    this.#finWanted = true;
    this.#finish();
    this.announce();
  }

  discard(error?: PipeError): void {
    if (this.#discarded) return;
    const unsaid = error === undefined && this.#broken === null && !this.finSent;
    this.#discarded = true;
    this.silence();
    this.#drop();
    if (unsaid && (this.#finGone || this.#lower.writable)) this.#leave();
    else this.#release(error);
  }

  /** Reads below for a consumer that wants so many bytes. @returns whether there is a record to be opened */
  #read(max: number): boolean {
    // As much as the other end has made of it, if it cuts where we do. Then at most one record is cut by the end of this.
    const most = Math.min(LARGEST_CHUNK, Math.max(MOST_RECORD, sealedBytes(max) + SPARE));
    // What was read before goes first, and fills up what is asked for only together with more.
    if (!this.#incoming.isFull && this.#incoming.bytes < max) this.#readOnce(most);
    while (!this.#incoming.hasWhole) if (!this.#readOnce(most)) return false;
    return true;
  }

  /** The same for a single record, and not a byte more. */
  #readRecord(): boolean {
    while (!this.#incoming.hasWhole) if (!this.#readOnce(this.#incoming.missing)) return false;
    return true;
  }

  /** @returns false when there is nothing */
  #readOnce(most: number): boolean {
    const chunk = this.#lower.recv(most);
    if (chunk !== null) this.#incoming.push(chunk);
    else if (this.#lower.finReceived && !this.#incoming.hasWhole) this.#fail('truncated', TRUNCATED);
    return chunk !== null;
  }

  /** Opens what there is, up to so many bytes; of a single record, all. Null when it brings no data. */
  #open(max: number): Chunk | null {
    const incoming = this.#incoming;
    const least = incoming.firstBytes - HEADER_BYTES;
    // An opened record has its type behind it.
    const room = Math.max(least, Math.min(max + 1, incoming.bytes, LARGEST_CHUNK));
    const chunk = this.#pool.take(room);
    let at = chunk.start;
    while (incoming.hasWhole) {
      const { memory, start, length } = incoming.front;
      const { cipher } = this.#receiving;
      const status = cipher.open(memory, start, length, chunk.memory, at, chunk.end - at, this.#result);
      const [used = 0, opened = 0, type = 0, rest = 0] = this.#result;
      incoming.front.consume(used);
      at += opened;
      if (used > 0) this.#empty = opened > 0 ? 0 : this.#empty + 1;
      if (type !== 0) this.#onOther(type, chunk.memory.subarray(at, at + rest));
      if (status < 0) this.#onBad(status);
      else if (used === 0) break;
      else if (this.#empty > MOST_EMPTY) this.#fail('malformed', unfit('records without data'), 10);
      incoming.settle();
    }
    if (at === chunk.start) {
      chunk.release();
      return null;
    }
    chunk.end = at;
    return this.#takeOpened(this.#pool.compact(chunk), max);
  }

  #takeOpened(opened: Chunk, max: number): Chunk {
    this.#opened = null;
    if (opened.length <= max) return opened;
    const chunk = opened.split(max);
    this.#opened = opened;
    return chunk;
  }

  /** A record that is no data. */
  #onOther(type: number, content: Uint8Array): void {
    if (type === ALERT) {
      const said = readAlert(content);
      if (said === 'close') this.#onEnd();
      else if (said !== 'nothing') this.#fail('malformed', unfit(said.failure));
      return;
    }
    const said = type === HANDSHAKE ? readHandshake(content) : null;
    if (said === null) this.#fail('malformed', unfit('unexpected message'), 10);
    else if (said.updates) this.#receiving.update();
    this.#owesUpdate ||= said?.wantsUpdate ?? false;
  }

  #onEnd(): void {
    this.#ended = true;
    this.#incoming.clear();
    this.#drain();
  }

  #onBad(status: number): void {
    if (status === -EBADMSG) this.#fail('malformed', unfit('bad record mac'), 20);
    else if (status === -EMSGSIZE) this.#fail('malformed', unfit('record overflow'), 22);
    else this.#fail('malformed', unfit('unexpected record'), 10);
  }

  /** Nothing comes behind close_notify, but the end below, or a reset. */
  #drain(): void {
    while (this.#lower.readable) this.#lower.recv()?.release();
  }

  /** Seals this, and sends it. */
  #say(type: number, content: Uint8Array, start: number, length: number): void {
    const updates = this.#owesUpdate || this.#sealedRecords >= this.#mostRecords;
    const front = updates ? sealedBytes(KEY_UPDATE.length) : 0;
    const records = this.#sendPool.take(front + sealedBytes(length));
    const { cipher } = this.#sending;
    let status = 0;
    if (updates) {
      status = cipher.seal(KEY_UPDATE, 0, KEY_UPDATE.length, HANDSHAKE, records.memory, records.start);
      this.#sending.update();
      this.#sealedRecords = 0;
      this.#owesUpdate = false;
    }
    if (status >= 0)
      status = cipher.seal(content, start, length, type, records.memory, records.start + front);
    this.#sealedRecords += Math.ceil(length / MOST_CONTENT);
    if (status >= 0) this.#lower.send(records);
    else {
      records.release();
      this.#fail('system', 'OpenSSL could not encrypt');
    }
  }

  #finish(): void {
    if (this.#finGone || this.#broken !== null || !this.#lower.writable) return;
    this.#finGone = true;
    this.#finSaid = !this.#discarded;
    this.#say(ALERT, CLOSE_NOTIFY, 0, CLOSE_NOTIFY.length);
    if (this.#broken === null && this.#lower.broken === null) this.#lower.sendFin();
  }

  #onLower(events: number): void {
    if (this.#discarded) return;
    if ((events & WRITABLE) !== 0 && this.#finWanted) this.#finish();
    if (this.#ended) this.#drain();
    // What had come before it may still be read.
    this.#broken ??= this.#lower.broken;
    if (!this.#asked) this.#lookAhead();
    this.announce();
  }

  /** Session tickets come behind a handshake: until somebody asks, only data makes us readable, and one record of it waits. */
  #lookAhead(): void {
    while (this.#opened === null && !this.#ended && this.#readRecord())
      this.#opened = this.#open(MOST_CONTENT);
  }

  #fail(code: 'truncated' | 'malformed' | 'system', words: string, alert?: 10 | 20 | 22): void {
    if (this.#discarded) return;
    this.#incoming.clear();
    if (this.#broken !== null) return;
    if (alert !== undefined && this.#lower.writable && !this.#finGone)
      this.#say(ALERT, fatalAlert(alert), 0, 2);
    const error = new PipeError(code, 'tls', words);
    this.#broken ??= error;
    this.#release(error);
  }

  /** Ends in order, if that takes no longer than a turn of the event loop or two; a FIN below says less, but no lie. */
  #leave(): void {
    const lower = this.#lower;
    this.#finish();
    const isOver = () => lower.broken !== null || lower.finSent;
    if (isOver()) {
      this.#release();
      return;
    }
    lower.onActivity = () => {
      if (isOver()) this.#release();
    };
    setImmediate(() => setImmediate(() => this.#release()));
  }

  #release(error?: PipeError): void {
    this.#lower.onActivity = null;
    this.#lower.discard(error);
    this.#sending.close();
    this.#receiving.close();
  }

  #drop(): void {
    this.#incoming.clear();
    this.#opened?.release();
    this.#opened = null;
  }
}

const TRUNCATED = 'the connection was ended without a word of TLS, perhaps not by the other side';

function unfit(words: string): string {
  return `what came is no TLS, or was changed on the way (${words})`;
}
