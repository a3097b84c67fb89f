/** What an error of node:tls is, where credentials have no better words for it. */

import { asPipeError, PipeError } from '../../core/errors.ts';

export function tlsError(error: NodeJS.ErrnoException & { reason?: string }): PipeError {
  if (!error.code?.startsWith('ERR_SSL')) return asPipeError(error, 'tls');
  const words = error.reason ?? error.message;
  return new PipeError(
    'malformed',
    'tls',
    `what came is no TLS, or was changed on the way (${words})`,
    error,
  );
}
