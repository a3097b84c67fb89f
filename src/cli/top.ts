/**
 * `tcp-proxy top [ADMIN]`: the status view of a proxy that runs somewhere else, of its admin server.
 *
 * On a terminal it is live, on a screen of its own, until q or Ctrl-C. Otherwise it is printed once.
 */

import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Endpoint, formatEndpoint } from '../core/address.ts';
import { escapeText } from '../core/format.ts';
import { RateMeter } from '../observe/meter.ts';
import { renderStatus, type StatusView } from '../observe/view.ts';
import { readToken } from './admin_token.ts';
import { viewOf } from './top_view.ts';

const REFRESH_MS = 1000;
const PATIENCE_MS = 5000;
/** An admin server lists some hundred connections. */
const MOST_ANSWER_BYTES = 16 * 1024 * 1024;
/** Where there is no terminal that says how wide it is. */
const PAPER_COLUMNS = 200;
const PAPER_ROWS = 1000;

// ECMA-48 and xterm: another screen, no cursor, home, clear to the end of the line, and of the screen.
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const END_LINE = '\u001b[K';
const END_SCREEN = '\u001b[J';

export interface TopOptions {
  readonly admin: Endpoint;
  readonly tokenFile: string | null;
}

/** Resolves to the exit code. @throws UsageError, or an Error when it cannot be asked (the first time, on a terminal) */
export async function top({ admin, tokenFile }: TopOptions): Promise<number> {
  const token = readToken(tokenFile, process.env);
  const meter = new RateMeter();
  const look = async () => {
    const view = viewOf(await statusFrom(admin, token), meter, performance.now());
    if (view === null)
      throw new Error(`what answers at ${formatEndpoint(admin)} is no admin server of tcp-proxy`);
    return view;
  };
  const first = await look();
  if (process.stdout.isTTY !== true) {
    // Rates take two looks.
    await sleep(REFRESH_MS);
    process.stdout.write(`${renderStatus(await look(), PAPER_COLUMNS, PAPER_ROWS).join('\n')}\n`);
    return 0;
  }
  await live(first, look);
  return 0;
}

/** Until somebody has seen enough. */
async function live(first: StatusView, look: () => Promise<StatusView>): Promise<void> {
  const { stdout, stdin } = process;
  let view = first;
  let trouble: string | null = null;
  const draw = () => {
    // One that has stopped reading need not see what is old by then.
    if (stdout.writableLength > 0) return;
    // A terminal that does not know its size says 0.
    const columns = stdout.columns || 80;
    const rows = stdout.rows || 24;
    const lines = renderStatus(view, columns - 1, rows - 2);
    const foot =
      trouble === null ? 'q to quit' : `${escapeText(trouble, columns)}; what is above is old. q to quit`;
    const all = [
      ...lines,
      ...Array(Math.max(0, rows - 2 - lines.length)).fill(''),
      foot.slice(0, columns - 1),
    ];
    stdout.write(`${HOME}${all.map((line) => `${line}${END_LINE}`).join('\r\n')}${END_SCREEN}`);
  };
  stdout.write(ENTER);
  let timer: NodeJS.Timeout | null = null;
  let over = false;
  const refresh = async () => {
    try {
      view = await look();
      trouble = null;
    } catch (error) {
      trouble = (error as Error).message;
    }
    if (over) return;
    draw();
    timer = setTimeout(refresh, REFRESH_MS);
  };
  try {
    draw();
    stdout.on('resize', draw);
    timer = setTimeout(refresh, REFRESH_MS);
    await quit(stdin);
  } finally {
    over = true;
    if (timer !== null) clearTimeout(timer);
    stdout.off('resize', draw);
    stdout.write(LEAVE);
  }
}

/** q, Ctrl-C, the end of the input, or a signal. */
function quit(stdin: NodeJS.ReadStream): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.pause();
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, done);
    // A terminal that went away.
    process.stdout.once('error', done);
    if (!stdin.isTTY) return;
    // Without raw mode a key would wait for the end of its line.
    stdin.setRawMode(true);
    stdin.once('error', done);
    stdin.on('data', (keys: Buffer) => {
      if (/[qQ\u0003\u0004]/.test(keys.toString('latin1'))) done();
    });
    stdin.once('end', done);
  });
}

/** The status document. @throws Error in words */
function statusFrom(admin: Endpoint, token: string | null): Promise<unknown> {
  const where = formatEndpoint(admin);
  const place =
    admin.path === undefined ? { host: admin.host, port: admin.port } : { socketPath: admin.path };
  const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const failed = (error: Error) =>
      reject(
        new Error(`cannot ask ${where}: ${error.message} (is there a tcp-proxy with --admin ${where}?)`),
      );
    const asked = request({ ...place, path: '/api/v1/status', headers }, (answer) => {
      const pieces: Buffer[] = [];
      let bytes = 0;
      answer.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (bytes > MOST_ANSWER_BYTES) asked.destroy(new Error('its answer has no end'));
        else pieces.push(piece);
      });
      answer.on('error', failed);
      answer.on('end', () => {
        const text = Buffer.concat(pieces).toString('utf8');
        if (answer.statusCode === 401) reject(new Error(deniedWords(where, token)));
        else resolve(answer.statusCode === 200 ? jsonOf(text) : null);
      });
    });
    asked.setTimeout(PATIENCE_MS, () => asked.destroy(new Error(`no answer for ${PATIENCE_MS / 1000} s`)));
    asked.on('error', failed);
    asked.end();
  });
}

function deniedWords(where: string, token: string | null): string {
  return token === null
    ? `${where} asks for a token: give --admin-token FILE, or set TCP_STRIPER_ADMIN_TOKEN`
    : `${where} does not take this token`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
