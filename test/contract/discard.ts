/** Cases: discard() ends everything at once, in every state, from everywhere, as often as one likes. */

import type { Test } from 'tap';
import type { Chunk } from '../../src/core/chunk.ts';
import { PipeError } from '../../src/core/errors.ts';
import { BROKEN, FIN_SENT, READABLE, WRITABLE } from '../../src/pipe/pipe.ts';
import type { PipeEnd } from '../helpers/pipe_end.ts';
import type { Case, Ends } from './traits.ts';

const boom = () => new PipeError('cancelled', 'test', 'planted');

function isGone(t: Test, { pipe }: PipeEnd): void {
  t.same([pipe.ready, pipe.readable, pipe.writable], [false, false, false], 'its flags are off');
  t.equal(pipe.recv(), null);
  pipe.discard();
  pipe.discard(boom());
  t.same([pipe.ready, pipe.readable, pipe.writable], [false, false, false], 'once more changes nothing');
}

/** States in which a pipe is given up. */
const STATES: Record<string, (ends: Ends) => Promise<void>> = {
  idle: async () => {},
  'with unread data': async ({ a, b }) => {
    await b.sendAll([Buffer.from('unread'), Buffer.from('more')]);
    await a.until('readable', () => a.pipe.readable);
  },
  'with data read halfway': async ({ a, b }) => {
    await b.sendAll([Buffer.from('read'), Buffer.from('unread')]);
    await a.until('readable', () => a.pipe.readable);
    a.drain(() => 2, 1);
  },
  'with a tail to send': async ({ a, random, traits }) => {
    a.fill(random.bytes(Math.min(65_536, a.pipe.maxSend)), traits.mostUnderWay);
  },
  'with a tail and a FIN to send': async ({ a, random, traits }) => {
    a.fill(random.bytes(Math.min(65_536, a.pipe.maxSend)), traits.mostUnderWay);
    a.pipe.sendFin();
  },
  'after its FIN': async ({ a }) => a.fin(),
  'after the other FIN': async ({ a, b }) => {
    await b.fin();
    await a.recvToEnd();
  },
  'with the other FIN unread': async ({ a, b }) => {
    await b.fin();
    await a.until('readable', () => a.pipe.readable);
  },
  'after both FINs': async ({ a, b }) => {
    await Promise.all([a.fin(), b.fin()]);
    await Promise.all([a.recvToEnd(), b.recvToEnd()]);
  },
  'after the other is gone': async ({ b }) => b.pipe.discard(boom()),
};

const inState = (state: string, error: PipeError | undefined): Case => ({
  name: `discard(${error === undefined ? '' : 'error'}) ${state}`,
  async run(t, ends) {
    await (STATES[state] as (ends: Ends) => Promise<void>)(ends);
    const { a, b } = ends;
    const before = a.events.length;
    a.pipe.discard(error);
    isGone(t, a);
    if (b.pipe.ready) await b.recvToEnd();
    for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => setImmediate(resolve));
    t.equal(a.events.length, before, 'no event afterwards');
  },
});

/** Brings about one kind of event at `a`. */
const EVENTS: Record<string, [number, (ends: Ends) => void]> = {
  readable: [READABLE, ({ b }) => b.pipe.send(b.pool.copy(Buffer.from('x')))],
  'readable for FIN': [READABLE, ({ b }) => b.pipe.sendFin()],
  broken: [
    BROKEN | READABLE,
    ({ b, a, traits }) => {
      b.pipe.discard(boom());
      if (!traits.noticesResetUnread) a.drain();
    },
  ],
  finSent: [FIN_SENT, ({ a }) => a.pipe.sendFin()],
  writable: [
    WRITABLE,
    ({ a, b, random, traits }) => {
      a.fill(random.bytes(Math.min(65_536, a.pipe.maxSend)), traits.mostUnderWay);
      b.onEvent = () => void b.drain();
      b.drain();
    },
  ],
};

const insideHandler = (name: string, error: PipeError | undefined): Case => ({
  name: `discard(${error === undefined ? '' : 'error'}) from inside the event ${name}`,
  async run(t, ends) {
    const { a, b } = ends;
    const [bit, cause] = EVENTS[name] as [number, (ends: Ends) => void];
    let after = 0;
    let gone = false;
    a.onEvent = (events) => {
      if (gone) after++;
      else if (events & bit) {
        gone = true;
        a.pipe.discard(error);
      }
    };
    cause(ends);
    await a.until(name, () => gone);
    isGone(t, a);
    b.pipe.discard(boom());
    for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => setImmediate(resolve));
    t.equal(after, 0, 'no event afterwards');
  },
});

export const discardCases: readonly Case[] = [
  ...Object.keys(STATES).flatMap((state) => [inState(state, undefined), inState(state, boom())]),
  ...Object.keys(EVENTS).flatMap((name) => [insideHandler(name, undefined), insideHandler(name, boom())]),
  {
    name: 'a chunk that was received outlives the pipe',
    async run(t, { a, b }: Ends) {
      await b.send(Buffer.from('kept'));
      let chunk: Chunk | null = null;
      // The first call may return null: a layer that works on other threads has nothing yet.
      while (chunk === null) {
        await a.until('readable', () => a.pipe.readable);
        chunk = a.pipe.recv();
      }
      a.pipe.discard(boom());
      t.ok('kept'.startsWith(chunk.view().toString()));
      chunk.release();
    },
  },
];
