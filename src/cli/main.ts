#!/usr/bin/env node
/**
 * tcp-proxy: the command. Exit codes: 0 done, 1 failed, 2 wrong usage.
 */

import { readFileSync } from 'node:fs';
import { escapeText } from '../core/format.ts';
import { parseCommand } from './arguments.ts';
import { helpText } from './help.ts';
import { UsageError } from './options.ts';
import { run } from './run.ts';

function version(): string {
  // This file runs as dist/src/cli/main.js.
  const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  return `tcp-proxy ${manifest.version}`;
}

async function main(argv: readonly string[]): Promise<number> {
  const command = parseCommand(argv);
  if (command.do === 'run') return run(command);
  process.stdout.write(command.do === 'help' ? helpText() : `${version()}\n`);
  return 0;
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
