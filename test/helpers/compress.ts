/** Ways to send for tests of CompressPipe. */

import type { Codec, CodecRegistry } from '../../src/layer/compress/codec.ts';
import { availableCodecs } from '../../src/layer/compress/codecs.ts';
import { FixedPolicy, methodOf, type Policy } from '../../src/layer/compress/policy.ts';

export function codecOf(name: string, codecs: CodecRegistry = availableCodecs()): Codec {
  const codec = codecs.get(name);
  if (codec === null) throw new Error(`these tests need ${name} in the native addon`);
  return codec;
}

export function fixed(name: string, level: number, high = false, codecs = availableCodecs()): Policy {
  return new FixedPolicy(methodOf(codecOf(name, codecs), level, high));
}

/** Nothing is compressed. */
export const STORING: Policy = {
  next: null,
  take: () => null,
  onCompressed() {},
  onSent() {},
  onFull() {},
  onRoom() {},
};
