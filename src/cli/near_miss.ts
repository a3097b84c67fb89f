/**
 * What somebody may have meant who has mistyped a name.
 */

/** With fewer letters, everything is close to something. */
const LEAST_LETTERS = 3;
const MOST_MISTAKES = 2;

/** The one of `names` that is closest to what was typed; null where none is close. */
export function closest(typed: string, names: readonly string[]): string | null {
  if (typed.length < LEAST_LETTERS) return null;
  const beginning = names.find((name) => name.startsWith(typed));
  if (beginning !== undefined) return beginning;
  let [best, least] = [null as string | null, MOST_MISTAKES + 1];
  for (const name of names) {
    const found = distance(typed.toLowerCase(), name.toLowerCase());
    if (found < least && found < name.length) [best, least] = [name, found];
  }
  return best;
}

/** Letters to change, add or take away (Levenshtein). */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MOST_MISTAKES) return Number.POSITIVE_INFINITY;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + same));
    }
    row = next;
  }
  return row[b.length] as number;
}
