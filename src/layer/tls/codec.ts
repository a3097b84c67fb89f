/**
 * The outside of TLS records (RFC 8446, section 5): how long they are, and what is in those that are no data. Pure.
 *
 *     +------+---------+------------------+----------------- ...
 *     | type | 03   03 | length (2 bytes) | length bytes
 *     +------+---------+------------------+----------------- ...
 */

export const HEADER_BYTES = 5;
/** Of one record, at most. */
export const MOST_CONTENT = 16_384;
/** The largest record with its header: content, its type, padding, tag. */
export const MOST_RECORD = HEADER_BYTES + MOST_CONTENT + 256;
/** What a record has beside its content, when nothing is padded: header, type, tag. */
export const RECORD_OVERHEAD = HEADER_BYTES + 1 + 16;

export const CHANGE_CIPHER_SPEC = 20;
export const ALERT = 21;
export const HANDSHAKE = 22;
export const APPLICATION_DATA = 23;

/** A KeyUpdate that does not ask for one in return (section 4.6.3). */
export const KEY_UPDATE = Uint8Array.of(24, 0, 0, 1, 0);
/** An alert that ends a direction (section 6.1). */
export const CLOSE_NOTIFY = Uint8Array.of(1, 0);

const NEW_SESSION_TICKET = 4;
const KEY_UPDATE_TYPE = 24;
const MESSAGE_HEADER_BYTES = 4;

const ALERTS: Readonly<Record<number, string>> = {
  10: 'unexpected message',
  20: 'bad record mac',
  22: 'record overflow',
  40: 'handshake failure',
  42: 'bad certificate',
  43: 'unsupported certificate',
  44: 'certificate revoked',
  45: 'certificate expired',
  46: 'certificate unknown',
  47: 'illegal parameter',
  48: 'unknown ca',
  49: 'access denied',
  50: 'decode error',
  51: 'decrypt error',
  80: 'internal error',
  109: 'missing extension',
  116: 'certificate required',
};
const CLOSE = 0;
const USER_CANCELED = 90;

/** An alert that ends the connection, to be sent. */
export function fatalAlert(description: 10 | 20 | 22 | 80): Uint8Array {
  return Uint8Array.of(2, description);
}

/** The length of the record that begins with these bytes, header included; null while that has not come. */
export function recordBytes(memory: Uint8Array, start: number, end: number): number | null {
  if (end - start < HEADER_BYTES) return null;
  return HEADER_BYTES + (memory[start + 3] as number) * 256 + (memory[start + 4] as number);
}

/** The length of this content as records. */
export function sealedBytes(length: number): number {
  return length + Math.max(1, Math.ceil(length / MOST_CONTENT)) * RECORD_OVERHEAD;
}

/** What an alert says: an end, nothing, or what went wrong. */
export function readAlert(content: Uint8Array): 'close' | 'nothing' | { readonly failure: string } {
  const [, description] = content;
  if (content.length !== 2 || description === undefined) return { failure: 'an alert that is none' };
  if (description === CLOSE) return 'close';
  // An end of TLS comes behind it (section 6.1).
  if (description === USER_CANCELED) return 'nothing';
  return { failure: `alert ${ALERTS[description] ?? description}` };
}

/** What follows a handshake: whether the peer has changed its key, and wants ours changed; null for what may not come. */
export function readHandshake(content: Uint8Array): { updates: boolean; wantsUpdate: boolean } | null {
  let updates = false;
  let wantsUpdate = false;
  let at = 0;
  while (at < content.length) {
    const type = content[at];
    const length = content
      .subarray(at + 1, at + MESSAGE_HEADER_BYTES)
      .reduce((sum, byte) => sum * 256 + byte, 0);
    const end = at + MESSAGE_HEADER_BYTES + length;
    // Section 5.1: a message that is not whole may go on in the next record. What may come here is always shorter than one.
    if (end > content.length) return null;
    if (type === KEY_UPDATE_TYPE) {
      const wants = content[at + MESSAGE_HEADER_BYTES] as number;
      // The key changes behind it, so nothing else may be in the same record.
      if (length !== 1 || wants > 1 || end !== content.length) return null;
      updates = true;
      wantsUpdate = wants === 1;
    } else if (type !== NEW_SESSION_TICKET) return null;
    at = end;
  }
  return at === 0 ? null : { updates, wantsUpdate };
}

/** Follows a stream of records, to tell where each one ends. */
export class RecordEdges {
  #header: number[] = [];
  #left = 0;
  /** Whole records of encrypted content, since `count` was set to 0. */
  encrypted = 0;

  /** So many bytes are missing to the end of this record, or of its header. */
  get missing(): number {
    return this.#left > 0 ? this.#left : HEADER_BYTES - this.#header.length;
  }

  /** Between two records. */
  get atEdge(): boolean {
    return this.#left === 0 && this.#header.length === 0;
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#left === 0) {
        this.#header.push(bytes[at++] as number);
        if (this.#header.length < HEADER_BYTES) continue;
        this.#left = (recordBytes(Uint8Array.from(this.#header), 0, HEADER_BYTES) as number) - HEADER_BYTES;
      } else {
        const step = Math.min(this.#left, bytes.length - at);
        at += step;
        this.#left -= step;
      }
      if (this.#left === 0) {
        if (this.#header[0] === APPLICATION_DATA) this.encrypted++;
        this.#header = [];
      }
    }
  }
}
