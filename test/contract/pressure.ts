/** Cases: who is not read from stops its peer, within a bound, and goes on when it is. */

import type { Case, Ends } from './traits.ts';

export const pressureCases: readonly Case[] = [
  {
    name: 'a receiver that does not read stops the sender, and lets it go on',
    async run(t, { a, b, pool, random, traits }: Ends) {
      const piece = random.bytes(Math.min(65_536, a.pipe.maxSend));
      let sent = 0;
      // Writable may come back a few times while the kernel moves bytes from one buffer to the other.
      for (let quiet = 0; quiet < 30; quiet++) {
        const more = a.fill(piece, traits.mostUnderWay);
        sent += more;
        if (more > 0) quiet = 0;
        if (sent >= traits.mostUnderWay) break;
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      t.ok(sent > 0 && sent < traits.mostUnderWay, `stopped after ${sent} bytes`);
      t.equal(a.pipe.writable, false);
      // A layer that works on other threads may not have brought anything down yet.
      await b.until('readable', () => b.pipe.readable);
      if (traits.mostHeld !== undefined) t.ok(pool.out <= traits.mostHeld, `${pool.out} chunks are held`);

      const more = Array.from({ length: 8 }, () => piece);
      const [taken, ending] = await Promise.all([
        a.sendAll(more).then(async (all) => {
          await a.fin();
          return all;
        }),
        b.recvToEnd(),
      ]);
      t.ok(taken);
      t.equal(ending, 'fin');
      t.equal(b.receivedBytes, sent + 8 * piece.length);
      const got = b.bytes;
      const wrong = Array.from({ length: got.length / piece.length }, (_, i) => i).filter(
        (i) => piece.compare(got, i * piece.length, (i + 1) * piece.length) !== 0,
      );
      t.same(wrong, [], 'every piece is whole');
    },
  },
  {
    name: 'a receiver that reads one chunk per event starves nobody',
    async run(t, { a, b, random }: Ends) {
      const sent = Array.from({ length: 60 }, () =>
        random.bytes(Math.min(random.int(1, 20_000), a.pipe.maxSend)),
      );
      const total = sent.reduce((sum, piece) => sum + piece.length, 0);
      const sending = a.sendAll(sent).then(() => a.fin());
      while (!b.pipe.finReceived) {
        await b.until('readable', () => b.pipe.readable || b.pipe.finReceived);
        b.drain(undefined, 1);
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      await sending;
      t.equal(b.receivedBytes, total);
      t.ok(b.bytes.equals(Buffer.concat(sent)));
    },
  },
  {
    name: 'both ends full in both directions: reading one frees the other way only',
    async run(t, { a, b, random, traits }: Ends) {
      const piece = random.bytes(Math.min(65_536, a.pipe.maxSend));
      const there = a.fill(piece, traits.mostUnderWay);
      const back = b.fill(piece, traits.mostUnderWay);
      t.same([a.pipe.writable, b.pipe.writable], [false, false]);
      a.pipe.sendFin();
      b.pipe.sendFin();
      t.equal(await b.recvToEnd(), 'fin');
      t.equal(b.receivedBytes, there);
      t.equal(a.receivedBytes, 0);
      t.equal(await a.recvToEnd(), 'fin');
      t.equal(a.receivedBytes, back);
    },
  },
];
