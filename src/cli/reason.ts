/**
 * What is wrong with a value, without the `--flag value: ` that a parser says it with: for values that come from elsewhere.
 */

import type { UsageError } from './options.ts';

export function reasonOf({ message }: UsageError, flag: string, text: string): string {
  const beginnings = [`--${flag} ${text}: `, `--${flag}: `];
  const found = beginnings.find((beginning) => message.startsWith(beginning));
  return found === undefined ? message : message.slice(found.length);
}
