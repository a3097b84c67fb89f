/**
 * The status view: what a person sees below the log lines while a proxy runs on a terminal.
 *
 *     tcp-proxy relay on 127.0.0.1:8080 -> 127.0.0.1:22   2 open, 17 served   up 3m20s
 *       id  from                 legs             sent     received   congested  age
 *       c3  127.0.0.1:40000      open  > open     1.54 MB  24 KB      3/0        1m02s
 *
 * Rendering is pure (numbers in, lines out); the terminal part redraws in place and lets log lines scroll by above.
 */

import { escapeText, formatBytes, formatDuration } from '../core/format.ts';

/** What the status view shows of one connection. */
export interface ConnectionRow {
  readonly id: string;
  readonly from: string;
  /** State of each leg in a word: `dialling`, `open`, `congested`, `fin in`, `fin out`, `closed`, `broken`. */
  readonly near: string;
  readonly far: string;
  readonly bytesForward: number;
  readonly bytesBackward: number;
  readonly congestionsForward: number;
  readonly congestionsBackward: number;
  readonly ageMs: number;
}

export interface StatusView {
  readonly title: string;
  readonly served: number;
  readonly uptimeMs: number;
  /** Connections that there are now. */
  readonly open: number;
  /** The last so many of them, the newest at the end. Only for what there is room for: there may be thousands. */
  newest(count: number): ConnectionRow[];
}

const COLUMNS = ['id', 'from', 'legs', 'sent', 'received', 'congested', 'age'] as const;

/** The lines of the view, at most `height` of them and none wider than `width`. */
export function renderStatus(view: StatusView, width: number, height: number): string[] {
  const head = `${escapeText(view.title)}   ${view.open} open, ${view.served} served   up ${formatDuration(view.uptimeMs)}`;
  const lines = [head];
  const room = height - 2;
  if (view.open > 0 && room > 0) {
    const shown = view.newest(view.open > room ? room - 1 : view.open);
    const cells = shown.length === 0 ? [] : [[...COLUMNS] as string[], ...shown.map(cellsOf)];
    const widths = COLUMNS.map((_, i) => Math.max(...cells.map((row) => (row[i] as string).length)));
    for (const row of cells)
      lines.push(`  ${row.map((cell, i) => cell.padEnd(widths[i] as number)).join('  ')}`.trimEnd());
    const hidden = view.open - shown.length;
    if (hidden > 0) lines.push(`  ... and ${hidden} older`);
  }
  return lines.slice(0, height).map((line) => (line.length > width ? line.slice(0, width) : line));
}

function cellsOf(row: ConnectionRow): string[] {
  return [
    row.id,
    escapeText(row.from, 60),
    `${row.near} > ${row.far}`,
    formatBytes(row.bytesForward),
    formatBytes(row.bytesBackward),
    `${row.congestionsForward}/${row.congestionsBackward}`,
    formatDuration(row.ageMs),
  ];
}

/** As much of a terminal as is needed. */
export interface Terminal {
  readonly columns?: number;
  readonly rows?: number;
  /** Bytes that it has not taken yet; while there are any, the view is not drawn. */
  readonly waiting: number;
  write(text: string): unknown;
}

/** Redraws a few times a second, which the eye follows and the processor does not notice. */
const REFRESH_MS = 500;
/** After a log line the view is back below it so soon; a burst of lines goes by without it. */
const RETURN_MS = 50;

/** Keeps the view at the bottom of a terminal. */
export class StatusLine {
  readonly #terminal: Terminal;
  readonly #look: () => StatusView;
  #timer: NodeJS.Timeout | null;
  #return: NodeJS.Timeout | null = null;
  /** The view as it was rendered last. */
  #lines: string[] = [];
  /** Lines of the view that are on the screen now. */
  #drawn = 0;

  constructor(terminal: Terminal, look: () => StatusView) {
    this.#terminal = terminal;
    this.#look = look;
    this.#timer = setInterval(() => this.#refresh(), REFRESH_MS);
    // The view reports on the program; it is no reason for it to go on.
    this.#timer.unref();
    this.#refresh();
  }

  /** Prints a line where the view is; the view comes back below it. */
  print(line: string): void {
    this.#terminal.write(`${this.#erase()}${line}\n`);
    if (this.#timer === null || this.#return !== null) return;
    this.#return = setTimeout(() => {
      this.#return = null;
      this.#draw();
    }, RETURN_MS);
    this.#return.unref();
  }

  /** Takes the view off the screen. */
  close(): void {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    if (this.#return !== null) clearTimeout(this.#return);
    this.#timer = null;
    this.#terminal.write(this.#erase());
  }

  #refresh(): void {
    if (this.#terminal.waiting > 0) return;
    // A terminal that does not know its size says 0.
    const width = this.#terminal.columns || 80;
    const height = Math.max(1, (this.#terminal.rows || 24) - 1);
    this.#lines = renderStatus(this.#look(), width - 1, height);
    this.#draw();
  }

  #draw(): void {
    // Views that nobody has seen are not kept: the next one says more.
    if (this.#terminal.waiting > 0) return;
    this.#terminal.write(`${this.#erase()}${this.#lines.join('\n')}\n`);
    this.#drawn = this.#lines.length;
  }

  /** Back to where the view begins, and clear from there (ECMA-48: CPL, ED). */
  #erase(): string {
    const drawn = this.#drawn;
    this.#drawn = 0;
    return drawn === 0 ? '' : `\u001b[${drawn}F\u001b[J`;
  }
}
