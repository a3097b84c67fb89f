/**
 * SIGHUP: the configuration and the files that it names are read again. What is wrong with them changes nothing.
 */

import { closeSync, constants, openSync } from 'node:fs';
import type { Logger } from '../core/log.ts';
import { ConfigMistakes } from './config/config_mistakes.ts';
import type { ProcessSettings } from './settings.ts';

const KEPT = 'the configuration from before stays in force';

/** What only a start can change. */
const AT_START = {
  logLevel: 'log-level',
  logFormat: 'log-format',
  status: 'no-status',
  admin: 'admin',
} as const satisfies Partial<Record<keyof ProcessSettings, string>>;

/** Calls `reload` at each SIGHUP, one after the other; says what went wrong. */
export function reloadOnSignal(reload: () => Promise<void>, log: Logger): void {
  const hadTerminal = hasTerminal();
  let last = Promise.resolve();
  process.on('SIGHUP', () => {
    // A window that was closed: nobody asks for anything.
    if (hadTerminal && !hasTerminal()) {
      process.kill(process.pid, 'SIGTERM');
      return;
    }
    last = last.then(reload).catch((error: unknown) => {
      const lines =
        error instanceof ConfigMistakes
          ? error.lines
          : [error instanceof Error ? error.message : String(error)];
      for (const line of lines) log.error(line);
      log.error(`SIGHUP: ${KEPT}`);
    });
  });
}

/** What was changed in vain, by the names of its options. */
export function changedInVain(before: ProcessSettings, now: ProcessSettings): string[] {
  return Object.entries(AT_START).flatMap(([key, name]) => {
    const [a, b] = [before, now].map((settings) => JSON.stringify(settings[key as keyof typeof AT_START]));
    return a === b ? [] : [name];
  });
}

/** Whether the session has a terminal that is there still. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK));
    return true;
  } catch {
    return false;
  }
}
