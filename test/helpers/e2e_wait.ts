/**
 * Waiting with a bound: what never comes is a failure that says what was waited for.
 *
 * The bounds are there to catch what hangs, and measure nothing.
 */

/** Bounds are given for a machine that has nothing else to do; one that is slow and shared may take so many times as long. */
export const PATIENCE = 5;

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Resolves to the first value that is neither false nor null nor undefined. */
export async function until<T>(
  look: () => T | Promise<T>,
  what: () => string,
  ms = 20_000,
): Promise<Exclude<T, false | null | undefined>> {
  const limit = performance.now() + PATIENCE * ms;
  for (;;) {
    const value = await look();
    if (value !== false && value !== null && value !== undefined) {
      return value as Exclude<T, false | null | undefined>;
    }
    if (performance.now() > limit) throw new Error(`after ${(PATIENCE * ms) / 1000} s: ${what()}`);
    await sleep(10);
  }
}

export async function within<T>(ms: number, promise: Promise<T>, what: string | (() => string)): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`after ${(PATIENCE * ms) / 1000} s: ${typeof what === 'string' ? what : what()}`));
    }, PATIENCE * ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
