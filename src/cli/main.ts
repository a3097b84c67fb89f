#!/usr/bin/env node
/**
 * tcp-proxy: the command. Exit codes: 0 done, 1 failed or ended by a second signal, 2 wrong usage.
 */

import { escapeText } from '../core/format.ts';
import { parseCommand } from './arguments.ts';
import { helpText } from './help.ts';
import { newKey, writeKeyFile } from './key_file.ts';
import { UsageError } from './options.ts';
import { run } from './run.ts';
import { version } from './version.ts';

/** What there is to say about it. @throws Error when it cannot be written */
function makeKey(file: string | null): string {
  if (file === null) return newKey();
  writeKeyFile(file);
  return `a new key is in ${escapeText(file)}: copy it to the other side, and give --key FILE on both\n`;
}

async function main(argv: readonly string[]): Promise<number> {
  const command = parseCommand(argv);
  switch (command.do) {
    case 'run':
      return run(command);
    case 'keygen':
      process.stdout.write(makeKey(command.file));
      return 0;
    case 'top':
      return (await import('./top.ts')).top(command);
    case 'help':
      process.stdout.write(helpText());
      return 0;
    case 'version':
      process.stdout.write(`tcp-proxy ${version()}\n`);
      return 0;
  }
}

// A closed terminal or log pipe must not take the connections down with it.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    const usage = error instanceof UsageError;
    const text = error instanceof Error ? error.message : String(error);
    process.stderr.write(`tcp-proxy: ${escapeText(text)}${usage ? "\nTry 'tcp-proxy --help'." : ''}\n`);
    process.exit(usage ? 2 : 1);
  },
);
