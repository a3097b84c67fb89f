/**
 * Mutations: inputs made of others, by the usual means: bits, bytes and lengths changed, pieces taken out, doubled, moved, put
 * in from a dictionary, and two inputs spliced.
 */

import type { Random } from '../../test/helpers/random.ts';

/** Where integers go wrong. */
const EDGES = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
];
const MOST_STEPS = 6;

export interface Pieces {
  readonly dictionary: readonly Buffer[];
  /** The inputs that are worth keeping. */
  readonly corpus: readonly Buffer[];
  readonly maxBytes: number;
}

export function mutate(input: Buffer, random: Random, pieces: Pieces): Buffer {
  let output: Buffer = Buffer.from(input);
  const steps = random.int(1, MOST_STEPS);
  for (let i = 0; i < steps; i++) output = random.pick(MUTATIONS)(output, random, pieces);
  return output.subarray(0, pieces.maxBytes);
}

type Mutation = (input: Buffer, random: Random, pieces: Pieces) => Buffer;

const MUTATIONS: readonly Mutation[] = [
  function flipBit(input, random) {
    if (input.length > 0) {
      const at = random.int(0, input.length - 1);
      input[at] = (input[at] as number) ^ (1 << random.int(0, 7));
    }
    return input;
  },
  function setByte(input, random) {
    if (input.length > 0) input[random.int(0, input.length - 1)] = random.int(0, 255);
    return input;
  },
  function addToByte(input, random) {
    if (input.length > 0) {
      const at = random.int(0, input.length - 1);
      input[at] = (input[at] as number) + random.int(-16, 16);
    }
    return input;
  },
  function setInteger(input, random) {
    const bytes = random.pick([1, 2, 4]);
    if (input.length < bytes) return input;
    const at = random.int(0, input.length - bytes);
    const value = random.pick(EDGES) % 2 ** (8 * bytes);
    if (random.chance(0.5)) input.writeUIntBE(value, at, bytes);
    else input.writeUIntLE(value, at, bytes);
    return input;
  },
  function setLength(input, random) {
    // What stands in front of something may be how much of it there is.
    if (input.length === 0) return input;
    const at = random.int(0, input.length - 1);
    input[at] = Math.max(0, input.length - at - 1 + random.int(-2, 2)) & 0xff;
    return input;
  },
  function insertBytes(input, random) {
    return put(input, random.int(0, input.length), random.bytes(random.int(1, 8)));
  },
  function insertRun(input, random) {
    return put(input, random.int(0, input.length), Buffer.alloc(random.int(1, 64), random.int(0, 255)));
  },
  function insertWord(input, random, { dictionary }) {
    if (dictionary.length === 0) return input;
    return put(input, random.int(0, input.length), random.pick(dictionary));
  },
  function overwriteWithWord(input, random, { dictionary }) {
    if (dictionary.length === 0) return input;
    const word = random.pick(dictionary);
    const at = random.int(0, input.length);
    return Buffer.concat([input.subarray(0, at), word, input.subarray(at + word.length)]);
  },
  function remove(input, random) {
    const [from, to] = range(input, random);
    return Buffer.concat([input.subarray(0, from), input.subarray(to)]);
  },
  function cut(input, random) {
    return input.subarray(0, random.int(0, input.length));
  },
  function double(input, random) {
    const [from, to] = range(input, random);
    return put(input, to, input.subarray(from, to));
  },
  function move(input, random) {
    const [from, to] = range(input, random);
    const rest = Buffer.concat([input.subarray(0, from), input.subarray(to)]);
    return put(rest, random.int(0, rest.length), input.subarray(from, to));
  },
  function splice(input, random, { corpus }) {
    const other = random.pick(corpus);
    const head = input.subarray(0, random.int(0, input.length));
    return Buffer.concat([head, other.subarray(random.int(0, other.length))]);
  },
  function insertOther(input, random, { corpus }) {
    const other = random.pick(corpus);
    const [from, to] = range(other, random);
    return put(input, random.int(0, input.length), other.subarray(from, to));
  },
];

function put(input: Buffer, at: number, piece: Buffer): Buffer {
  return Buffer.concat([input.subarray(0, at), piece, input.subarray(at)]);
}

/** A part, rather a short one. */
function range(input: Buffer, random: Random): [number, number] {
  const from = random.int(0, input.length);
  const most = random.chance(0.8) ? Math.min(32, input.length - from) : input.length - from;
  return [from, from + random.int(0, most)];
}
