/** The lowest number, from `least` on, that is not taken: so that numbers stay small, however many come and go. */
export function lowestFree(taken: Iterable<number>, least = 0): number {
  const all = new Set(taken);
  let free = least;
  while (all.has(free)) free++;
  return free;
}
