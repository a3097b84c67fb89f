/**
 * What a service shares with the others of its process.
 */

export interface Neighbours {
  /** Numbers its connections, so that each has a number of its own in the log. Default from 1. */
  readonly nextId?: () => number;
  /** File descriptors that the others have. Default none. */
  readonly descriptorsElsewhere?: () => number;
  /** It has given descriptors back, for which others may wait. */
  readonly onRoom?: () => void;
}

/** Counts from 1. */
export function numbers(): () => number {
  let last = 0;
  return () => ++last;
}
