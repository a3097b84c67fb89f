/**
 * What signals to end do: the first one lets what is open finish, the second one does not.
 */

import { formatDuration, plural } from '../core/format.ts';
import type { Logger } from '../core/log.ts';
import type { ServiceSet } from '../proxy/service_set.ts';

/**
 * Waits for the first SIGTERM or SIGINT, then for the sessions; a second signal ends the process at once.
 *
 * @returns how many connections had to be reset
 */
export function drainOnSignal(services: ServiceSet, timeoutMs: () => number, log: Logger): Promise<number> {
  return new Promise((resolve, reject) => {
    let draining = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (draining) {
        log.warn(`second ${signal}: ending at once, ${plural(services.open, 'connection')} reset`);
        services.stop();
        process.exit(1);
      }
      draining = true;
      const { open } = services;
      const limitMs = timeoutMs();
      // First, so that nobody comes in who has read that line.
      services.drain(limitMs).then(resolve, reject);
      if (open === 0) return;
      const limit = formatDuration(limitMs);
      log.info(`${signal}: finishing ${plural(open, 'connection')}, at most ${limit}; again to end at once`);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}
