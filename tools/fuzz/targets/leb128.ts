/** The length field: against one written with BigInt, and its own writer. */

import { VARINT_MAX_BYTES, VarintReader, varintLength, writeVarint } from '../../../src/core/varint.ts';
import { expect, type FuzzTarget } from '../target.ts';

/** As DWARF 5, section 7.6, has it, with our bounds. @returns a value, or why there is none, and the bytes that it took */
function reference(bytes: Buffer, from: number): [number | 'more' | 'wrong', number] {
  let value = 0n;
  for (let i = 0; from + i < bytes.length; i++) {
    const byte = bytes[from + i] as number;
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if ((byte & 0x80) === 0) return [value > 0xffff_ffffn ? 'wrong' : Number(value), i + 1];
    if (i + 1 === VARINT_MAX_BYTES) return ['wrong', i + 1];
  }
  return ['more', bytes.length - from];
}

export const leb128: FuzzTarget = {
  name: 'leb128',
  maxBytes: 64,
  dictionary: [
    Buffer.from('ffffffff0f', 'hex'),
    Buffer.from('8080808010', 'hex'),
    Buffer.from('8080808000', 'hex'),
  ],
  seeds: [Buffer.from([0]), Buffer.from([0x80, 1]), Buffer.from([0xff, 0xff, 3])],
  run(input) {
    const reader = new VarintReader();
    const outcomes = new Set<string>();
    for (let at = 0; at < input.length; ) {
      const [expected, bytes] = reference(input, at);
      let got = -1;
      for (let i = 0; i < bytes; i++) {
        expect(got === -1, 'it ended too early');
        got = reader.push(input[at + i] as number);
      }
      at += bytes;
      const wanted = expected === 'more' ? -1 : expected === 'wrong' ? -2 : expected;
      expect(got === wanted, `${got} where ${wanted} is right`);
      expect(reader.partial === (wanted === -1), 'it does not know whether it is in the middle of a value');
      outcomes.add(typeof expected === 'number' ? `${bytes} for ${varintLength(expected)}` : expected);
      if (typeof expected === 'number') checkWriter(expected, bytes);
    }
    return [...outcomes];
  },
};

function checkWriter(value: number, bytes: number): void {
  const length = varintLength(value);
  expect(length <= bytes, `${value} takes ${length} bytes, and was read from ${bytes}`);
  const written = Buffer.alloc(VARINT_MAX_BYTES + 1, 0xee);
  expect(writeVarint(written, 0, value) === length, 'the writer takes another number of bytes than it says');
  expect(written[length] === 0xee, 'the writer writes behind its value');
  const [again] = reference(written.subarray(0, length), 0);
  expect(again === value, `${value} is written as ${written.toString('hex')}`);
}
