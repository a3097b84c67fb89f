/** FakeTerminal: as much of a terminal as the status view uses: lines that wrap, CPL (ESC [ n F) and ED (ESC [ J). */
export class FakeTerminal {
  readonly columns: number;
  readonly rows: number;
  /** What it claims not to have taken yet. */
  waiting = 0;
  /** Everything that was ever written. */
  written = '';
  #lines: string[] = [''];
  #row = 0;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  /** What is on the screen and above it, without the empty line that the cursor stands in. */
  get lines(): string[] {
    return this.#lines.at(-1) === '' ? this.#lines.slice(0, -1) : [...this.#lines];
  }

  /** Views that can be seen beside each other: more than one means that redrawing missed its place. */
  get scrolledViews(): number {
    return this.#lines.filter((line) => line.startsWith('tcp-proxy')).length;
  }

  write(text: string): void {
    this.written += text;
    for (const part of text.split(/(\u001b\[\d*[A-Za-z]|\n)/)) {
      const control = /^\u001b\[(\d*)([A-Za-z])$/.exec(part);
      if (control?.[2] === 'F') this.#row = Math.max(this.#top, this.#row - Number(control[1] || 1));
      else if (control?.[2] === 'J') this.#lines = [...this.#lines.slice(0, this.#row), ''];
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

  #print(text: string): void {
    for (const character of text) {
      if ((this.#lines[this.#row] as string).length >= this.columns) this.#newLine();
      this.#lines[this.#row] += character;
    }
  }

  #newLine(): void {
    this.#row++;
    if (this.#row === this.#lines.length) this.#lines.push('');
  }
}
