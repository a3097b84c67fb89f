/** What compression did for one connection, or for all of them. */

export interface CompressCounters {
  /** Bytes as they were given to us, and as they went down. */
  rawSent: number;
  wireSent: number;
  /** Bytes as they came from below, and as they were handed on. */
  wireReceived: number;
  rawReceived: number;
  /** Nanoseconds of processor time, on whatever thread; 0 where node:zlib does the work. */
  compressNs: number;
  decompressNs: number;
}

export function newCounters(): CompressCounters {
  return { rawSent: 0, wireSent: 0, wireReceived: 0, rawReceived: 0, compressNs: 0, decompressNs: 0 };
}

export function addCounters(to: CompressCounters, more: CompressCounters): void {
  for (const name of Object.keys(to) as (keyof CompressCounters)[]) to[name] += more[name];
}
