/**
 * Every option of the command, once: parsing, help and validation all read this table.
 */

import { constants } from 'node:buffer';
import { AddressError, type Endpoint, parseEndpoint } from '../core/address.ts';
import { LOG_LEVELS, type LogLevel } from '../core/log.ts';
import { type LocalEnd, parseLocalEnd } from '../layer/tcp/local_end.ts';
import { type Choice, parseChoice } from '../proxy/compression.ts';
import { LEAST_MEMORY_BYTES } from '../proxy/stack.ts';
import { TLS_OPTIONS } from './tls_options.ts';
import { UsageError } from './usage_error.ts';

export { UsageError };

/** What an option's value turns into; throws a UsageError that says what is right. */
type Parser<T> = (text: string, flag: string) => T;

export interface OptionSpec<T> {
  readonly flag: string;
  readonly short?: string;
  /** Name of the value in the help; without one the option is a switch. */
  readonly value?: string;
  readonly help: string;
  /** May be given several times; what it parses to is a list then, and the lists are joined. */
  readonly repeatable?: true;
  /** What it is about; where there is none, it would do nothing. Left out, it is good everywhere. */
  readonly about?:
    | 'the peer'
    | 'dialling the peer'
    | 'accepting the peer'
    | 'striping'
    | 'striped clients'
    | 'striped servers';
  /** Left out of the short help, which has to fit a screen. */
  readonly rare?: true;
  readonly parse?: Parser<T>;
}

/** A time of at least so many milliseconds: `500ms`, `10s`, `2m`, or a number of seconds. In milliseconds. */
const duration =
  (least: 0 | 1): Parser<number> =>
  (text, flag) => {
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
    const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match?.[2] ?? 's'] as number;
    const ms = match === null ? Number.NaN : Math.round(Number(match[1]) * unit);
    if (Number.isNaN(ms)) throw new UsageError(`--${flag} ${text}: write a time such as 500ms, 10s or 2m`);
    if (ms < least)
      throw new UsageError(`--${flag} ${text}: it has to be more than 0, such as 500ms, 10s or 2m`);
    // Node's timers take 32 bits.
    if (ms > 0x7fff_ffff) throw new UsageError(`--${flag} ${text}: at most 24 days (576h) are possible`);
    return ms;
  };

const parseVia: Parser<LocalEnd[]> = (text, flag) => {
  try {
    return text.split(',').map(parseLocalEnd);
  } catch (error) {
    if (error instanceof AddressError) throw new UsageError(`--${flag}: ${error.message}`);
    throw error;
  }
};

const parseAdmin: Parser<Endpoint> = (text, flag) => {
  try {
    return parseEndpoint(text);
  } catch (error) {
    if (error instanceof AddressError) throw new UsageError(`--${flag}: ${error.message}`);
    throw error;
  }
};

/** As the kernel names them: TCP_CA_NAME_MAX with its terminator (net/tcp.h). */
const parseCongestion: Parser<string> = (text, flag) => {
  if (/^[\w.-]{1,15}$/.test(text)) return text;
  throw new UsageError(
    `--${flag} ${text}: write the name of a congestion control, such as bbr or cubic, or system`,
  );
};

const parseCompress: Parser<Choice | 'off'> = (text, flag) => {
  if (text === 'off') return text;
  try {
    return parseChoice(text);
  } catch (error) {
    throw new UsageError(`--${flag} ${text}: ${(error as Error).message}`);
  }
};

function wholeNumber(least: number, most: number): Parser<number> {
  return (text, flag) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new UsageError(`--${flag} ${text}: write a whole number from ${least} to ${most}`);
  };
}

/** As many as are of use, or so many. */
const parseCarriers: Parser<number | 'auto'> = (text, flag) => {
  const most = 64;
  if (text === 'auto') return text;
  if (/^\d+$/.test(text) && Number(text) <= most) return Number(text);
  throw new UsageError(`--${flag} ${text}: write a whole number from 0 to ${most}, or auto`);
};

/** Bytes, with an optional k, M or G (powers of 1024). */
function size(least: number, most: number): Parser<number> {
  return (text, flag) => {
    const match = /^(\d+)([kmg])?$/i.exec(text);
    const unit = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[match?.[2]?.toLowerCase() ?? ''] ?? 1;
    const bytes = match === null ? Number.NaN : Number(match[1]) * unit;
    if (bytes >= least && bytes <= most) return bytes;
    throw new UsageError(
      `--${flag} ${text}: write a number of bytes such as 65536, 64k or 1M, from ${asSize(least)} to ${asSize(most)}`,
    );
  };
}

/** As it would be typed: `64k`, `16M`. */
function asSize(bytes: number): string {
  const units = ['', 'k', 'M', 'G'];
  let at = 0;
  while (at < units.length - 1 && bytes % 1024 ** (at + 1) === 0) at++;
  return `${bytes / 1024 ** at}${units[at]}`;
}

const parseLevel: Parser<LogLevel> = (text, flag) => {
  if ((LOG_LEVELS as readonly string[]).includes(text)) return text as LogLevel;
  throw new UsageError(`--${flag} ${text}: write one of ${LOG_LEVELS.join(', ')}`);
};

