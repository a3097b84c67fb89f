/** Goal: whatever is logged, each line is one JSON object, with the words for people and fields for programs. */
import fc from 'fast-check';
import t from 'tap';
import { jsonLogger } from '../../src/cli/json_log.ts';

function lines(level: 'error' | 'warn' | 'info' | 'debug' = 'info') {
  const written: string[] = [];
  return { written, log: jsonLogger(level, (line) => written.push(line)) };
}

t.test('time, level, words, and the fields of all subjects', async (t) => {
  const { written, log } = lines();
  log
    .about('web', { listener: 'web' })
    .about('c17', { conn: 'c17', peer: null })
    .warn('broke', { sentBytes: 5, code: 'reset' });
  log.about('x').error('no fields');
  log.info('');
  const [first, second, third] = written.map((line) => JSON.parse(line));
  t.match(first, {
    level: 'warn',
    listener: 'web',
    conn: 'c17',
    peer: null,
    msg: 'broke',
    sentBytes: 5,
    code: 'reset',
  });
  t.match(first.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  t.match(second, { level: 'error', subject: 'x', msg: 'no fields' });
  t.match(third, { level: 'info', msg: '' });
  t.notOk('conn' in third || 'pid' in third);
});

t.test('levels', async (t) => {
  for (const [level, count] of [
    ['error', 1],
    ['warn', 2],
    ['info', 3],
    ['debug', 4],
  ] as const) {
    const { written, log } = lines(level);
    for (const one of [log, log.about('c1')]) {
      one.error('1');
      one.warn('2');
      one.info('3');
      one.debug('4');
    }
    t.equal(written.length, 2 * count, level);
  }
});

t.test('nothing that peers say can break a line, or hide in it', async () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('a\nb', '"}\n{"level":"error"', '\u202e\u2028\u0000\u001b[2J', '\ud800', '__proto__'),
  );
  fc.assert(
    fc.property(hostile, hostile, (a, b) => {
      const { written, log } = lines();
      log.about(a, { conn: a }).info(b, { peer: b, level: a, msg: a });
      const [line = ''] = written;
      const { conn, peer } = JSON.parse(line);
      if (written.length !== 1 || /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/.test(line))
        throw new Error(line);
      if (typeof conn !== 'string' || typeof peer !== 'string') throw new Error(line);
    }),
  );
});
