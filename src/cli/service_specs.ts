/**
 * From checked configurations to what the services of a process are made of. Files are read here, and what was asked for is
 * held against what the machine has.
 */

import { formatEndpoint } from '../core/address.ts';
import type { Logger } from '../core/log.ts';
import type { Backend } from '../layer/tcp/backend.ts';
import type { Transport } from '../layer/tcp/transport.ts';
import { MOST_AUTO_CARRIERS } from '../proxy/carrier_count.ts';
import { compressionProblem } from '../proxy/compression.ts';
import { SYSTEM_CONGESTION } from '../proxy/links.ts';
import type { ServiceSpec } from '../proxy/service_set.ts';
import type { Certificates } from './certificates.ts';
import type { Environment } from './environment.ts';
import { readKeyFile } from './key_file.ts';
import { UsageError } from './options.ts';
import type { Patience } from './secret_file.ts';
import type { Configuration } from './settings.ts';

/** Descriptors that are not for connections: logs, the poller, Node's own, name lookups. */
const RESERVED_DESCRIPTORS = 50;
/** That a client keeps for each: its connection, and two attempts at once at another. A server counts those that it has. */
const DESCRIPTORS_A_CARRIER = 3;

/** A listener, with a name where its configuration gives one. */
export interface Listener extends Configuration {
  readonly name?: string | null;
}

/** @throws UsageError for what this machine does not have, and for keys that cannot be read */
export function serviceSpecs(
  listeners: readonly Listener[],
  { transport, descriptorLimit }: Backend,
  { splice, scheduler }: Pick<Environment, 'splice' | 'scheduler'>,
  log: Logger,
  certificates: Certificates,
): ServiceSpec[] {
  const descriptors = descriptorLimit - reservedDescriptors(listeners);
  const patience = { onSlow: (words: string) => log.info(words) };
  const keys = new KeyFiles(patience);
  return listeners.map((listener) => {
    checkAgainstMachine(listener, transport, log);
    return {
      // Of the command line there is one; those of a file may get neighbours later.
      name: listener.name === undefined ? '' : nameOf(listener),
      mode: listener.mode,
      listen: listener.listen,
      dial: listener.dial,
      ...(listener.carriers === undefined ? {} : { carriers: listener.carriers }),
      key: keys.of(listener),
      encrypt: listener.encrypt,
      certificates: listener.tls === null ? null : certificates.of(listener.tls, patience),
      serverName: listener.tls?.name ?? null,
      via: listener.via,
      compression: listener.compression,
      ...(listener.congestion === undefined ? {} : { congestion: listener.congestion }),
      graceMs: listener.graceMs,
      connectTimeoutMs: listener.connectTimeoutMs,
      // Who says how many there may be is believed.
      ...(listener.maxConnections === undefined
        ? { descriptors }
        : { maxConnections: listener.maxConnections }),
      limits: listener.limits,
      maxMessageBytes: listener.maxMessageBytes,
      splice,
      scheduler,
    };
  });
}

/** What the log and the status view call it. */
export function nameOf({ name, listen }: Listener): string {
  return name ?? formatEndpoint(listen);
}

/** Each file is read once: it may be a pipe. */
class KeyFiles {
  readonly #patience: Patience;
  readonly #keys = new Map<string, Buffer>();

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  of({ keyFile }: Listener): Buffer | null {
    if (keyFile === null) return null;
    const key = this.#keys.get(keyFile) ?? readKeyFile(keyFile, this.#patience);
    this.#keys.set(keyFile, key);
    return key;
  }
}

function reservedDescriptors(listeners: readonly Listener[]): number {
  const carriers = listeners.map(({ mode, carriers = 0 }) =>
    mode !== 'client' ? 0 : carriers === 'auto' ? MOST_AUTO_CARRIERS : carriers,
  );
  return RESERVED_DESCRIPTORS + DESCRIPTORS_A_CARRIER * carriers.reduce((sum, count) => sum + count, 0);
}

/** What was asked for and this machine does not have. @throws UsageError */
function checkAgainstMachine(listener: Listener, transport: Transport, log: Logger): void {
  const { via, congestion, compression } = listener;
  // Without a name it is that of the command line.
  const option = (name: string) =>
    listener.name === undefined ? `--${name}` : `${nameOf(listener)}: ${name}`;
  const missing = compressionProblem(compression);
  if (missing !== null) throw new UsageError(`${option('compress')}: ${missing}`);
  for (const end of via) {
    const problem = transport.localEndProblem(end);
    if (problem !== null) throw new UsageError(`${option('via')}: ${problem.message}`);
  }
  if (congestion === undefined || congestion === SYSTEM_CONGESTION) return;
  const problem = transport.congestionProblem(congestion);
  if (problem === null) return;
  const words = `${option('congestion')}: ${problem.message}`;
  // Without the addon everything works, only not as well.
  if (transport.name !== 'portable') throw new UsageError(words);
  log.warn(words);
}
