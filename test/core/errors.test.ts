/** Goal: whatever goes wrong becomes one kind of error with a code that programs can match and words for people. */
import { constants } from 'node:os';
import t from 'tap';
import { asPipeError, PIPE_ERRORS, PipeError, systemError } from '../../src/core/errors.ts';

t.test('a code has its meaning as message, unless there is more to say', async (t) => {
  const plain = new PipeError('reset', 'tcp');
  t.equal(plain.message, PIPE_ERRORS.reset);
  t.equal(plain.code, 'reset');
  t.equal(plain.layer, 'tcp');
  t.equal(plain.name, 'PipeError');
  t.ok(plain instanceof Error);
  t.notOk('cause' in plain);
  const cause = new Error('below');
  const detailed = new PipeError('too-large', 'datagram', '5 bytes, at most 4', cause);
  t.equal(detailed.message, '5 bytes, at most 4');
  t.equal(detailed.cause, cause);
});

t.test('it is made without a stack, and leaves those of other errors alone', async (t) => {
  const limit = Error.stackTraceLimit;
  t.notMatch(new PipeError('reset', 'tcp').stack, / at /);
  t.equal(Error.stackTraceLimit, limit);
  t.match(new Error('a bug').stack, / at /);
});

t.test('every code has one line that says it', async (t) => {
  for (const [code, meaning] of Object.entries(PIPE_ERRORS)) {
    t.match(meaning, /^[a-z][^\n]{10,80}$/, code);
  }
});

t.test('errno names', async (t) => {
  for (const [name, code] of [
    ['ECONNRESET', 'reset'],
    ['EPIPE', 'reset'],
    ['ECONNREFUSED', 'refused'],
    ['ENOENT', 'refused'],
    ['EHOSTUNREACH', 'unreachable'],
    ['ENETUNREACH', 'unreachable'],
    ['ETIMEDOUT', 'timeout'],
    ['EMFILE', 'descriptors'],
    ['EADDRINUSE', 'address-in-use'],
    ['EADDRNOTAVAIL', 'address-invalid'],
    ['EACCES', 'permission'],
    ['EIO', 'system'],
    ['toString', 'system'],
    ['__proto__', 'system'],
  ] as const) {
    const error = systemError(name, 'tcp');
    t.equal(error.code, code, name);
    t.equal(error.message, `${PIPE_ERRORS[code]} (${name})`);
  }
  for (const name of Object.keys(constants.errno)) t.ok(systemError(name, 'tcp').code in PIPE_ERRORS, name);
});

t.test('anything thrown becomes a PipeError', async (t) => {
  const own = new PipeError('malformed', 'datagram');
  t.equal(asPipeError(own, 'tcp'), own);
  const node = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
  const reset = asPipeError(node, 'tcp');
  t.same([reset.code, reset.layer, reset.cause], ['reset', 'tcp', node]);
  const bug = new TypeError('x is not a function');
  t.same([asPipeError(bug, 'bridge').code, asPipeError(bug, 'bridge').message], ['system', bug.message]);
  for (const odd of [null, undefined, 'text', 42, {}, { code: 7 }]) {
    const error = asPipeError(odd, 'x');
    t.same([error.code, error.layer], ['system', 'x']);
  }
});
