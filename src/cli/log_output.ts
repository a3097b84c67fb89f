/**
 * Where lines of log go: standard error, without ever waiting for it. A reader that has stopped costs lines, which are
 * counted, and never a connection.
 */

import { plural } from '../core/format.ts';
import { type Logger, lineLogger } from '../core/log.ts';
import { StatusLine } from '../observe/status.ts';
import type { StatusView } from '../observe/view.ts';
import type { ProcessSettings } from './settings.ts';
import { PatientTerminal } from './terminal.ts';

/** So much waits in memory for a reader of the log that has stopped reading; what comes after it is lost. */
const BACKLOG_BYTES = 1024 * 1024;

/** At the end, a terminal that takes nothing for so long is not waited for. */
const TERMINAL_PATIENCE_MS = 500;

/** @returns a logger in the format that is wanted */
export async function openLog({ logLevel, logFormat }: ProcessSettings, output: LogOutput): Promise<Logger> {
  if (logFormat === 'text' || (logFormat === 'auto' && output.isTerminal))
    return lineLogger(logLevel, (line) => output.write(line, (words) => `(${words})`));
  const { jsonLogger } = await import('./json_log.ts');
  const lost = (msg: string, lines: number) =>
    JSON.stringify({ level: 'warn', time: new Date().toISOString(), lostLines: lines, msg });
  return jsonLogger(logLevel, (line) => output.write(line, lost));
}

export class LogOutput {
  readonly #terminal = PatientTerminal.open(process.stderr);
  #status: StatusLine | null = null;
  #lost = 0;

  /** Somebody may be looking. */
  get isTerminal(): boolean {
    return process.stderr.isTTY === true;
  }

  /** Prints the line, unless so much waits for the reader already. @param lostLine says how many were lost before it */
  write(line: string, lostLine: (words: string, count: number) => string): void {
    const waiting = this.#terminal?.waiting ?? process.stderr.writableLength;
    if (waiting > BACKLOG_BYTES) {
      this.#lost++;
      return;
    }
    const lost = this.#lost;
    this.#lost = 0;
    if (lost > 0) this.#print(lostLine(`${plural(lost, 'line')} lost here: nobody read them in time`, lost));
    this.#print(line);
  }

  /** Shows a status view below the lines, where there is a terminal that can. */
  showStatus(look: () => StatusView): void {
    if (this.#terminal?.capable) this.#status = new StatusLine(this.#terminal, look);
  }

  hideStatus(): void {
    this.#status?.close();
    this.#status = null;
  }

  async flush(): Promise<void> {
    await this.#terminal?.flush(TERMINAL_PATIENCE_MS);
  }

  #print(line: string): void {
    if (this.#status !== null) this.#status.print(line);
    else (this.#terminal ?? process.stderr).write(`${line}\n`);
  }
}
