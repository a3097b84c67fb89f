/**
 * What a configuration file may say. The options in it are those of the table in options.ts, under their long names.
 */

import { z } from 'zod';
import type { ProxyMode } from '../../proxy/stack.ts';
import { type OptionName, type OptionSpec, SETTABLE, type ValueForm } from '../options.ts';
import { suits } from '../settings.ts';

const MODES: readonly ProxyMode[] = ['client', 'server', 'relay'];

const ADDRESS_FORMS = 'host:port, :port, port, [ipv6]:port or the path of a Unix socket';

/** The schema of one option's value. */
function valueSchema({ value, parse, repeatable, help }: OptionSpec<unknown>): z.ZodType {
  const one = value === undefined ? z.boolean() : formOf(parse?.form);
  const form = repeatable ? z.union([one, z.array(one).min(1)]) : one;
  return form.optional().describe(help);
}

function formOf({ words, pattern, number }: ValueForm = {}): z.ZodType {
  const choices: z.ZodType[] = [];
  if (words !== undefined) choices.push(z.enum(words as [string, ...string[]]));
  if (pattern !== undefined) choices.push(z.string().regex(pattern));
  if (number !== undefined) {
    const range = z.number().min(number.least).max(number.most);
    choices.push(number.fraction ? range : range.int());
  }
  if (choices.length === 0) return z.string().min(1);
  return choices.length === 1 ? (choices[0] as z.ZodType) : z.union(choices as [z.ZodType, z.ZodType]);
}

function optionsFor(
  wanted: (name: OptionName, spec: OptionSpec<unknown>) => boolean,
): Record<string, z.ZodType> {
  const chosen = SETTABLE.filter(([name, spec]) => wanted(name, spec));
  return Object.fromEntries(chosen.map(([, spec]) => [spec.flag, valueSchema(spec)]));
}

const address = z.union([z.string().min(1), z.number().int().min(0).max(65_535)]);

function listenerOf(mode: ProxyMode): z.ZodType {
  const far =
    mode === 'client'
      ? {
          peer: z
            .union([address, z.array(address).min(1)])
            .describe(`the tcp-proxy server: ${ADDRESS_FORMS}; several in a list`),
        }
      : { target: address.describe(`what is dialled: ${ADDRESS_FORMS}`) };
  return z.strictObject({
    name: z
      .string()
      .regex(LISTENER_NAME)
      .optional()
      .describe('what the log calls it; without one, its address'),
    mode: z.literal(mode),
    listen: address.describe(`where it accepts connections: ${ADDRESS_FORMS}`),
    ...far,
    ...optionsFor((name, spec) => spec.process === undefined && suits(name, mode)),
  });
}

/** One word, so that it can stand in front of a line. */
export const LISTENER_NAME = /^[\w.-]{1,40}$/;

export const CONFIG_SCHEMA = z
  .strictObject({
    $schema: z.string().optional().describe('this schema, for editors'),
    listeners: z
      .array(z.discriminatedUnion('mode', MODES.map(listenerOf) as never))
      .min(1)
      .describe('what this process listens on; options at a listener are for it alone'),
    ...optionsFor(() => true),
  })
  .meta({
    title: 'tcp-striper',
    description:
      'What tcp-proxy --config FILE reads. Options at the top are for all listeners that can use them.',
  });

/** For editors. */
export function jsonSchema(): unknown {
  return z.toJSONSchema(CONFIG_SCHEMA, { io: 'input', target: 'draft-7' });
}
