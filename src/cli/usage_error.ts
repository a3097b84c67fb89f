/** A mistake of the person at the keyboard: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
