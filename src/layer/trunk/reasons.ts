/**
 * Why a stream was reset, as one byte on the wire. docs/wire.md lists them.
 */

import { PipeError, type PipeErrorCode } from '../../core/errors.ts';
import { escapeText } from '../../core/format.ts';
import { TEXT_MAX_BYTES } from './codec.ts';

/** Index is the wire code. Codes are never given a new meaning; an unknown one counts as `reset`. */
const CODES: readonly PipeErrorCode[] = [
  'reset',
  'refused',
  'unreachable',
  'timeout',
  'resolve',
  'descriptors',
  'cancelled',
  'truncated',
  'malformed',
  'permission',
  'system',
];

/** For those that the wire has no code for. */
const OTHER = CODES.indexOf('system');

export interface Reason {
  readonly code: number;
  readonly text: Buffer;
}

export function toReason(error: PipeError | null): Reason {
  if (error === null) return { code: 0, text: Buffer.alloc(0) };
  const text = error.code === 'reset' ? '' : error.message;
  const code = CODES.indexOf(error.code);
  return { code: code < 0 ? OTHER : code, text: truncated(text) };
}

export function fromReason(code: number, text: Buffer): PipeError {
  const known = CODES[code] ?? 'reset';
  return new PipeError(known, 'peer', text.length === 0 ? undefined : escapeText(text.toString('utf8')));
}

/** At most what a frame takes, and not in the middle of a character. */
function truncated(text: string): Buffer {
  let bytes = Buffer.from(text);
  if (bytes.length <= TEXT_MAX_BYTES) return bytes;
  bytes = bytes.subarray(0, TEXT_MAX_BYTES);
  let end = bytes.length;
  // 10xxxxxx continues a character (RFC 3629).
  while (end > 0 && ((bytes[end - 1] as number) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, Math.max(0, end - 1));
}
