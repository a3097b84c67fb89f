/**
 * One-line logs.
 *
 *     2026-11-21T09:30:00.123Z info  c17 closed after 4.2s, 1.54 MB up, 24 KB down
 *     |                        |     |
 *     UTC time                 level subject: the connection's id, where there is one
 */

import { escapeText } from './format.ts';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Logger {
  error(message: string): void;
  warn(message: string): void;
  info(message: string): void;
  debug(message: string): void;
  /** A logger whose lines carry this subject, such as a connection's id, behind the subjects that there are. */
  about(subject: string): Logger;
}

/** Takes one finished line, without its line end. */
export type LineSink = (line: string) => void;

/** Lines at or above `level` go to `sink`. */
export function lineLogger(level: LogLevel, sink: LineSink, now: () => Date = () => new Date()): Logger {
  const limit = LOG_LEVELS.indexOf(level);
  const make = (prefix: string): Logger => {
    const at = (lineLevel: LogLevel) => {
      if (LOG_LEVELS.indexOf(lineLevel) > limit) return () => {};
      const name = lineLevel.padEnd(5);
      return (message: string) => sink(`${now().toISOString()} ${name} ${prefix}${escapeText(message)}`);
    };
    return {
      error: at('error'),
      warn: at('warn'),
      info: at('info'),
      debug: at('debug'),
      about: (subject) => make(`${prefix}${escapeText(subject)} `),
    };
  };
  return make('');
}

/** Says nothing: for library users and tests. */
export const silentLogger: Logger = {
  error() {},
  warn() {},
  info() {},
  debug() {},
  about: () => silentLogger,
};
