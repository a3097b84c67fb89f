/**
 * Every option of the command, once: parsing, help and validation all read this table.
 */

import { constants } from 'node:buffer';
import { LOG_LEVELS, type LogLevel } from '../core/log.ts';

/** What an option's value turns into; throws a UsageError that says what is right. */
type Parser<T> = (text: string, flag: string) => T;

/** A mistake of the person at the keyboard: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface OptionSpec<T> {
  readonly flag: string;
  readonly short?: string;
  /** Name of the value in the help; without one the option is a switch. */
  readonly value?: string;
  readonly help: string;
  readonly parse?: Parser<T>;
}

/** A time: `500ms`, `10s`, `2m`, or a number of seconds. In milliseconds. */
export const parseDuration: Parser<number> = (text, flag) => {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match?.[2] ?? 's'] as number;
  const ms = match === null ? Number.NaN : Math.round(Number(match[1]) * unit);
  // Node's timers take 32 bits.
  if (!(ms >= 1 && ms <= 0x7fff_ffff)) {
    throw new UsageError(`--${flag} ${text}: write a time such as 500ms, 10s or 2m, up to 24 days`);
  }
  return ms;
};

function wholeNumber(least: number, most: number): Parser<number> {
  return (text, flag) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new UsageError(`--${flag} ${text}: write a whole number from ${least} to ${most}`);
  };
}

/** Bytes, with an optional k, M or G (powers of 1024). */
function size(least: number, most: number): Parser<number> {
  return (text, flag) => {
    const match = /^(\d+)([kmg])?$/i.exec(text);
    const unit = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[match?.[2]?.toLowerCase() ?? ''] ?? 1;
    const bytes = match === null ? Number.NaN : Number(match[1]) * unit;
    if (bytes >= least && bytes <= most) return bytes;
    throw new UsageError(
      `--${flag} ${text}: write a number of bytes such as 65536, 64k or 1M, from ${least} to ${most}`,
    );
  };
}

const parseLevel: Parser<LogLevel> = (text, flag) => {
  if ((LOG_LEVELS as readonly string[]).includes(text)) return text as LogLevel;
  throw new UsageError(`--${flag} ${text}: write one of ${LOG_LEVELS.join(', ')}`);
};

/** What the other side of the pair may send, whatever it accepts itself: less than this would break every bulk transfer. */
const SMALLEST_MAX_MESSAGE = 64 * 1024;
/** Above this a message could not be allocated at all. */
const LARGEST_MESSAGE = Math.min(constants.MAX_LENGTH, 1024 ** 3);

export const OPTIONS = {
  client: {
    flag: 'client',
    short: 'c',
    help: 'near the client: accept apps, dial the peer (a tcp-proxy -s)',
  },
  server: { flag: 'server', short: 's', help: 'near the server: accept the peer, dial the target' },
  relay: { flag: 'relay', short: 'r', help: 'a plain relay, without a peer' },
  carriers: {
    flag: 'carriers',
    short: 'n',
    value: 'N',
    help: 'preview: stripe over N connections (0: do not)',
    parse: wholeNumber(0, 64),
  },
  connectTimeout: {
    flag: 'connect-timeout',
    value: 'TIME',
    help: 'time to reach the far end; -c keeps trying (10s)',
    parse: parseDuration,
  },
  drainTimeout: {
    flag: 'drain-timeout',
    value: 'TIME',
    help: 'time that open connections get after SIGTERM (30s)',
    parse: parseDuration,
  },
  maxConnections: {
    flag: 'max-connections',
    value: 'N',
    help: 'connections at once (as descriptors allow)',
    parse: wholeNumber(1, 10_000_000),
  },
  maxMessage: {
    flag: 'max-message',
    value: 'SIZE',
    help: 'largest message accepted from the peer (256k)',
    parse: size(SMALLEST_MAX_MESSAGE, LARGEST_MESSAGE),
  },
  logLevel: {
    flag: 'log-level',
    value: 'LEVEL',
    help: 'error, warn, info or debug (info)',
    parse: parseLevel,
  },
  noStatus: { flag: 'no-status', help: 'no status view on the terminal' },
  help: { flag: 'help', short: 'h', help: 'this text' },
  version: { flag: 'version', short: 'V', help: 'the version' },
} as const satisfies Record<string, OptionSpec<unknown>>;

export type OptionName = keyof typeof OPTIONS;
