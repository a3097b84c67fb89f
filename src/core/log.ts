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

/** What a line says, for programs that read it; people have the words. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | readonly number[]>>;

export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /**
   * A logger whose lines carry this subject, such as a connection's id, behind the subjects that there are. For programs it is
   * `fields` that they carry, in its place.
   */
  about(subject: string, fields?: LogFields): Logger;
}

/** Takes one finished line, without its line end. */
export type LineSink = (line: string) => void;

/** Lines at or above `level` go to `sink`. */
export function lineLogger(level: LogLevel, sink: LineSink, now: () => Date = () => new Date()): Logger {
  return new LineLogger({ limit: LOG_LEVELS.indexOf(level), sink, now }, '');
}

interface LineLog {
  /** Index of the last level that is written. */
  readonly limit: number;
  readonly sink: LineSink;
  readonly now: () => Date;
}

/** A class, since there is one for each connection: a set of closures costs more than the line. */
class LineLogger implements Logger {
  readonly #log: LineLog;
  readonly #prefix: string;

  constructor(log: LineLog, prefix: string) {
    this.#log = log;
    this.#prefix = prefix;
  }

  error(message: string): void {
    this.#line(0, 'error', message);
  }

  warn(message: string): void {
    this.#line(1, 'warn ', message);
  }

  info(message: string): void {
    this.#line(2, 'info ', message);
  }

  debug(message: string): void {
    this.#line(3, 'debug', message);
  }

  about(subject: string): Logger {
    return new LineLogger(this.#log, `${this.#prefix}${escapeText(subject)} `);
  }

  #line(level: number, name: string, message: string): void {
    const { limit, sink, now } = this.#log;
    if (level <= limit) sink(`${now().toISOString()} ${name} ${this.#prefix}${escapeText(message)}`);
  }
}

/** Says nothing: for library users and tests. */
export const silentLogger: Logger = {
  error() {},
  warn() {},
  info() {},
  debug() {},
  about: () => silentLogger,
};