/** What the other side of the pair may send, whatever it accepts itself: less than this would break every bulk transfer. */
const SMALLEST_MAX_MESSAGE = 64 * 1024;
/** More than any machine has. */
const LARGEST_MEMORY = 2 ** 44;
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
    help: '-c: stripe over 1 to 64 connections, or auto (4)',
    about: 'the peer',
    parse: parseCarriers,
  },
  key: {
    flag: 'key',
    value: 'FILE',
    help: 'shared key: encrypts, keeps others out (none)',
    about: 'striping',
  },
  ...TLS_OPTIONS,
  noEncrypt: {
    flag: 'no-encrypt',
    help: 'with --key, on both sides: do not encrypt',
    about: 'striping',
  },
  via: {
    flag: 'via',
    value: 'ADDR|IF,...',
    help: 'local addresses or interfaces to spread -c over',
    about: 'dialling the peer',
    repeatable: true,
    parse: parseVia,
  },
  compress: {
    flag: 'compress',
    value: 'HOW',
    help: 'zstd, lz4, zstd:LEVEL, ..., auto or off (off)',
    about: 'striping',
    parse: parseCompress,
  },
  highCompression: {
    flag: 'high-compression',
    help: 'the ratio is worth more than the delay',
    about: 'striping',
    rare: true,
  },
  bufferSize: {
    flag: 'buffer-size',
    value: 'SIZE',
    help: 'largest piece that is compressed at once (128k)',
    about: 'striping',
    rare: true,
    parse: size(1024, 256 * 1024),
  },
  congestion: {
    flag: 'congestion',
    value: 'NAME',
    help: 'of striped connections (bbr; system: leave it)',
    about: 'striping',
    parse: parseCongestion,
  },
  grace: {
    flag: 'grace',
    value: 'TIME',
    help: 'sessions outlive the loss of all of these (30s)',
    about: 'striping',
    parse: duration(0),
  },
  connectTimeout: {
    flag: 'connect-timeout',
    value: 'TIME',
    help: 'time to reach the far end; -c keeps trying (10s)',
    parse: duration(1),
  },
  drainTimeout: {
    flag: 'drain-timeout',
    value: 'TIME',
    help: 'time that open connections get after SIGTERM (30s)',
    parse: duration(0),
  },
  maxConnections: {
    flag: 'max-connections',
    value: 'N',
    help: 'at once; by default 1 descriptor each, -n 0: 2',
    parse: wholeNumber(1, 10_000_000),
  },
  maxMessage: {
    flag: 'max-message',
    value: 'SIZE',
    help: 'largest message accepted from the peer (256k)',
    rare: true,
    about: 'the peer',
    parse: size(SMALLEST_MAX_MESSAGE, LARGEST_MESSAGE),
  },
  memory: {
    flag: 'memory',
    value: 'SIZE',
    help: 'with -n: most that waits here, both ways (256M)',
    about: 'striping',
    parse: size(LEAST_MEMORY_BYTES, LARGEST_MEMORY),
  },
  maxHandshakes: {
    flag: 'max-handshakes',
    value: 'N',
    help: '-s: connections that have proved nothing yet (256)',
    about: 'accepting the peer',
    rare: true,
    parse: wholeNumber(1, 100_000),
  },
  maxHandshakesPerSource: {
    flag: 'max-handshakes-per-source',
    value: 'N',
    help: '-s: of one IPv4 address, or IPv6 /64 (half of them)',
    about: 'accepting the peer',
    rare: true,
    parse: wholeNumber(1, 100_000),
  },
  handshakeTimeout: {
    flag: 'handshake-timeout',
    value: 'TIME',
    help: '-s: who has not joined by then is let go (5s)',
    about: 'accepting the peer',
    rare: true,
    parse: duration(1),
  },
  maxClients: {
    flag: 'max-clients',
    value: 'N',
    help: '-s: clients that stripe, at a time (1000)',
    about: 'striped clients',
    rare: true,
    parse: wholeNumber(1, 1_000_000),
  },
  maxClientsPerSource: {
    flag: 'max-clients-per-source',
    value: 'N',
    help: '-s: of one address (64 without --key)',
    about: 'striped clients',
    rare: true,
    parse: wholeNumber(1, 1_000_000),
  },
  maxStreams: {
    flag: 'max-streams',
    value: 'N',
    help: '-s: app connections of one client, at a time (10000)',
    about: 'striped clients',
    rare: true,
    parse: wholeNumber(1, 1_000_000),
  },
  maxStreamRate: {
    flag: 'max-stream-rate',
    value: 'N',
    help: '-s: app connections of one client, per second (5000)',
    about: 'striped clients',
    rare: true,
    parse: wholeNumber(1, 1_000_000),
  },
  admin: {
    flag: 'admin',
    value: '[HOST:]PORT',
    help: 'metrics, JSON, events over HTTP; 127.0.0.1 (off)',
    parse: parseAdmin,
  },
  adminToken: {
    flag: 'admin-token',
    value: 'FILE',
    help: 'what requests to --admin have to show (none)',
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
