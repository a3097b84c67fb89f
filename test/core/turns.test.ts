/** Goal: everybody gets its turn, in order, once a pass; a turn that throws takes nobody else's away. */
import { once } from 'node:events';
import t from 'tap';
import { Turns } from '../../src/core/turns.ts';

const pass = () => new Promise<void>((resolve) => setImmediate(resolve));

t.test('in order of asking, in the next pass and not at once', async (t) => {
  const turns = new Turns();
  const had: string[] = [];
  for (const name of ['a', 'b', 'c']) turns.add({ takeTurn: () => had.push(name) });
  t.same(had, []);
  await pass();
  t.same(had, ['a', 'b', 'c']);
  await pass();
  t.same(had, ['a', 'b', 'c'], 'one turn each');
});

t.test('who asks again during its turn waits for the others', async (t) => {
  const turns = new Turns();
  const had: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    let left = 3;
    const turn = {
      takeTurn() {
        had.push(name);
        if (--left > 0) turns.add(turn);
      },
    };
    turns.add(turn);
  }
  for (let i = 0; i < 4; i++) await pass();
  t.equal(had.join(''), 'abcabcabc');
});

t.test('I/O and timers come between the passes', async (t) => {
  const turns = new Turns();
  let stop = false;
  let count = 0;
  const greedy = {
    takeTurn() {
      count++;
      if (!stop) turns.add(greedy);
    },
  };
  turns.add(greedy);
  await new Promise<void>((resolve) => setTimeout(resolve, 1));
  stop = true;
  await pass();
  const atStop = count;
  await pass();
  t.ok(atStop > 0);
  t.equal(count, atStop);
});

t.test('a turn that throws: the error reaches the loop, and the others have their turn', async (t) => {
  const turns = new Turns();
  const had: string[] = [];
  turns.add({ takeTurn: () => had.push('before') });
  turns.add({
    takeTurn() {
      throw new Error('planted');
    },
  });
  for (const name of ['behind 1', 'behind 2']) turns.add({ takeTurn: () => had.push(name) });
  // tap listens too, and would take it for its own.
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const caught = once(process, 'uncaughtException');
  const [error] = await caught;
  for (const listener of listeners) process.on('uncaughtException', listener);
  t.equal(error.message, 'planted');
  await pass();
  t.same(had, ['before', 'behind 1', 'behind 2']);
});
