/**
 * What can be fuzzed: something that takes any bytes, and an oracle that says whether it did right.
 */

export interface FuzzTarget {
  /** Also the name of its folder in the corpus. */
  readonly name: string;
  /** Longer inputs are cut. */
  readonly maxBytes: number;
  /** What the format is made of: pieces that mutations put in. */
  readonly dictionary: readonly (string | Uint8Array)[];
  /** Inputs to begin with, beside the corpus. */
  readonly seeds: readonly (string | Uint8Array)[];
  /**
   * Feeds one input. Throws when what came of it is wrong.
   *
   * @returns what came of it, in words from a small set: one that is new makes an input worth keeping
   */
  run(input: Buffer): readonly string[];
}

/** An oracle's verdict. */
export class WrongResult extends Error {
  override readonly name = 'WrongResult';
}

export function expect(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new WrongResult(otherwise);
}
