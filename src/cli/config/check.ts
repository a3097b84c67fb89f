/**
 * `tcp-proxy check FILE`: everything that starting with the file would find out before it listens, and nothing is started.
 */

import { formatEndpoint, formatEndpoints } from '../../core/address.ts';
import { escapeText, plural } from '../../core/format.ts';
import { lineLogger } from '../../core/log.ts';
import { openTransport } from '../../layer/tcp/backend.ts';
import { Certificates } from '../certificates.ts';
import type { Environment } from '../environment.ts';
import { UsageError } from '../options.ts';
import { nameOf, serviceSpecs } from '../service_specs.ts';
import { ConfigMistakes } from './config_mistakes.ts';
import { type NamedConfiguration, readPlan } from './plan.ts';

/** What the file would do, in lines. @throws UsageError for all that is wrong with it */
export function checkFile(file: string, environment: Environment): string {
  const plan = readPlan(file, { environment: environment.values, typed: new Map() });
  const notices: string[] = [...environment.notices];
  const log = lineLogger('warn', (line) => notices.push(line.replace(/^\S+ +\S+ +/, '')));
  const backend = openTransport();
  const certificates = new Certificates(log);
  const problems: string[] = [];
  for (const listener of plan.listeners) {
    try {
      serviceSpecs([listener], backend, environment, log, certificates);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      problems.push(
        `${escapeText(file)}: ${nameOf(listener)}: ${error.message.replace(`${nameOf(listener)}: `, '')}`,
      );
    }
  }
  certificates.stop();
  backend.transport.close();
  if (problems.length > 0) throw new ConfigMistakes(file, problems);
  const lines = [
    `${escapeText(file)} is right, and has ${plural(plan.listeners.length, 'listener')}:`,
    ...plan.listeners.map(describe),
    ...notices.map((notice) => `but: ${notice}`),
  ];
  return `${lines.join('\n')}\n`;
}

function describe(listener: NamedConfiguration): string {
  const { name, mode, listen, dial } = listener;
  return `  ${name === null ? '' : `${name}: `}${mode} on ${formatEndpoint(listen)} -> ${formatEndpoints(dial)}`;
}
