/**
 * Makes inputs small: one that fails, as far as it fails in the same way; and a corpus, as far as it reaches the same code.
 */

/** Tries to leave parts out, large ones first, then to make bytes plain. */
export function minimise(input: Buffer, isSame: (smaller: Buffer) => boolean, mostTries = 5000): Buffer {
  let best = input;
  let tries = 0;
  const accept = (candidate: Buffer): boolean => {
    if (tries >= mostTries) return false;
    tries++;
    if (!isSame(candidate)) return false;
    best = candidate;
    return true;
  };
  for (let size = Math.max(1, best.length >> 1); ; size >>= 1) {
    for (let at = 0; at < best.length; )
      if (!accept(Buffer.concat([best.subarray(0, at), best.subarray(at + size)]))) at += size;
    if (size <= 1) break;
  }
  for (let at = 0; at < best.length; at++) {
    if (best[at] === 0) continue;
    const plain = Buffer.from(best);
    plain[at] = 0;
    accept(plain);
  }
  return best;
}

export interface Kept {
  readonly input: Buffer;
  readonly features: ReadonlySet<string>;
}

/** Few and short ones that reach all that the whole does. */
export function smallest(kept: readonly Kept[]): Kept[] {
  const chosen: Kept[] = [];
  const reached = new Set<string>();
  // The rarest features first: what alone has one has to stay anyway.
  const havers = new Map<string, number>();
  for (const { features } of kept)
    for (const feature of features) havers.set(feature, (havers.get(feature) ?? 0) + 1);
  const rarity = ({ features }: Kept) =>
    Math.min(Number.POSITIVE_INFINITY, ...[...features].map((feature) => havers.get(feature) ?? 0));
  const order = kept
    .map((one) => ({ one, rare: rarity(one) }))
    .sort((a, b) => a.rare - b.rare || a.one.input.length - b.one.input.length);
  for (const { one } of order) {
    if ([...one.features].every((feature) => reached.has(feature))) continue;
    chosen.push(one);
    for (const feature of one.features) reached.add(feature);
  }
  return chosen;
}
