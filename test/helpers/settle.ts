/**
 * Waiting for what must come, without timing it: a condition, looked at once per pass of the event loop. The guard only
 * turns a hang into a message.
 */

import { readdirSync } from 'node:fs';

/** So long nothing here takes; a machine that is slow and shared included. */
export const GUARD_MS = 60_000;

/** One pass of the event loop. */
export const pass = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Some passes: for what must not happen. */
export async function passes(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await pass();
}

/** Resolves when `holds` does; rejects, saying `what`, when that never comes. */
export async function eventually(
  what: string,
  holds: () => boolean,
  state: () => unknown = () => '',
): Promise<void> {
  const start = performance.now();
  for (let i = 0; !holds(); i++) {
    if (performance.now() - start > GUARD_MS)
      throw new Error(`never came: ${what} ${JSON.stringify(state())}`);
    // Most things take microseconds; what does not should find an idle processor.
    if (i < 200) await pass();
    else await new Promise<void>((resolve) => setTimeout(resolve, 1));
  }
}

/** Descriptors that this process has open; on systems without /proc always the same. */
export function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
