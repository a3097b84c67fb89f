/** Goal: one line a message, with level and subject, whatever the message holds; below the level nothing. */
import t from 'tap';
import { LOG_LEVELS, type Logger, type LogLevel, lineLogger, silentLogger } from '../../src/core/log.ts';

function logger(level: LogLevel): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const now = () => new Date(Date.UTC(2026, 10, 21, 9, 30, 0, 123));
  return { log: lineLogger(level, (line) => lines.push(line), now), lines };
}

t.test('time, level, message', async (t) => {
  const { log, lines } = logger('debug');
  for (const level of LOG_LEVELS) log[level](`a ${level}`);
  t.same(lines, [
    '2026-11-21T09:30:00.123Z error a error',
    '2026-11-21T09:30:00.123Z warn  a warn',
    '2026-11-21T09:30:00.123Z info  a info',
    '2026-11-21T09:30:00.123Z debug a debug',
  ]);
});

t.test('a level lets through what is as grave or graver', async (t) => {
  for (const [i, level] of LOG_LEVELS.entries()) {
    const { log, lines } = logger(level);
    for (const each of LOG_LEVELS) log.about('c1')[each]('x');
    t.equal(lines.length, i + 1, level);
  }
});

t.test('subjects, one behind the other', async (t) => {
  const { log, lines } = logger('info');
  log.about('c17').info('closed');
  log.about('c17').about('far').info('closed');
  log.info('no subject');
  t.same(
    lines.map((line) => line.slice(31)),
    ['c17 closed', 'c17 far closed', 'no subject'],
  );
});

t.test('neither messages nor subjects can make lines or colours', async (t) => {
  const { log, lines } = logger('info');
  log.about('c1\n2026 error').info('a\r\nb\u001b[31m\0');
  t.equal(lines.length, 1);
  t.equal(lines[0]?.slice(31), 'c1\\x0a2026 error a\\x0d\\x0ab\\x1b[31m\\x00');
});

t.test('the silent one is silent, about anything', async (t) => {
  for (const level of LOG_LEVELS) silentLogger.about('x')[level]('nothing');
  t.equal(silentLogger.about('x'), silentLogger);
});
