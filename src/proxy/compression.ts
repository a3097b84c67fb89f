/**
 * Compression: which streams of a trunk are compressed, and how.
 *
 * A client that compresses says so when it opens a stream, and asks only servers that have said in the handshake that they
 * understand it. Each direction is compressed as its sender has it: a server that was told nothing follows its client.
 */

import type { Clock } from '../core/clock.ts';
import { PipeError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { SlabPool } from '../core/pool.ts';
import { AutoPolicy } from '../layer/compress/auto.ts';
import {
  AUTO,
  AUTO_CODEC,
  type Choice,
  choiceProblem,
  MOST_FOLLOWED_LEVEL,
  readLabel,
  type Wish,
  writeLabel,
} from '../layer/compress/choice.ts';
import type { Codec } from '../layer/compress/codec.ts';
import { availableCodecs } from '../layer/compress/codecs.ts';
import { CompressPipe, type CompressPipeOptions } from '../layer/compress/pipe.ts';
import { FixedPolicy, methodOf, type Policy } from '../layer/compress/policy.ts';
import type { IoPipe } from '../pipe/pipe.ts';

export { type Choice, parseChoice } from '../layer/compress/choice.ts';
export type { CompressCounters } from '../layer/compress/counters.ts';

export interface CompressionSettings {
  /** What this side sends. `off`: nothing, and a server takes nothing compressed, either. Null: off; a server follows. */
  readonly choice: Choice | 'off' | null;
  /** The ratio is worth more than the delay. */
  readonly high?: boolean;
  /** The largest piece that is compressed at once, in bytes. Default 128 KiB. */
  readonly bufferBytes?: number | undefined;
}

export interface CompressionOptions {
  readonly isServer: boolean;
  readonly settings: CompressionSettings;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'warn' | 'info'>;
  readonly sendPool: SlabPool;
}

const NO_LABEL = Buffer.alloc(0);

/** Why this process cannot compress like that, in words; null if it can. */
export function compressionProblem({ choice }: CompressionSettings): string | null {
  return choice === null || choice === 'off' ? null : choiceProblem(choice);
}

export class Compression {
  readonly #options: CompressionOptions;
  /** What this process understands, and permits. */
  readonly codecs: number;
  /** The server does not compress, and that has been said. */
  #told = false;

  /** @throws RangeError when this process cannot compress like that */
  constructor(options: CompressionOptions) {
    this.#options = options;
    const { isServer, settings } = options;
    const { choice } = settings;
    const isOff = choice === 'off' || (choice === null && !isServer);
    this.codecs = isOff ? 0 : availableCodecs().bits;
    const problem = compressionProblem(settings);
    if (problem !== null) throw new RangeError(problem);
  }

  /** Of a stream to a server that understands these codecs. */
  label(theirs: number): Buffer {
    const { choice, high = false } = this.#options.settings;
    if (choice === null || choice === 'off' || this.#options.isServer) return NO_LABEL;
    if (((codecOf(choice)?.bit ?? 0) & theirs) === 0) {
      this.#tell(choice);
      return NO_LABEL;
    }
    this.#told = false;
    const takes = availableCodecs().all.map(({ name }) => name);
    return writeLabel({ choice, takes, high });
  }

  /** For a client: the stream that was opened with this label. */
  opened(stream: IoPipe<'bytes'>, label: Buffer): IoPipe<'bytes'> {
    const { choice, high = false } = this.#options.settings;
    if (label.length === 0 || choice === null || choice === 'off') return stream;
    return this.#over(stream, choice, high);
  }

  /** For a server: a stream that its client has opened. @throws PipeError when it is not to be had, in words for the client */
  answer(stream: IoPipe<'bytes'>, label: Buffer): IoPipe<'bytes'> {
    const wish = wishOf(label);
    if (wish === null) return stream;
    const { choice, high = false } = this.#options.settings;
    if (choice === 'off')
      throw new PipeError('permission', 'proxy', 'the server (-s) forbids compression (--compress off)');
    const own = choice !== null && wish.takes.includes(codecOf(choice)?.name ?? '') ? choice : null;
    if (own !== null) return this.#over(stream, own, high);
    const problem = choiceProblem(wish.choice);
    if (problem !== null)
      throw new PipeError('refused', 'proxy', `the server (-s) cannot compress: ${problem}`);
    return this.#over(stream, followed(wish), wish.high);
  }

  #over(stream: IoPipe<'bytes'>, choice: Choice, high: boolean): CompressPipe {
    const { clock, sendPool, settings } = this.#options;
    const options: CompressPipeOptions = {
      policy: policyFor(choice, high, clock),
      patient: high,
      clock,
      sendPool,
      ...(settings.bufferBytes === undefined ? {} : { bufferBytes: settings.bufferBytes }),
    };
    return new CompressPipe(stream, options);
  }

  #tell({ name }: Choice): void {
    if (this.#told) return;
    this.#told = true;
    this.#options.log.warn(
      `the server (-s) takes nothing that is compressed with ${name === AUTO ? AUTO_CODEC : name}: it has --compress off, ` +
        'or is built without it, or is older; connections are not compressed',
    );
  }
}

function codecOf({ name }: Choice): Codec | null {
  return availableCodecs().get(name === AUTO ? AUTO_CODEC : name);
}

/** @throws PipeError */
function wishOf(label: Buffer): Wish | null {
  try {
    return readLabel(label);
  } catch {
    throw new PipeError(
      'refused',
      'proxy',
      'the server (-s) does not know the compression that the client asks for',
    );
  }
}

/** A client does not get to say how much time and memory a server spends. */
function followed({ choice }: Wish): Choice {
  return choice.level === null ? choice : { ...choice, level: Math.min(choice.level, MOST_FOLLOWED_LEVEL) };
}

/** The codec is there: that has been looked at. */
function policyFor(choice: Choice, high: boolean, clock: Clock): Policy {
  const codec = codecOf(choice) as Codec;
  if (choice.name === AUTO) return new AutoPolicy(codec, clock);
  const level = choice.level ?? (high ? codec.levels.high : codec.levels.usual);
  return new FixedPolicy(methodOf(codec, level, high));
}
