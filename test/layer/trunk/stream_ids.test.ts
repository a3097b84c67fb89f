/** Goal: stream numbers are given out once, and running out of them is an error with words, announced in time. */
import t from 'tap';
import { StreamIds } from '../../../src/layer/trunk/stream_ids.ts';

for (const [role, numbers] of [
  ['client', [0, 2, 4, 6]],
  ['server', [1, 3, 5, 7]],
] as const) {
  t.test(`the last number of a ${role}`, async (t) => {
    const ids = new StreamIds(role, 10, 7);
    const worn: boolean[] = [];
    for (const number of numbers) {
      worn.push(ids.worn);
      t.equal(ids.open(), number);
    }
    t.same(worn, [false, false, true, true], 'said when half are used');
    t.throws(() => ids.open(), { code: 'cancelled', message: /all numbers for its connections are used/ });
    t.equal(ids.isOver(numbers[3]), true);
  });
}
