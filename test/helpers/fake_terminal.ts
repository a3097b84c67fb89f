/**
 * FakeTerminal: as much of a terminal as the status view uses: lines that wrap or are cut off (DECAWM), CPL (ESC [ n F),
 * DL (ESC [ n M), and being made narrower or wider, with the lines wrapped anew.
 */
export class FakeTerminal {
  rows: number;
  /** What it claims not to have taken yet. */
  waiting = 0;
  onResize: (() => void) | null = null;
  /** Everything that was ever written. */
  written = '';
  readonly rewraps: boolean;
  #columns: number;
  #lines: string[] = [''];
  /** Whether the line goes on in the next one: it was wrapped, and not ended. */
  #wrapped: boolean[] = [false];
  #row = 0;
  #wraps = true;

  constructor(columns: number, rows: number, rewraps = true) {
    this.#columns = columns;
    this.rows = rows;
    this.rewraps = rewraps;
  }

  get columns(): number {
    return this.#columns;
  }

  /** What is on the screen and above it, without the empty line that the cursor stands in. */
  get lines(): string[] {
    return this.#lines.at(-1) === '' ? this.#lines.slice(0, -1) : [...this.#lines];
  }

  /** Views that can be seen beside each other: more than one means that redrawing missed its place. */
  get scrolledViews(): number {
    return this.#lines.filter((line) => /\d open, \d/.test(line)).length;
  }

  /** The cursor is expected at the end, where the status view leaves it. */
  resize(columns: number, rows: number): void {
    const texts: string[] = [];
    let begun = '';
    this.#lines.forEach((line, i) => {
      begun += line;
      if (this.#wrapped[i]) return;
      texts.push(begun);
      begun = '';
    });
    this.#columns = columns;
    this.rows = rows;
    this.#lines = [''];
    this.#wrapped = [false];
    this.#row = 0;
    texts.forEach((text, i) => {
      if (i > 0) this.#newLine();
      this.#print(this.rewraps ? text : text.slice(0, columns));
    });
    this.onResize?.();
  }

  write(text: string): void {
    this.written += text;
    for (const part of text.split(/(\u001b\[\??\d*[A-Za-z]|\n)/)) {
      const control = /^\u001b\[(\??\d*)([A-Za-z])$/.exec(part);
      if (control?.[2] === 'F') this.#row = Math.max(this.#top, this.#row - Number(control[1] || 1));
      else if (control?.[2] === 'M') this.#delete(Number(control[1] || 1));
      else if (control?.[1] === '?7') this.#wraps = control[2] === 'h';
      else if (control !== null)
        throw new Error(`the status view has no business with ${JSON.stringify(part)}`);
      else if (part === '\n') this.#newLine();
      else this.#print(part);
    }
  }

  /** The cursor cannot go above the screen. */
  get #top(): number {
    return Math.max(0, this.#lines.length - this.rows);
  }

  #delete(rows: number): void {
    this.#lines.splice(this.#row, rows);
    this.#wrapped.splice(this.#row, rows);
    if (this.#row === this.#lines.length) {
      this.#lines.push('');
      this.#wrapped.push(false);
    }
  }

  #print(text: string): void {
    for (const character of text) {
      if ((this.#lines[this.#row] as string).length >= this.#columns) {
        if (!this.#wraps) return;
        this.#wrapped[this.#row] = true;
        this.#newLine();
      }
      this.#lines[this.#row] += character;
    }
  }

  #newLine(): void {
    this.#row++;
    if (this.#row < this.#lines.length) return;
    this.#lines.push('');
    this.#wrapped.push(false);
  }
}
