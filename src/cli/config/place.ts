/**
 * Where something is in a configuration file, and what is wrong there.
 */

/** Names and indexes that lead to a value: `['listeners', 0, 'grace']`. */
export type Path = readonly (string | number)[];

/** From 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Problem {
  readonly path: Path;
  /** What is wrong, and what is right. */
  readonly words: string;
  /** Where it is, if that is not where the path leads. */
  readonly place?: Place;
}
