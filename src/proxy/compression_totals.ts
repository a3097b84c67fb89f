/**
 * CompressionTotals: what compression has done for all connections of a service, and how it is said.
 */

import { formatBytes, formatDuration } from '../core/format.ts';
import { addCounters, type CompressCounters, newCounters } from '../layer/compress/counters.ts';

interface Compressed {
  readonly compression: Readonly<CompressCounters> | null;
}

export class CompressionTotals {
  readonly #past = newCounters();
  #any = false;

  closed({ compression }: Compressed): void {
    if (compression === null) return;
    this.#any = true;
    addCounters(this.#past, compression);
  }

  /** All of them, and those that there are now. Null: nothing was ever compressed. */
  of(sessions: Iterable<Compressed>): CompressCounters | null {
    const sum = { ...this.#past };
    let any = this.#any;
    for (const { compression } of sessions) {
      if (compression === null) continue;
      any = true;
      addCounters(sum, compression);
    }
    return any ? sum : null;
  }
}

/** Bytes that did not have to travel, both ways; below 0 where they have grown. */
export function savedBytes({ rawSent, wireSent, rawReceived, wireReceived }: CompressCounters): number {
  return rawSent - wireSent + rawReceived - wireReceived;
}

/** How many bytes one on the wire stands for, both ways together; 1 before anything has travelled. */
export function ratioOf({ rawSent, wireSent, rawReceived, wireReceived }: CompressCounters): number {
  const wire = wireSent + wireReceived;
  return wire === 0 ? 1 : (rawSent + rawReceived) / wire;
}

/** `compressed 4.1:1, 12.3 MB saved, 85ms of processor time`. */
export function compressionWords(counters: CompressCounters): string {
  const saved = savedBytes(counters);
  const cpuMs = (counters.compressNs + counters.decompressNs) / 1e6;
  const gain = saved >= 0 ? `${formatBytes(saved)} saved` : `${formatBytes(-saved)} more`;
  return `compressed ${ratioOf(counters).toFixed(1)}:1, ${gain}, ${formatDuration(cpuMs)} of processor time`;
}
