/** Goal: every number from 0 to 2^32-1 survives, however it is split; nothing else gets through. */
import fc from 'fast-check';
import t from 'tap';
import { VARINT_MAX_BYTES, VarintReader, varintLength, writeVarint } from '../../src/core/varint.ts';
import { propertyOptions } from '../helpers/random.ts';

const EDGES = [
  0,
  1,
  127,
  128,
  16_383,
  16_384,
  2_097_151,
  2_097_152,
  268_435_455,
  268_435_456,
  2 ** 31,
  2 ** 32 - 1,
];

function encode(value: number): Uint8Array {
  const into = new Uint8Array(8).fill(0xee);
  const end = writeVarint(into, 1, value);
  if (into[0] !== 0xee || into[end] !== 0xee) throw new Error('wrote beside its place');
  return into.subarray(1, end);
}

/** What push() said to each byte. */
function push(reader: VarintReader, ...bytes: number[]): number[] {
  return bytes.map((byte) => reader.push(byte));
}

t.test('the known encodings', async (t) => {
  for (const [value, bytes] of [
    [0, [0]],
    [2, [2]],
    [127, [0x7f]],
    [128, [0x80, 1]],
    [129, [0x81, 1]],
    [12_857, [0xb9, 0x64]],
    [624_485, [0xe5, 0x8e, 0x26]],
    [2 ** 32 - 1, [0xff, 0xff, 0xff, 0xff, 0x0f]],
  ] as const) {
    t.same([...encode(value)], bytes, `${value}`);
  }
});

t.test('round trip, with the length that varintLength says', async (t) => {
  const roundTrip = (value: number) => {
    const bytes = encode(value);
    const reader = new VarintReader();
    const said = push(reader, ...bytes);
    const last = said.pop();
    return (
      bytes.length === varintLength(value) && said.every((x) => x === -1) && last === value && !reader.partial
    );
  };
  for (const value of EDGES) t.ok(roundTrip(value), `${value}`);
  fc.assert(fc.property(fc.nat({ max: 2 ** 32 - 1 }), roundTrip), propertyOptions(2000));
});

t.test('numbers one after another need no gap', async () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 2 ** 32 - 1 })), (values) => {
      const reader = new VarintReader();
      const read = values.flatMap((value) => push(reader, ...encode(value))).filter((said) => said >= 0);
      return read.length === values.length && read.every((value, i) => value === values[i]);
    }),
    propertyOptions(500),
  );
});

t.test('partial is true between the bytes of a number, and only there', async (t) => {
  const reader = new VarintReader();
  t.equal(reader.partial, false);
  for (let i = 0; i < 4; i++) {
    t.equal(reader.push(0xff), -1);
    t.equal(reader.partial, true);
  }
  t.equal(reader.push(0x0f), 2 ** 32 - 1);
  t.equal(reader.partial, false);
});

t.test('above 2^32-1, and longer than five bytes', async (t) => {
  const reader = new VarintReader();
  t.same(push(reader, 0x80, 0x80, 0x80, 0x80, 0x10), [-1, -1, -1, -1, -2], '2^32');
  t.same(push(reader, 0xff, 0xff, 0xff, 0xff, 0x7f), [-1, -1, -1, -1, -2], '2^35 - 1');
  t.same(push(reader, 0x80, 0x80, 0x80, 0x80, 0x80), [-1, -1, -1, -1, -2], 'a sixth byte is announced');
  t.equal(reader.partial, false);
  t.same(push(reader, 0xac, 2), [-1, 300], 'it begins afresh');
});

t.test('padded forms are read, as LEB128 allows', async (t) => {
  t.same(push(new VarintReader(), 0x80, 0), [-1, 0]);
  t.same(push(new VarintReader(), 0x81, 0x80, 0x80, 0x80, 0), [-1, -1, -1, -1, 1]);
});

t.test('any bytes give an answer in at most five', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: VARINT_MAX_BYTES, maxLength: 40 }), (bytes) => {
      const reader = new VarintReader();
      let waiting = 0;
      for (const byte of bytes) {
        const said = reader.push(byte);
        waiting = said === -1 ? waiting + 1 : 0;
        if (waiting >= VARINT_MAX_BYTES || said < -2 || said > 2 ** 32 - 1 || !Number.isInteger(said))
          return false;
      }
      return true;
    }),
    propertyOptions(2000),
  );
});
