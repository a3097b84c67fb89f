/**
 * Every option of the command, once: parsing, help and validation all read this table.
 */

import { constants } from 'node:buffer';
import { AddressError, type Endpoint, parseEndpoint } from '../core/address.ts';
import { LOG_LEVELS } from '../core/log.ts';
import { type LocalEnd, parseLocalEnd } from '../layer/tcp/local_end.ts';
import { type Choice, parseChoice } from '../proxy/compression.ts';
import { LEAST_MEMORY_BYTES } from '../proxy/stack.ts';
import { TLS_OPTIONS } from './tls_options.ts';
import { UsageError } from './usage_error.ts';

export { UsageError };

/** What values look like, so that editors can complete and check them: as much of JSON Schema as is needed. */
export interface ValueForm {
  /** These words are possible. */
  readonly words?: readonly string[];
  /** And text that matches this. */
  readonly pattern?: RegExp;
  /** And numbers from `least` to `most`; whole ones, unless `fraction`. */
  readonly number?: { readonly least: number; readonly most: number; readonly fraction?: true };
}

/**
 * What an option's value turns into. Throws a UsageError that begins with `--flag text: ` and says what is right; where the
 * value did not come from the command line, that beginning is replaced. Without a form, any text is possible.
 */
export type Parser<T> = ((text: string, flag: string) => T) & { readonly form?: ValueForm };

function formed<T>(form: ValueForm, parse: (text: string, flag: string) => T): Parser<T> {
  return Object.assign(parse, { form });
}

export interface OptionSpec<T> {
  readonly flag: string;
  readonly short?: string;
  /** Name of the value in the help; without one the option is a switch. */
  readonly value?: string;
  readonly help: string;
  /** This word is no name of a file, where all others are. */
  readonly noFile?: string;
  /** It is about the whole process; in a configuration file it stands at the top, and not at a listener. */
  readonly process?: true;
  /** Its variable of the environment is no option: somebody else reads it. */
  readonly variable?: 'taken';
  /** It has no place in a configuration file, nor in the environment. */
  readonly typed?: true;
  /** Left out of the short help, which has to fit a screen: --help=all has it. */
  readonly rare?: true;
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
  readonly parse?: Parser<T>;
}

/** Node's timers take 32 bits. */
const LONGEST_MS = 0x7fff_ffff;
const LONGEST_S = Math.floor(LONGEST_MS / 1000);

/** A time of at least so many milliseconds: `500ms`, `10s`, `2m`, or a number of seconds. In milliseconds. */
const duration = (least: 0 | 1): Parser<number> => {
  const pattern = /^\d+(\.\d+)?(ms|s|m|h)?$/;
  return formed({ pattern, number: { least: 0, most: LONGEST_S, fraction: true } }, (text, flag) => {
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
    const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match?.[2] ?? 's'] as number;
    const ms = match === null ? Number.NaN : Math.round(Number(match[1]) * unit);
    if (Number.isNaN(ms)) throw new UsageError(`--${flag} ${text}: write a time such as 500ms, 10s or 2m`);
    if (ms < least)
      throw new UsageError(`--${flag} ${text}: it has to be more than 0, such as 500ms, 10s or 2m`);
    if (ms > LONGEST_MS) throw new UsageError(`--${flag} ${text}: at most 24 days (576h) are possible`);
    return ms;
  });
};

const parseVia: Parser<LocalEnd[]> = (text, flag) => {
  try {
    return text.split(',').map(parseLocalEnd);
  } catch (error) {
    if (error instanceof AddressError) throw new UsageError(`--${flag}: ${error.message}`);
    throw error;
  }
};

const ANY_PORT = { least: 0, most: 65_535 };
const parseAdmin: Parser<Endpoint> = formed({ pattern: /./, number: ANY_PORT }, (text, flag) => {
  try {
    return parseEndpoint(text);
  } catch (error) {
    if (error instanceof AddressError) throw new UsageError(`--${flag}: ${error.message}`);
    throw error;
  }
});

/** As the kernel names them: TCP_CA_NAME_MAX with its terminator (net/tcp.h). */
const CONGESTION_NAME = /^[\w.-]{1,15}$/;
const parseCongestion: Parser<string> = formed({ pattern: CONGESTION_NAME }, (text, flag) => {
  if (CONGESTION_NAME.test(text)) return text;
  throw new UsageError(
    `--${flag} ${text}: write the name of a congestion control, such as bbr or cubic, or system`,
  );
});

const parseCompress: Parser<Choice | 'off'> = (text, flag) => {
  if (text === 'off') return text;
  try {
    return parseChoice(text);
  } catch (error) {
    throw new UsageError(`--${flag} ${text}: ${(error as Error).message}`);
  }
};

