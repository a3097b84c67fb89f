/** Goal: a variable that would have no effect is a mistake, answered with what is right. */
import t from 'tap';
import { readEnvironment } from '../../src/cli/environment.ts';

t.test('values that mean something', async (t) => {
  for (const TCP_STRIPER_BACKEND of [undefined, '', 'native', 'portable']) {
    for (const [TCP_STRIPER_SPLICE, splice] of [
      [undefined, true],
      ['', true],
      ['on', true],
      ['off', false],
    ] as const) {
      t.match(readEnvironment({ TCP_STRIPER_BACKEND, TCP_STRIPER_SPLICE }), { splice });
    }
  }
});

t.test('how striped data is shared out', async (t) => {
  for (const [TCP_STRIPER_SCHEDULER, scheduler] of [
    [undefined, 'earliest'],
    ['', 'earliest'],
    ['earliest', 'earliest'],
    ['round-robin', 'round-robin'],
  ] as const) {
    t.match(readEnvironment({ TCP_STRIPER_SCHEDULER }), { splice: true, scheduler });
  }
});

t.test('mistakes', async (t) => {
  for (const [env, message] of [
    [
      { TCP_STRIPER_BACKEND: 'nativ' },
      /TCP_STRIPER_BACKEND='nativ'; it can be 'native' or 'portable', or not/,
    ],
    [{ TCP_STRIPER_BACKEND: 'Portable' }, /it can be 'native' or 'portable'/],
    [{ TCP_STRIPER_SPLICE: '0' }, /TCP_STRIPER_SPLICE='0'; it can be 'on' or 'off'/],
    [{ TCP_STRIPER_SCHEDULER: 'robin' }, /it can be 'earliest' or 'round-robin'/],
    [{ TCP_STRIPER_SPLICE: 'off ' }, /it can be 'on' or 'off'/],
    [{ TCP_STRIPER_SPLICE: 'a\u001b[2Jb' }, /'a\\x1b\[2Jb'/],
  ] as const) {
    t.throws(() => readEnvironment(env), { name: 'UsageError', message });
  }
});
