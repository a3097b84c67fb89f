/** What every text has to be that reaches a log or a terminal. */

import { expect } from '../target.ts';

/** Control characters, and those that move or hide text. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/;

export function expectPrintable(text: string, most = 4000): void {
  const found = UNSAFE.exec(text);
  expect(
    found === null,
    `U+${found?.[0].charCodeAt(0).toString(16)} in ${JSON.stringify(text.slice(0, 200))}`,
  );
  expect(text.length <= most, `a text of ${text.length} characters`);
}

/** The beginning of what an error says, without what it quotes: few enough to tell kinds of errors by. */
export function wordsOf({ message }: Error): string {
  const [first = ''] = message.replace(/['"].*['"]/s, '...').split(/[:;(]/);
  const words = first.split(' ').slice(0, first.startsWith('--') ? 1 : 4);
  return words
    .join(' ')
    .replace(/\d+|\.{1,}[#.]*/g, '#')
    .slice(0, 40);
}
