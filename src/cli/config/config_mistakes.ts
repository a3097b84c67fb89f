/**
 * Everything that is wrong with a configuration file. In a file of its own, since whoever prints it need not load what
 * reads such files.
 */

import { escapeText, plural } from '../../core/format.ts';
import { UsageError } from '../options.ts';

export class ConfigMistakes extends UsageError {
  readonly head: string;
  /** One for each: `FILE:LINE:COLUMN: PATH: what is wrong and what is right`. */
  readonly lines: readonly string[];

  constructor(file: string, lines: readonly string[]) {
    const head = `${escapeText(file)} has ${plural(lines.length, 'mistake')}:`;
    super(`${head} ${lines.join('; ')}`);
    this.head = head;
    this.lines = lines;
  }
}