function wholeNumber(least: number, most: number): Parser<number> {
  return formed({ number: { least, most } }, (text, flag) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new UsageError(`--${flag} ${text}: write a whole number from ${least} to ${most}`);
  });
}

const MOST_CARRIERS = 64;

/** As many as are of use, or so many. */
const parseCarriers: Parser<number | 'auto'> = formed(
  { words: ['auto'], number: { least: 0, most: MOST_CARRIERS } },
  (text, flag) => {
    if (text === 'auto') return text;
    if (/^\d+$/.test(text) && Number(text) <= MOST_CARRIERS) return Number(text);
    throw new UsageError(`--${flag} ${text}: write a whole number from 0 to ${MOST_CARRIERS}, or auto`);
  },
);

/** Bytes, with an optional k, M or G (powers of 1024). */
function size(least: number, most: number): Parser<number> {
  return formed({ pattern: /^\d+[kmgKMG]?$/, number: { least, most } }, (text, flag) => {
    const match = /^(\d+)([kmg])?$/i.exec(text);
    const unit = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[match?.[2]?.toLowerCase() ?? ''] ?? 1;
    const bytes = match === null ? Number.NaN : Number(match[1]) * unit;
    if (bytes >= least && bytes <= most) return bytes;
    throw new UsageError(
      `--${flag} ${text}: write a number of bytes such as 65536, 64k or 1M, from ${asSize(least)} to ${asSize(most)}`,
    );
  });
}

/** As it would be typed: `64k`, `16M`. */
function asSize(bytes: number): string {
  const units = ['', 'k', 'M', 'G'];
  let at = 0;
  while (at < units.length - 1 && bytes % 1024 ** (at + 1) === 0) at++;
  return `${bytes / 1024 ** at}${units[at]}`;
}

/** One of a few words. */
function oneOf<T extends string>(words: readonly T[]): Parser<T> {
  return formed({ words }, (text, flag) => {
    if ((words as readonly string[]).includes(text)) return text as T;
    throw new UsageError(`--${flag} ${text}: write one of ${words.join(', ')}`);
  });
}

/** What the other side of the pair may send, whatever it accepts itself: less than this would break every bulk transfer. */
const SMALLEST_MAX_MESSAGE = 64 * 1024;
/** `auto`: words on a terminal, JSON everywhere else. */
export const LOG_FORMATS = ['text', 'json', 'auto'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];
/** More than any machine has. */
const LARGEST_MEMORY = 2 ** 44;
/** Above this a message could not be allocated at all. */
const LARGEST_MESSAGE = Math.min(constants.MAX_LENGTH, 1024 ** 3);

export const OPTIONS = {
  client: {
    flag: 'client',
    short: 'c',
    help: 'near the client: accept apps, dial the peer (a tcp-proxy -s)',
    typed: true,
  },
  server: {
    flag: 'server',
    short: 's',
    help: 'near the server: accept the peer, dial the target',
    typed: true,
  },
  relay: { flag: 'relay', short: 'r', help: 'a plain relay, without a peer', typed: true },
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
    rare: true,
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
    process: true,
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
    process: true,
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
    process: true,
    parse: parseAdmin,
  },
  adminToken: {
    flag: 'admin-token',
    value: 'FILE',
    help: 'what requests to --admin have to show (none)',
    rare: true,
    process: true,
    variable: 'taken',
  },
  logLevel: {
    flag: 'log-level',
    value: 'LEVEL',
    help: 'error, warn, info or debug (info)',
    process: true,
    parse: oneOf(LOG_LEVELS),
  },
  logFormat: {
    flag: 'log-format',
    value: 'FORMAT',
    help: 'text, json or auto: text on a terminal (auto)',
    process: true,
    parse: oneOf(LOG_FORMATS),
  },
  noStatus: { flag: 'no-status', help: 'no status view on the terminal', process: true },
  config: {
    flag: 'config',
    value: 'FILE',
    help: 'listeners and options: YAML, JSON or TOML',
    rare: true,
    typed: true,
  },
  help: { flag: 'help', short: 'h', help: 'this text; --help=all: rare options, too', typed: true },
  version: { flag: 'version', short: 'V', help: 'the version', typed: true },
} as const satisfies Record<string, OptionSpec<unknown>>;

export type OptionName = keyof typeof OPTIONS;

/** The table, as those read it who treat all options alike. */
export const OPTION_LIST = Object.entries(OPTIONS) as [OptionName, OptionSpec<unknown>][];

/** Those that a configuration file and the environment may have, too. */
export const SETTABLE = OPTION_LIST.filter(([, { typed }]) => typed === undefined);
