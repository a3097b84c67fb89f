/**
 * Dialling: reaches an endpoint, or one of several, within a time limit, or says why not.
 *
 * With `retry` it tries again, with growing and jittered pauses, as long as the time lasts: a peer that is just being
 * started, or a name that does not resolve yet, costs a delay and not the connection.
 */

import { type Endpoint, formatEndpoints, type SocketAddress } from '../../core/address.ts';
import type { Cancel } from '../../core/clock.ts';
import { PipeError } from '../../core/errors.ts';
import { formatDuration } from '../../core/format.ts';
import type { IoPipe } from '../../pipe/pipe.ts';
import { ConnectRace, type RaceOptions } from './race.ts';

const RETRY_FIRST_MS = 100;
const RETRY_MOST_MS = 2000;

export interface DialOptions extends RaceOptions {
  /** The limit for everything, name resolution included, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether a failed attempt is worth repeating, as long as the time lasts. */
  readonly retry: (error: PipeError) => boolean;
  /** From 0 to 1, for the jitter. Default Math.random. */
  readonly random?: () => number;
}

export interface DialHandlers {
  /** The receiver owns the pipe. */
  onReady(pipe: IoPipe<'bytes'>, address: SocketAddress): void;
  onFailed(error: PipeError): void;
  /** An attempt failed and will be repeated. */
  onRetry?(error: PipeError): void;
}

/**
 * Starts dialling; calls exactly one of onReady and onFailed, unless it is cancelled.
 *
 * @param where of several, the first that answers
 */
export function dial(
  where: Endpoint | readonly Endpoint[],
  options: DialOptions,
  handlers: DialHandlers,
): Cancel {
  const { clock, random = Math.random } = options;
  const endpoints = [where].flat();
  let race: ConnectRace | null = null;
  let cancelPause: Cancel | null = null;
  let lastError: PipeError | null = null;
  let pauseMs = RETRY_FIRST_MS;
  let over = false;

  const cancel = () => {
    over = true;
    cancelLimit();
    cancelPause?.();
    race?.cancel();
  };
  const fail = (error: PipeError) => {
    cancel();
    handlers.onFailed(error);
  };
  const attempt = () => {
    race = new ConnectRace(endpoints, options, {
      onReady(pipe, address) {
        cancel();
        handlers.onReady(pipe, address);
      },
      onFailed(error) {
        lastError = error;
        if (!options.retry(error)) return fail(error);
        handlers.onRetry?.(error);
        if (over) return;
        // Between half and all of the pause: those who failed together do not come back together.
        cancelPause = clock.after(pauseMs * (0.5 + random() / 2), attempt);
        pauseMs = Math.min(pauseMs * 2, RETRY_MOST_MS);
      },
    });
    // A race may be lost before its constructor has returned.
    if (over) race.cancel();
  };
  const cancelLimit = clock.after(options.timeoutMs, () =>
    fail(timeoutError(endpoints, options.timeoutMs, lastError)),
  );
  attempt();
  return cancel;
}

function timeoutError(endpoints: readonly Endpoint[], timeoutMs: number, last: PipeError | null): PipeError {
  const limit = formatDuration(timeoutMs);
  // What kept failing is the better reason than that the time is up.
  if (last !== null)
    return new PipeError(last.code, last.layer, `${last.message}; gave up after ${limit}`, last);
  return new PipeError('timeout', 'tcp', `${formatEndpoints(endpoints)} did not answer within ${limit}`);
}
