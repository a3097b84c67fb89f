/**
 * Loaded into the proxies under test (`node --import`): answers what their memory is, after a garbage collection.
 */

export interface Probed {
  readonly heapBytes: number;
  readonly externalBytes: number;
}

process.on('message', () => {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  const probed: Probed = { heapBytes: heapUsed, externalBytes: external + arrayBuffers };
  process.send?.(probed);
});
// Whoever asks is no reason to live on.
process.channel?.unref();
