/**
 * Numbers and foreign strings, made fit for a person's terminal.
 */

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

/** `1536000` as `1.54 MB`: powers of 1000, three significant digits. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** `3723000` (milliseconds) as `1h02m03s`; below a minute with one decimal, below a second in ms. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  const pad = (n: number) => String(n).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${pad(seconds % 60)}s`;
  return `${Math.floor(minutes / 60)}h${pad(minutes % 60)}m${pad(seconds % 60)}s`;
}

/** `1 connection`, `2 connections`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

// C0, DEL, C1, line separators, and the characters that reorder or hide text on a terminal (U+061C, U+200B-F, U+202A-E, U+2060-9, U+FEFF).
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** Makes a string from outside safe to print: control characters become visible escapes, the length is bounded. */
export function escapeText(text: string, maxLength = 1000): string {
  // Not in the middle of a character: half of a surrogate pair is no text.
  const cut =
    text.length > maxLength ? `${text.slice(0, maxLength).replace(/[\ud800-\udbff]$/, '')}...` : text;
  return cut.replace(UNSAFE, (c) => {
    const code = c.charCodeAt(0);
    return code < 0x100 ? hexOf(code) : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** Bytes that may be anything, in quotation marks: what is not printable ASCII, a mark or a backslash is \xNN. */
export function quoteBytes(bytes: Uint8Array, mark: '"' | "'" = "'"): string {
  const [quote, backslash] = [mark.charCodeAt(0), 0x5c];
  const readable = (byte: number) => byte >= 0x20 && byte < 0x7f && byte !== quote && byte !== backslash;
  const characters = Array.from(bytes, (byte) => (readable(byte) ? String.fromCharCode(byte) : hexOf(byte)));
  return `${mark}${characters.join('')}${mark}`;
}

function hexOf(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}

/** What a terminal shows in two columns: East Asian wide and fullwidth characters (UAX #11), and emoji. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;
/** And in none: combining marks. */
const NARROWEST = /\p{M}/u;

function columnsOfCharacter(character: string): number {
  if (character <= '~') return 1;
  return NARROWEST.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
}

/** Columns that a text without control characters takes on a terminal; a guess where terminals differ. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += columnsOfCharacter(character);
  return columns;
}

/** The beginning of a text, at most so many columns of it. */
export function cutToColumns(text: string, most: number): string {
  let columns = 0;
  let length = 0;
  for (const character of text) {
    columns += columnsOfCharacter(character);
    if (columns > most) return text.slice(0, length);
    length += character.length;
  }
  return text;
}
