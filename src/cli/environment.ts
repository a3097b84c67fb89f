/**
 * What the environment asks for. Wrong values are mistakes like wrong options: who has written `of` would wait in vain for
 * its effect.
 */

import { escapeText } from '../core/format.ts';
import { UsageError } from './options.ts';

/** Every variable with the values that it can have. Empty is the same as not set. */
const VARIABLES = {
  TCP_STRIPER_BACKEND: ['native', 'portable'],
  TCP_STRIPER_SPLICE: ['on', 'off'],
  TCP_STRIPER_SCHEDULER: ['earliest', 'round-robin'],
} as const;

export interface Environment {
  readonly splice: boolean;
  readonly scheduler: 'earliest' | 'round-robin';
}

/** @throws UsageError */
export function readEnvironment(env: NodeJS.ProcessEnv): Environment {
  for (const [name, values] of Object.entries(VARIABLES)) {
    const value = env[name] ?? '';
    if (value !== '' && !(values as readonly string[]).includes(value)) {
      const right = values.map((each) => `'${each}'`).join(' or ');
      throw new UsageError(
        `the environment has ${name}='${escapeText(value)}'; it can be ${right}, or not be set`,
      );
    }
  }
  return {
    splice: env.TCP_STRIPER_SPLICE !== 'off',
    scheduler: env.TCP_STRIPER_SCHEDULER === 'round-robin' ? 'round-robin' : 'earliest',
  };
}
