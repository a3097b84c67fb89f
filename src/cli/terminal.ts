/**
 * A terminal that may not be read: Ctrl-S, a suspended window, a hung ssh. Writing to one blocks, and Node's own streams
 * write to terminals synchronously, so that all connections would stand still until somebody presses Ctrl-Q.
 *
 * So it is opened once more, as a description of our own that does not block (nobody else who has the terminal open
 * notices), and what it does not take now waits here.
 */

import { closeSync, constants, openSync, writeSync } from 'node:fs';
import type { WriteStream } from 'node:tty';
import type { Terminal } from '../observe/status.ts';

/** Standard error itself; where there is no such path, or (after su) no permission, the terminal of the session. */
const PATHS = ['/proc/self/fd/2', '/dev/tty'];
/** A terminal says nothing when it can be written to again: it is tried. */
const RETRY_MS = 20;

/** Those that cut lines off when they are made narrower: xterm, GNU screen, the console of Linux. */
function rewraps(env: NodeJS.ProcessEnv): boolean {
  return env.XTERM_VERSION === undefined && env.STY === undefined && env.TERM !== 'linux';
}

export class PatientTerminal implements Terminal {
  readonly rewraps = rewraps(process.env);
  onResize: (() => void) | null = null;
  readonly #stream: WriteStream;
  #fd: number;
  readonly #queue: Buffer[] = [];
  #waiting = 0;
  #retry: NodeJS.Timeout | null = null;

  /** Of standard error; null where that is no terminal, or one that cannot be opened again. */
  static open(stream: WriteStream): PatientTerminal | null {
    if (!stream.isTTY) return null;
    for (const path of PATHS) {
      try {
        const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
        return new PatientTerminal(stream, openSync(path, flags));
      } catch {
        // The next, perhaps.
      }
    }
    return null;
  }

  private constructor(stream: WriteStream, fd: number) {
    this.#stream = stream;
    this.#fd = fd;
    stream.on('resize', () => this.onResize?.());
  }

  /** Whether it understands control sequences; TERM=dumb says that it does not. */
  get capable(): boolean {
    return process.env.TERM !== 'dumb';
  }

  get columns(): number {
    return this.#stream.columns;
  }

  get rows(): number {
    return this.#stream.rows;
  }

  /** Bytes that it has not taken yet. */
  get waiting(): number {
    return this.#waiting;
  }

  write(text: string): void {
    if (this.#fd < 0) return;
    const bytes = Buffer.from(text);
    this.#queue.push(bytes);
    this.#waiting += bytes.length;
    if (this.#retry === null) this.#writeOut();
  }

  /** Resolves when all is written, or when the terminal has taken nothing for so long. */
  async flush(patienceMs: number): Promise<void> {
    for (let idle = 0, last = this.#waiting; last > 0 && idle < patienceMs; idle += RETRY_MS) {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      if (this.#waiting < last) idle = 0;
      last = this.#waiting;
    }
  }

  #writeOut(): void {
    this.#retry = null;
    try {
      for (let bytes = this.#queue[0]; bytes !== undefined; bytes = this.#queue[0]) {
        const taken = writeSync(this.#fd, bytes);
        this.#waiting -= taken;
        if (taken === bytes.length) this.#queue.shift();
        else this.#queue[0] = bytes.subarray(taken);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
        this.#giveUp();
        return;
      }
      this.#retry = setTimeout(() => this.#writeOut(), RETRY_MS);
      // Who waits for it calls flush().
      this.#retry.unref();
    }
  }

  /** The terminal is gone; that is no reason for the connections to go. */
  #giveUp(): void {
    closeSync(this.#fd);
    this.#fd = -1;
    this.#queue.length = 0;
    this.#waiting = 0;
  }
}
