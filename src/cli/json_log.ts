/**
 * Logs for programs: a JSON object a line, by pino, without its worker threads. `time` is ISO 8601, `level` a word, `msg` the
 * words; what else there is has fields of its own: docs/logs.md.
 *
 * Loaded by who wants it only: text needs none of it.
 */

import { type Logger as Pino, pino, stdTimeFunctions } from 'pino';
import { escapeText } from '../core/format.ts';
import type { LogFields, Logger, LogLevel } from '../core/log.ts';

/** @param sink takes one finished line, without its line end */
export function jsonLogger(level: LogLevel, sink: (line: string) => void): Logger {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return new JsonLogger(pino(options, { write: (line: string) => sink(line.trimEnd()) }));
}

class JsonLogger implements Logger {
  readonly #pino: Pino;

  constructor(inner: Pino) {
    this.#pino = inner;
  }

  error(message: string, fields: LogFields = {}): void {
    this.#pino.error(safe(fields), escapeText(message));
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#pino.warn(safe(fields), escapeText(message));
  }

  info(message: string, fields: LogFields = {}): void {
    this.#pino.info(safe(fields), escapeText(message));
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#pino.debug(safe(fields), escapeText(message));
  }

  about(subject: string, fields: LogFields = { subject }): Logger {
    return new JsonLogger(this.#pino.child(safe(fields)));
  }
}

/** What comes from peers may hold characters that hide or reorder text where somebody reads it in the end. */
function safe(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' ? escapeText(value) : value,
    ]),
  );
}
