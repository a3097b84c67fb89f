/** Goal: whoever is no carrier is told so in words, or given over with all that was read, and costs a few bytes. */
import t from 'tap';
import type { PipeError } from '../../../src/core/errors.ts';
import { defaultPool } from '../../../src/core/pool.ts';
import {
  HANDSHAKE_TIMEOUT_MS,
  isPermanent,
  REFUSED_KEY,
  Refusal,
} from '../../../src/layer/trunk/handshake.ts';
import { SILENCE_MS } from '../../../src/layer/trunk/join.ts';
import { isOver, Joining, KEY, type Pipe } from '../../helpers/joining.ts';
import { passes } from '../../helpers/settle.ts';

const STRANGERS = [
  ['SSH-2.0-x\r\n', /this is no tcp-proxy that stripes: it speaks SSH: 'SSH-2\.0-x'/],
  ['HTTP/1.1 400 Bad Request\r\n\r\n', /it speaks HTTP: 'HTTP\/1\.1 400 Bad Request'/],
  ['\x15\x03\x01\x00\x02\x02\x46', /it speaks TLS/],
  ['\x20SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n', /classic framing/],
  ['\xff\xff\xff\xff\x0f', /it begins with '\\xff/],
  ['\x00', /classic framing/],
] as const;

t.test('strangers on either side: in words, at once, however little they say', async (t) => {
  for (const [text, words] of STRANGERS) {
    const bytes = Buffer.from(text, 'latin1');
    const joining = new Joining();
    const { result: server } = joining.server(KEY);
    joining.say(bytes);
    await passes(5);
    isOver(t, joining, server);
    t.match(server.error, { code: 'malformed', message: words });
    t.equal(joining.near.broken?.code, 'reset');

    const other = new Joining();
    const { result: client } = other.client(null);
    other.far.send(defaultPool.copy(bytes));
    await passes(5);
    isOver(t, other, client);
    t.match(client.error, { code: 'malformed', message: words });
    t.ok(isPermanent(client.error as PipeError));
    other.far.discard();
  }
});

t.test('megabytes of garbage: a few bytes of them are read', async (t) => {
  const joining = new Joining();
  const { result: server } = joining.server(KEY);
  joining.say(Buffer.alloc(200_000, 0xff));
  await passes(5);
  isOver(t, joining, server);
  t.equal(server.error?.code, 'malformed');
});

t.test('who does not begin like a striping client is given over with what was read', async (t) => {
  for (const text of ['\0', '\x03abc', 'LTSTx and more', '\x4c\x54\x53\x54\x53\x01', '\xff'.repeat(100)]) {
    const joining = new Joining();
    const { result } = joining.server(null, () => {}, true);
    const bytes = Buffer.from(text, 'latin1');
    joining.say(bytes);
    await passes(5);
    t.equal(result.calls, 0);
    t.equal(joining.clock.pending, 0);
    t.equal(joining.others.length, 1);
    const rest = joining.far.recv();
    const all = Buffer.concat([joining.others[0] as Buffer, rest?.view() ?? Buffer.alloc(0)]);
    rest?.release();
    t.same(all, bytes, 'nothing is lost');
    t.equal(joining.far.onActivity, null);
    joining.far.discard();
  }
});

t.test('silence, half a beginning, an end and a reset: given over, too', async (t) => {
  for (const [begin, event, waits] of [
    ['', () => {}, SILENCE_MS],
    ['\x4cTST', () => {}, SILENCE_MS],
    ['\x4c', (pipe: Pipe) => pipe.sendFin(), 0],
    ['', (pipe: Pipe) => pipe.sendFin(), 0],
    ['', (pipe: Pipe) => pipe.discard(new Refusal(1, '')), 0],
  ] as const) {
    const joining = new Joining();
    const { result } = joining.server(null, () => {}, true);
    if (begin !== '') joining.say(Buffer.from(begin, 'latin1'));
    event(joining.near);
    await passes(5);
    if (waits > 0) {
      await joining.clock.advance(waits - 1);
      t.equal(joining.others.length, 0);
      await joining.clock.advance(1);
    }
    t.same(joining.others, [Buffer.from(begin, 'latin1')]);
    t.same([result.calls, joining.clock.pending], [0, 0]);
    joining.far.discard();
  }
});

t.test(
  'a client that stripes and falls silent is not given over, and neither is one of another key',
  async (t) => {
    const joining = new Joining();
    const { result } = joining.server(null, () => {}, true);
    joining.say(Buffer.from('\x4cTSTR'));
    await joining.clock.advance(HANDSHAKE_TIMEOUT_MS);
    t.equal(joining.others.length, 0);
    t.equal(result.error?.code, 'timeout');
    const other = new Joining();
    const { result: refused } = other.server(null, () => {}, true);
    const { result: client } = other.client(KEY);
    await passes(10);
    isOver(t, other, refused, client);
    t.match(client.error, { refusal: REFUSED_KEY });
    t.equal(other.others.length, 0);
  },
);

t.test('all memory is back', async (t) => void t.equal(defaultPool.out, 0));
