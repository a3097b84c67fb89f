/** Cases: a reset is seen as one, wherever it finds the two ends, and never as a FIN. */

import type { Test } from 'tap';
import { PipeError } from '../../src/core/errors.ts';
import type { PipeEnd } from '../helpers/pipe_end.ts';
import type { Case, Ends, Traits } from './traits.ts';

const boom = () => new PipeError('cancelled', 'test', 'planted');
/** What the peer of discard(boom()) sees. */
const codeOf = ({ tellsReason }: Traits) => (tellsReason ? boom().code : 'reset');
const hasReset = ({ reset }: Traits) => reset;

/** Waits for the break as this pipe can notice it: by itself, or else by reading and writing on. */
async function brokenIn(end: PipeEnd, traits: Traits): Promise<PipeError> {
  if (!traits.noticesResetUnread) {
    while (end.pipe.broken === null) {
      end.drain();
      if (end.pipe.finReceived && end.pipe.writable) end.pipe.send(end.pool.copy(Buffer.from('probe')));
      await end.until('broken', () => end.pipe.broken !== null || end.pipe.readable || end.pipe.writable);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
  return end.untilBroken();
}

function isReset(t: Test, end: PipeEnd, error: PipeError, traits: Traits): void {
  t.equal(error.code, codeOf(traits), error.message);
  t.equal(end.pipe.broken, error);
  t.equal(end.pipe.writable, false);
  end.drain();
  t.equal(end.pipe.readable, false, 'after null there is nothing more');
  t.equal(end.pipe.recv(), null);
}

export const resetCases: readonly Case[] = [
  {
    name: 'reset while idle',
    applies: hasReset,
    async run(t, { a, b, traits }) {
      a.pipe.discard(boom());
      isReset(t, b, await brokenIn(b, traits), traits);
      t.equal(b.pipe.finReceived, false);
      t.equal(b.receivedBytes, 0);
    },
  },
  {
    name: 'reset behind data',
    applies: hasReset,
    async run(t, { a, b, random, traits }) {
      const sent = random.bytes(3000);
      await a.sendAll([sent.subarray(0, 1000), sent.subarray(1000)]);
      await b.until('readable', () => b.pipe.readable);
      a.pipe.discard(boom());
      isReset(t, b, await brokenIn(b, traits), traits);
      t.equal(b.pipe.finReceived, false);
      t.ok(
        sent.subarray(0, b.receivedBytes).equals(b.bytes),
        `what came (${b.receivedBytes} bytes) is the beginning`,
      );
    },
  },
  {
    name: 'reset while the other does not read and all buffers are full',
    applies: hasReset,
    async run(t, { a, b, random, traits }: Ends) {
      const piece = random.bytes(Math.min(65_536, a.pipe.maxSend));
      a.fill(piece, traits.mostUnderWay);
      await b.until('readable', () => b.pipe.readable);
      a.pipe.discard(boom());
      isReset(t, b, await brokenIn(b, traits), traits);
      t.equal(b.pipe.finReceived, false);
    },
  },
  {
    name: 'reset by the end that does not read, while the other sends',
    applies: hasReset,
    async run(t, { a, b, random, traits }: Ends) {
      a.fill(random.bytes(Math.min(65_536, a.pipe.maxSend)), traits.mostUnderWay);
      b.pipe.discard(boom());
      const error = await a.untilBroken();
      isReset(t, a, error, traits);
      t.equal(a.pipe.finSent, false);
    },
  },
  {
    name: 'reset after half-close, by the end that had closed',
    applies: hasReset,
    async run(t, { a, b, traits }) {
      await a.send(Buffer.from('x'));
      await a.fin();
      t.equal(await b.recvToEnd(), 'fin');
      a.pipe.discard(boom());
      isReset(t, b, await brokenIn(b, traits), traits);
      t.equal(b.pipe.finReceived, true, 'the FIN had come before');
    },
  },
  {
    name: 'reset after half-close, by the end that had not',
    applies: hasReset,
    async run(t, { a, b, traits }) {
      await a.fin();
      t.equal(await b.recvToEnd(), 'fin');
      b.pipe.discard(boom());
      isReset(t, a, await a.untilBroken(), traits);
      t.equal(a.pipe.finReceived, false);
    },
  },
  {
    name: 'FIN and reset from the same end, one right behind the other',
    applies: hasReset,
    async run(t, { a, b, traits }) {
      await a.send(Buffer.from('x'));
      a.pipe.sendFin();
      a.pipe.discard(boom());
      isReset(t, b, await brokenIn(b, traits), traits);
      if (b.pipe.finReceived) t.equal(b.bytes.toString(), 'x', 'a FIN that was seen had all data before it');
    },
  },
  {
    name: 'FIN from one end while the other resets',
    applies: hasReset,
    async run(t, { a, b, traits }) {
      a.pipe.sendFin();
      b.pipe.discard(boom());
      isReset(t, a, await a.untilBroken(), traits);
      t.equal(a.pipe.finReceived, false);
    },
  },
  {
    name: 'both reset at the same time',
    async run(t, { a, b }) {
      a.fill(Buffer.from('x'), 1);
      a.pipe.discard(boom());
      b.pipe.discard(boom());
      t.same([a.pipe.ready, b.pipe.ready], [false, false]);
    },
  },
  {
    name: 'a broken pipe takes sendFin() without a word, and never says finSent',
    applies: hasReset,
    async run(t, { a, b, traits }) {
      a.pipe.discard(boom());
      await brokenIn(b, traits);
      b.pipe.sendFin();
      for (let i = 0; i < 10; i++) await new Promise<void>((resolve) => setImmediate(resolve));
      t.equal(b.pipe.finSent, false);
      t.notOk(b.events.some((events) => events & 16));
      b.pipe.discard();
      t.equal(b.pipe.broken?.code, codeOf(traits), 'the error stays');
    },
  },
  {
    name: 'broken brings one event',
    applies: hasReset,
    async run(t, { a, b, traits }) {
      a.pipe.discard(boom());
      await brokenIn(b, traits);
      b.drain();
      for (let i = 0; i < 10; i++) await new Promise<void>((resolve) => setImmediate(resolve));
      t.equal(b.events.filter((events) => events & 2).length, 1);
    },
  },
  {
    name: 'where there is no reset, the other end sees an end',
    applies: ({ reset }) => !reset,
    async run(t, { a, b, random }) {
      const sent = random.bytes(1000);
      await a.send(sent);
      a.pipe.discard(boom());
      t.match(await b.recvToEnd(), /fin|broken/);
      t.ok(sent.subarray(0, b.receivedBytes).equals(b.bytes));
    },
  },
];
