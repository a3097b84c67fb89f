/**
 * The status view on a terminal, below the log lines, while a proxy runs: it is redrawn in place, and log lines scroll by
 * above. view.ts says what is in it.
 */

import { columnsOf } from '../core/format.ts';
import { renderStatus, type StatusView } from './view.ts';

/** As much of a terminal as is needed. */
export interface Terminal {
  readonly columns?: number;
  readonly rows?: number;
  /** Bytes that it has not taken yet; while there are any, the view is not drawn. */
  readonly waiting: number;
  /** Whether it wraps anew what is on the screen when it is made narrower, as most do. Default true. */
  readonly rewraps?: boolean;
  /** Called when its size has changed. */
  onResize?: (() => void) | null;
  write(text: string): unknown;
}

/** Redraws a few times a second, which the eye follows and the processor does not notice. */
const REFRESH_MS = 500;
/** After a log line the view is back below it so soon; a burst of lines goes by without it. */
const RETURN_MS = 50;

/** A terminal that does not know its size says 0. */
const USUAL_COLUMNS = 80;
const USUAL_ROWS = 24;

// A line that is wider than the terminal after all (whose idea of a character's width differs from ours, or that has just
// been made narrower) is to be cut off, not wrapped (DECAWM).
const NO_WRAP = '\u001b[?7l';
const WRAP = '\u001b[?7h';

/**
 * Keeps the view at the bottom of a terminal.
 *
 * The cursor stands below it, and going back means to count the rows that it takes by now: a terminal that was made
 * narrower has wrapped its lines.
 */
export class StatusLine {
  readonly #terminal: Terminal;
  readonly #look: () => StatusView;
  #timer: NodeJS.Timeout | null;
  #return: NodeJS.Timeout | null = null;
  /** The view as it was rendered last. */
  #lines: string[] = [];
  /** Columns of each line of the view that is on the screen now. */
  #drawn: number[] = [];

  constructor(terminal: Terminal, look: () => StatusView) {
    this.#terminal = terminal;
    this.#look = look;
    this.#timer = setInterval(() => this.#refresh(), REFRESH_MS);
    // The view reports on the program; it is no reason for it to go on.
    this.#timer.unref();
    terminal.onResize = () => this.#refresh();
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
    this.#terminal.onResize = null;
    this.#terminal.write(this.#erase());
  }

  #refresh(): void {
    if (this.#terminal.waiting > 0) return;
    // The rest is for the log, and for the rows that are lost when the window is made smaller: what has left the screen
    // at its top cannot be taken back.
    const height = Math.max(1, Math.floor((2 * (this.#terminal.rows || USUAL_ROWS)) / 3));
    this.#lines = renderStatus(this.#look(), this.#columns - 1, height);
    this.#draw();
  }

  #draw(): void {
    // Views that nobody has seen are not kept: the next one says more.
    if (this.#terminal.waiting > 0) return;
    this.#terminal.write(`${this.#erase()}${NO_WRAP}${this.#lines.join('\n')}${WRAP}\n`);
    this.#drawn = this.#lines.map(columnsOf);
  }

  get #columns(): number {
    return this.#terminal.columns || USUAL_COLUMNS;
  }

  /**
   * Back to where the view begins, and delete its rows (ECMA-48: CPL, DL). Clearing to the end of the screen is no way:
   * when that begins at its top, tmux takes it for the screen that somebody cleared, and keeps the view in its history.
   */
  #erase(): string {
    const rewraps = this.#terminal.rewraps !== false;
    const rowsOf = (columns: number) => (rewraps ? Math.max(1, Math.ceil(columns / this.#columns)) : 1);
    const rows = this.#drawn.reduce((sum, columns) => sum + rowsOf(columns), 0);
    this.#drawn = [];
    return rows === 0 ? '' : `\u001b[${rows}F\u001b[${rows}M`;
  }
}
