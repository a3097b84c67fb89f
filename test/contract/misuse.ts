/** Cases: what a consumer may not do throws, and changes nothing; events come when they should, and only then. */

import type { Case, Ends } from './traits.ts';

export const misuseCases: readonly Case[] = [
  {
    name: 'send() while not writable throws, and the chunk stays the caller’s',
    async run(t, { a, rawA, pool, random, traits }: Ends) {
      a.fill(random.bytes(Math.min(65_536, a.pipe.maxSend)), traits.mostUnderWay);
      const chunk = pool.copy(Buffer.from('x'));
      t.throws(() => rawA.send(chunk), /not writable/);
      t.equal(chunk.released, false);
      chunk.release();
    },
  },
  {
    name: 'send() after sendFin(), sendFin() twice',
    async run(t, { a, b, rawA, pool }: Ends) {
      await a.fin();
      const chunk = pool.copy(Buffer.from('x'));
      t.throws(() => rawA.send(chunk), /not writable/);
      chunk.release();
      t.throws(() => rawA.sendFin(), /twice/);
      t.equal(await b.recvToEnd(), 'fin');
      t.equal(b.receivedBytes, 0);
    },
  },
  {
    name: 'send() above maxSend throws, and the chunk stays the caller’s; maxSend itself arrives',
    applies: ({ kind }) => kind === 'messages',
    async run(t, { a, b, rawA, pool, random }: Ends) {
      const most = a.pipe.maxSend;
      if (!Number.isFinite(most)) return void t.pass('it has no limit');
      const chunk = pool.copy(random.bytes(most + 1));
      t.throws(() => rawA.send(chunk), /maxSend/);
      t.equal(chunk.length, most + 1);
      chunk.release();
      await a.send(random.bytes(most));
      await b.recvBytes(most);
      t.equal(b.received[0]?.length, most);
    },
  },
  {
    name: 'send() and sendFin() after discard()',
    async run(t, { a, rawA, pool }: Ends) {
      a.pipe.discard();
      const chunk = pool.copy(Buffer.from('x'));
      t.throws(() => rawA.send(chunk), /not writable/);
      t.equal(chunk.released, false);
      chunk.release();
      rawA.sendFin();
      t.equal(rawA.finSent, false, 'harmless, and nothing went out');
    },
  },
  {
    name: 'an idle pipe is ready and writable, not readable, and raises nothing',
    async run(t, { a, b }: Ends) {
      for (let i = 0; i < 10; i++) await new Promise<void>((resolve) => setImmediate(resolve));
      for (const { pipe, events } of [a, b]) {
        t.same([pipe.ready, pipe.writable, pipe.finReceived, pipe.finSent], [true, true, false, false]);
        t.equal(pipe.broken, null);
        t.same(events, []);
        t.equal(pipe.recv(), null);
        t.equal(pipe.readable, false);
      }
    },
  },
  {
    name: 'data that is not read raises readable once, however much more comes',
    async run(t, { a, b }: Ends) {
      for (let i = 0; i < 5; i++) {
        await a.send(Buffer.from('x'));
        await b.until('readable', () => b.pipe.readable);
        for (let n = 0; n < 5; n++) await new Promise<void>((resolve) => setImmediate(resolve));
      }
      t.same(b.events, [4]);
      await b.recvBytes(5);
      t.notOk(
        a.events.some((events) => events & 4),
        'and nothing at the other end',
      );
    },
  },
  {
    name: 'nobody listens for a while: the flags tell what happened',
    async run(t, { a, b, rawB }: Ends) {
      const ear = rawB.onActivity;
      rawB.onActivity = null;
      await a.send(Buffer.from('unheard'));
      await a.fin();
      for (let i = 0; i < 200 && !rawB.readable; i++)
        await new Promise<void>((resolve) => setImmediate(resolve));
      t.equal(rawB.readable, true);
      rawB.onActivity = ear;
      t.equal(await b.recvToEnd(), 'fin');
      t.equal(b.bytes.toString(), 'unheard');
    },
  },
];
