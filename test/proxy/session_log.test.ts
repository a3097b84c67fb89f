/** Goal: the end of a connection is a warning where somebody has to set something right, and guesses say what may be. */
import t from 'tap';
import { PipeError, type PipeErrorCode } from '../../src/core/errors.ts';
import { lineLogger } from '../../src/core/log.ts';
import type { Session } from '../../src/proxy/session.ts';
import { SessionLog } from '../../src/proxy/session_log.ts';
import type { ProxyMode } from '../../src/proxy/stack.ts';

const ADDRESS = { family: 4, host: '192.0.2.1', port: 1 } as const;

/** The line about a session that was open and ends so. */
function lineOf(mode: ProxyMode, side: 'near' | 'far', error: PipeError, bytesBackward = 0): string {
  const lines: string[] = [];
  const log = new SessionLog(
    mode,
    'a client already gone',
    lineLogger('debug', (line) => lines.push(line.replace(/^\S+ /, ''))),
  );
  const session = {
    id: 1,
    startedAt: 0,
    from: null,
    to: ADDRESS,
    bytesForward: 0,
    bytesBackward,
    near: null,
    far: null,
    compression: null,
  };
  log.closed({ ...session, near: null, far: null } as unknown as Session, error, side, 5);
  t.equal(lines.length, 1);
  return lines[0] as string;
}

t.test('what failed at the other proxy is a warning, the resets of daily life are not', async (t) => {
  const of = (code: PipeErrorCode, layer: string) =>
    lineOf('client', 'far', new PipeError(code, layer, 'words'), 1);
  for (const code of ['refused', 'unreachable', 'timeout', 'resolve', 'descriptors', 'system'] as const)
    t.match(of(code, 'peer'), /^warn {2}c1 closed after .*; peer: words$/, code);
  for (const code of ['reset', 'cancelled'] as const) t.match(of(code, 'peer'), /^info {2}c1 closed/, code);
  t.match(of('reset', 'tcp'), /^info/);
  t.match(of('malformed', 'datagram'), /^warn/);
});

t.test('a peer of the classic framing that resets at once: both reasons are named', async (t) => {
  const reset = new PipeError('reset', 'tcp', 'connection reset');
  t.match(
    lineOf('client', 'far', reset),
    /^warn .*a client already gone -> 192\.0\.2\.1:1: .*before anything came back: .*could not reach its target, or takes striped/,
  );
  for (const line of [
    lineOf('client', 'far', reset, 1),
    lineOf('client', 'near', reset),
    lineOf('server', 'far', reset),
  ])
    t.match(line, /^info .*connection reset$/);
});
