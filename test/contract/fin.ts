/** Cases: FIN comes behind all bytes, ends one direction and leaves the other alone. */

import { compare, pieces, transfer } from './data.ts';
import type { Case, Ends } from './traits.ts';

export const finCases: readonly Case[] = [
  {
    name: 'FIN behind data that nobody has read yet',
    async run(t, { a, b, random }) {
      const sent = [random.bytes(1000), random.bytes(1)];
      await a.sendAll(sent);
      await a.fin();
      t.equal(a.pipe.finSent, true);
      t.equal(a.pipe.writable, false);
      await b.until('readable', () => b.pipe.readable);
      t.equal(b.pipe.finReceived, false, 'not before the data was read');
      t.equal(await b.recvToEnd(), 'fin');
      compare(t, a.pipe.kind, b.received, sent);
      t.equal(b.pipe.readable, false);
      t.equal(b.pipe.recv(), null);
      t.equal(b.pipe.broken, null, 'FIN is not an error');
    },
  },
  {
    name: 'FIN with no data at all',
    async run(t, { a, b }) {
      await a.fin();
      t.equal(await b.recvToEnd(), 'fin');
      t.equal(b.receivedBytes, 0);
      t.equal(b.pipe.writable, true, 'the other direction is untouched');
    },
  },
  {
    name: 'FIN from both at the same time',
    async run(t, { a, b, random }) {
      const [there, back] = [[random.bytes(5000)], [random.bytes(7000)]];
      await Promise.all([a.sendAll(there), b.sendAll(back)]);
      a.pipe.sendFin();
      b.pipe.sendFin();
      t.same(await Promise.all([a.recvToEnd(), b.recvToEnd()]), ['fin', 'fin']);
      await a.until('finSent', () => a.pipe.finSent);
      await b.until('finSent', () => b.pipe.finSent);
      compare(t, a.pipe.kind, a.received, back);
      compare(t, a.pipe.kind, b.received, there);
      t.same([a.pipe.broken, b.pipe.broken], [null, null]);
    },
  },
  {
    name: 'half-closed, then a long answer',
    async run(t, { a, b, random }) {
      await transfer(t, a, b, [random.bytes(100)]);
      await transfer(t, b, a, pieces(random, 1_000_000, Math.min(65_536, b.pipe.maxSend)));
      t.same([a.pipe.broken, b.pipe.broken], [null, null]);
    },
  },
  {
    name: 'half-closed and silent: nothing happens until the answer',
    async run(t, { a, b }) {
      await a.fin();
      await b.recvToEnd();
      const before = [a.events.length, b.events.length];
      for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve));
      t.same([a.events.length, b.events.length], before, 'no events');
      t.same([a.pipe.broken, b.pipe.broken], [null, null]);
      await transfer(t, b, a, [Buffer.from('late')]);
    },
  },
  {
    name: 'FIN asked for while not writable goes out behind the rest',
    async run(t, { a, b, random, traits }: Ends) {
      const piece = random.bytes(Math.min(65_536, a.pipe.maxSend));
      const sent = a.fill(piece, traits.mostUnderWay);
      t.equal(a.pipe.writable, false, 'the pipe is full');
      a.pipe.sendFin();
      t.equal(a.pipe.finSent, false, 'it cannot have gone yet');
      t.equal(await b.recvToEnd(), 'fin');
      t.equal(b.receivedBytes, sent);
      await a.until('finSent', () => a.pipe.finSent);
    },
  },
  {
    name: 'finSent brings one event, and writable never comes back',
    async run(t, { a, b }) {
      await a.fin();
      await b.recvToEnd();
      await b.send(Buffer.from('x'));
      await a.recvBytes(1);
      t.equal(a.events.filter((events) => events & 16).length, 1);
      t.equal(a.pipe.writable, false);
    },
  },
  {
    name: 'both ends closed and discarded in peace: neither sees an error',
    async run(t, { a, b, random }) {
      const [there, back] = [[random.bytes(500)], [random.bytes(600)]];
      await Promise.all([transfer(t, a, b, there), transfer(t, b, a, back)]);
      a.pipe.discard();
      for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve));
      t.equal(b.pipe.broken, null);
      t.equal(b.pipe.finReceived, true);
      t.equal(a.pipe.finReceived, true, 'what was, is still said');
      t.equal(a.pipe.finSent, true);
    },
  },
];
