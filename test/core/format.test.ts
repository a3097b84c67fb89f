/** Goal: numbers read well at every size, and no string from outside can move the cursor or forge a line. */
import fc from 'fast-check';
import t from 'tap';
import {
  columnsOf,
  cutToColumns,
  escapeText,
  formatBytes,
  formatDuration,
  plural,
  quoteBytes,
} from '../../src/core/format.ts';
import { propertyOptions } from '../helpers/random.ts';

t.test('bytes: three digits and a unit', async (t) => {
  for (const [bytes, text] of [
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 KB'],
    [1536, '1.54 KB'],
    [9_994, '9.99 KB'],
    [9_996, '10.0 KB'],
    [99_960, '100 KB'],
    [999_499, '999 KB'],
    [999_500, '1.00 MB'],
    [1_536_000, '1.54 MB'],
    [2 ** 53, '9.01 PB'],
    [5e18, '5000 PB'],
  ] as const) {
    t.equal(formatBytes(bytes), text);
  }
  const short = (bytes: number) => /^(\d{1,3}|\d\.\d\d|\d\d\.\d) [KMGTP]?B$/.test(formatBytes(bytes));
  fc.assert(fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), short), propertyOptions(2000));
});

t.test('durations', async (t) => {
  for (const [ms, text] of [
    [0, '0ms'],
    [999, '999ms'],
    [1000, '1.0s'],
    [59_949, '59.9s'],
    [59_950, '1m00s'],
    [3_599_499, '59m59s'],
    [3_599_500, '1h00m00s'],
    [3_723_000, '1h02m03s'],
    [360_000_000, '100h00m00s'],
  ] as const) {
    t.equal(formatDuration(ms), text);
  }
  t.equal(formatDuration(999.7), '1.0s', 'not 1000ms');
});

t.test('one and many', async (t) => {
  t.same(
    [0, 1, 2].map((n) => plural(n, 'connection')),
    ['0 connections', '1 connection', '2 connections'],
  );
});

t.test('control characters become visible', async (t) => {
  for (const [raw, escaped] of [
    ['plain text, ümlaut, 漢字, 🙂', 'plain text, ümlaut, 漢字, 🙂'],
    ['a\r\nb', 'a\\x0d\\x0ab'],
    ['\u001b[2J\u001b]0;title\u0007', '\\x1b[2J\\x1b]0;title\\x07'],
    ['nul\0tab\t', 'nul\\x00tab\\x09'],
    ['\u007f\u0080\u009b31m', '\\x7f\\x80\\x9b31m'],
    ['line\u2028par\u2029', 'line\\u2028par\\u2029'],
    ['zero\u200bwidth\ufeff', 'zero\\u200bwidth\\ufeff'],
  ] as const) {
    t.equal(escapeText(raw), escaped);
  }
  for (const bidi of '\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069') {
    t.match(escapeText(bidi), /^\\u[0-9a-f]{4}$/, `U+${bidi.charCodeAt(0).toString(16)}`);
  }
});

t.test('the length is bounded, and no character is cut in half', async (t) => {
  t.equal(escapeText('x'.repeat(1000)).length, 1000);
  t.equal(escapeText('x'.repeat(5000)), `${'x'.repeat(1000)}...`);
  t.equal(escapeText('abcdef', 3), 'abc...');
  t.equal(escapeText(`${'x'.repeat(9)}🙂🙂`, 10), `${'x'.repeat(9)}...`);
});

t.test('whatever comes in, what comes out is one harmless line', async () => {
  const harmless = (text: string) =>
    !/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/.test(escapeText(text));
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 50 }), harmless), propertyOptions(1000));
});

t.test('columns on a terminal', async (t) => {
  for (const [text, columns] of [
    ['', 0],
    ['host:22', 7],
    ['m\u00fcller', 6],
    ['mu\u0308ller', 6],
    ['日本.example', 12],
    ['\uff21', 2],
    ['a\u{1f600}b', 4],
  ] as const) {
    t.equal(columnsOf(text), columns, text);
  }
  t.equal(cutToColumns('日本語', 5), '日本', 'no half of a wide one');
  t.equal(cutToColumns('a\u{1f600}', 2), 'a', 'nor of a surrogate pair');
  t.equal(cutToColumns('e\u0301x', 1), 'e\u0301', 'a mark stays with its letter');
  t.equal(cutToColumns('as it is', 8), 'as it is');
  t.equal(cutToColumns('x', 0), '');
  const fits = (text: string, most: number) => {
    const cut = cutToColumns(text, most);
    return text.startsWith(cut) && columnsOf(cut) <= most;
  };
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.nat({ max: 50 }), fits), propertyOptions(500));
});

t.test('bytes that may be anything, in quotation marks', async (t) => {
  const bytes = Buffer.from('ok ~"\'\\\n\x7f\x80\0', 'latin1');
  t.equal(quoteBytes(bytes), `'ok ~"\\x27\\x5c\\x0a\\x7f\\x80\\x00'`);
  t.equal(quoteBytes(bytes, '"'), `"ok ~\\x22'\\x5c\\x0a\\x7f\\x80\\x00"`);
  t.equal(quoteBytes(Buffer.alloc(0)), "''");
});
