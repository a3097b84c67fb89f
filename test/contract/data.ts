/** Cases: bytes arrive, all of them, in order, and messages as they were cut. */

import type { Test } from 'tap';
import type { PipeEnd } from '../helpers/pipe_end.ts';
import type { Random } from '../helpers/random.ts';
import type { Case, Ends, Traits } from './traits.ts';

/** Random pieces that add up to `total` bytes, none above `most`. */
export function pieces(random: Random, total: number, most: number): Buffer[] {
  const cut: Buffer[] = [];
  for (let left = total; left > 0; ) {
    const size = Math.min(left, random.chance(0.3) ? random.int(1, 20) : random.int(1, most));
    cut.push(random.bytes(size));
    left -= size;
  }
  return cut;
}

/** Sends pieces from one end to the other, with a FIN behind them, and compares. */
export async function transfer(
  t: Test,
  from: PipeEnd,
  to: PipeEnd,
  sent: Buffer[],
  max?: () => number,
): Promise<void> {
  const [taken, ending] = await Promise.all([
    from.sendAll(sent).then(async (all) => {
      if (all) await from.fin();
      return all;
    }),
    to.recvToEnd(max),
  ]);
  t.ok(taken, 'all was taken');
  t.equal(ending, 'fin');
  compare(t, from.pipe.kind, to.received, sent);
}

export function compare(t: Test, kind: Traits['kind'], received: Buffer[], sent: Buffer[]): void {
  if (kind === 'bytes') {
    const [got, wanted] = [Buffer.concat(received), Buffer.concat(sent)];
    t.equal(got.length, wanted.length, 'as many bytes');
    t.ok(got.equals(wanted), 'the same bytes');
  } else {
    t.same(
      received.map((message) => message.length),
      sent.map((message) => message.length),
      'the same messages, by their lengths',
    );
    t.ok(Buffer.concat(received).equals(Buffer.concat(sent)), 'the same bytes');
  }
}

const sized = (name: string, sizes: (random: Random) => number[]): Case => ({
  name,
  async run(t, { a, b, random }) {
    const fitting = sizes(random).map((size) => Math.min(size, a.pipe.maxSend));
    await transfer(
      t,
      a,
      b,
      fitting.map((size) => random.bytes(size)),
    );
  },
});

const bytesOnly = ({ kind }: Traits) => kind === 'bytes';
const messagesOnly = ({ kind }: Traits) => kind === 'messages';

export const dataCases: readonly Case[] = [
  {
    name: 'random pieces, both ways at once',
    async run(t, { a, b, random }) {
      const most = Math.min(70_000, a.pipe.maxSend);
      const [there, back] = [pieces(random, 700_000, most), pieces(random, 600_000, most)];
      await Promise.all([transfer(t, a, b, there), transfer(t, b, a, back)]);
    },
  },
  {
    name: 'random pieces, read in random sizes',
    applies: bytesOnly,
    async run(t, { a, b, random }) {
      await transfer(t, a, b, pieces(random, 300_000, Math.min(70_000, a.pipe.maxSend)), () =>
        random.chance(0.3) ? random.int(1, 10) : random.int(1, 70_000),
      );
    },
  },
  sized('pieces of one byte', () => Array.from({ length: 300 }, () => 1)),
  sized('pieces of prime size', () => [
    2, 3, 5, 7, 127, 131, 1021, 1031, 16_381, 16_411, 65_521, 65_537, 131_071,
  ]),
  sized('16 bytes to 256 KiB', () =>
    [4, 6, 8, 10, 11, 12, 14, 15, 16, 17, 18].flatMap((n) => [2 ** n, 2 ** n - 1]),
  ),
  {
    name: 'a byte there and a byte back, 200 times',
    async run(t, { a, b }) {
      for (let i = 1; i <= 200; i++) {
        await a.send(Buffer.of(i));
        await b.recvBytes(i);
        await b.send(Buffer.of(255 - i));
        await a.recvBytes(i);
      }
      t.same(
        [...b.bytes],
        Array.from({ length: 200 }, (_, i) => i + 1),
      );
      t.same(
        [...a.bytes],
        Array.from({ length: 200 }, (_, i) => 254 - i),
      );
    },
  },
  {
    name: 'an empty chunk is no bytes, and no FIN',
    applies: bytesOnly,
    async run(t, { a, b }: Ends) {
      await a.sendAll([
        Buffer.alloc(0),
        Buffer.from('x'),
        Buffer.alloc(0),
        Buffer.alloc(0),
        Buffer.from('y'),
      ]);
      t.ok(await b.recvBytes(2));
      t.equal(b.bytes.toString(), 'xy');
      t.equal(b.pipe.finReceived, false);
      t.ok(b.received.every((chunk) => chunk.length > 0));
      await transfer(t, b, a, [Buffer.alloc(0)]);
    },
  },
  {
    name: 'messages keep their boundaries, the empty ones too',
    applies: messagesOnly,
    async run(t, { a, b, random }: Ends) {
      const sizes = [3, 123, 4, 0, 0, 1, 127, 128, 129, 0, 16_383, 16_384, 16_385, 0];
      for (let i = 0; i < 100; i++) sizes.push(random.chance(0.2) ? 0 : random.int(1, 5000));
      await transfer(
        t,
        a,
        b,
        sizes.map((size) => random.bytes(Math.min(size, a.pipe.maxSend))),
      );
    },
  },
  {
    name: 'nothing but empty messages, and they all arrive',
    applies: messagesOnly,
    async run(t, { a, b }: Ends) {
      const sent = Array.from({ length: 2000 }, () => Buffer.alloc(0));
      await transfer(t, a, b, sent);
    },
  },
  {
    name: 'a chunk with a consumed front, one that is shared, one cut from another',
    async run(t, { a, b, pool }: Ends) {
      const consumed = pool.copy(Buffer.from('xxabc'));
      consumed.consume(2);
      const kept = pool.copy(Buffer.from('def'));
      const rest = pool.copy(Buffer.from('ghijkl'));
      const front = rest.split(3);
      for (const chunk of [consumed, kept.share(), rest, front]) {
        await a.until('writable', () => a.pipe.writable);
        a.pipe.send(chunk);
      }
      t.equal(kept.view().toString(), 'def', 'who shared can still read');
      kept.release();
      await b.recvBytes(12);
      t.equal(b.bytes.toString(), 'abcdefjklghi');
    },
  },
];
