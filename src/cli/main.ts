#!/usr/bin/env node
/**
 * tcp-proxy: the command. Exit codes: 0 done, 1 failed or ended by a second signal, 2 wrong usage.
 */

import { escapeText } from '../core/format.ts';
import { parseCommand } from './arguments.ts';
import { ConfigMistakes } from './config/config_mistakes.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { helpText } from './help.ts';
import { newKey, writeKeyFile } from './key_file.ts';
import { UsageError } from './options.ts';
import { type Program, run } from './run.ts';
import type { Values } from './settings.ts';
import { version } from './version.ts';

/** What there is to say about it. @throws Error when it cannot be written */
function makeKey(file: string | null): string {
  if (file === null) return newKey();
  writeKeyFile(file);
  return `a new key is in ${escapeText(file)}: copy it to the other side, and give --key FILE on both\n`;
}

/** What reads configuration files is loaded for those who have one. @throws UsageError */
async function planOf(file: string, environment: Environment, typed: Values): Promise<Program> {
  const { readPlan } = await import('./config/plan.ts');
  return readPlan(file, { environment: environment.values, typed });
}

/** What there is to say about a failure, and what to try. */
function wordsFor(error: unknown): string {
  if (error instanceof ConfigMistakes)
    return `tcp-proxy: ${escapeText(error.head)}\n${error.lines.join('\n')}\n`;
  const text = escapeText(error instanceof Error ? error.message : String(error));
  return `tcp-proxy: ${text}${error instanceof UsageError ? "\nTry 'tcp-proxy --help'." : ''}\n`;
}

async function main(argv: readonly string[]): Promise<number> {
  const environment = readEnvironment(process.env);
  const command = parseCommand(argv, environment.values);
  switch (command.do) {
    case 'run':
      return run({ process: command, listeners: [command] }, environment, async () => ({
        process: command,
        listeners: [command],
      }));
    case 'configured':
      return run(await planOf(command.file, environment, command.values), environment, () =>
        planOf(command.file, environment, command.values),
      );
    case 'check':
      process.stdout.write(await (await import('./config/check.ts')).checkFile(command.file, environment));
      return 0;
    case 'schema':
      process.stdout.write(`${JSON.stringify((await import('./config/schema.ts')).jsonSchema(), null, 2)}\n`);
      return 0;
    case 'keygen':
      process.stdout.write(makeKey(command.file));
      return 0;
    case 'top':
      return (await import('./top.ts')).top(command);
    case 'help':
      process.stdout.write(helpText(command.all));
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
    process.stderr.write(wordsFor(error));
    process.exit(error instanceof UsageError ? 2 : 1);
  },
);
