/** Goal: a carrier joins, or both sides are told why not, and nothing of it is left behind. */
import t, { type Test } from 'tap';
import type { PipeError } from '../../../src/core/errors.ts';
import { defaultPool } from '../../../src/core/pool.ts';
import { framed } from '../../../src/layer/trunk/greeting.ts';
import {
  HANDSHAKE_TIMEOUT_MS,
  type Hello,
  isPermanent,
  REFUSED_BUSY,
  REFUSED_CARRIER,
  REFUSED_KEY,
  REFUSED_UNKNOWN_TRUNK,
  REFUSED_VERSION,
  Refusal,
  type Welcome,
} from '../../../src/layer/trunk/handshake.ts';
import { joinAsClient, joinAsServer, SILENCE_MS } from '../../../src/layer/trunk/join.ts';
import { type MemoryPipe, memoryPair } from '../../../src/pipe/memory.ts';
import { passes } from '../../helpers/settle.ts';
import { SimClock } from '../../helpers/sim_clock.ts';

const KEY = Buffer.alloc(32, 'the shared key');
const OTHER_KEY = Buffer.alloc(32, 'another');
const HELLO = {
  trunkId: Buffer.alloc(16, 7),
  carrierId: 3,
  mayCreate: false,
  windows: { stream: 1, trunk: 2 },
};
const WELCOME: Welcome = { instance: Buffer.alloc(16, 9), windows: { stream: 3, trunk: 4 } };

type Pipe = MemoryPipe<'bytes'>;

interface Result<T> {
  calls: number;
  error: PipeError | null;
  value: T | null;
}

const nothing = <T>(): Result<T> => ({ calls: 0, error: null, value: null });

function set<T>(result: Result<T>, error: PipeError | null, value: T | null): void {
  result.calls++;
  result.error = error;
  result.value = value;
}

class Joining {
  readonly clock = new SimClock();
  readonly near: Pipe;
  readonly far: Pipe;
  admitted = 0;
  /** What those began with who were taken for something else. */
  readonly others: Buffer[] = [];

  constructor() {
    [this.near, this.far] = memoryPair('bytes');
  }

  client(key: Buffer | null) {
    const result = nothing<Welcome>();
    const cancel = joinAsClient(this.near, HELLO, key, this.clock, (error, value) =>
      set(result, error, value),
    );
    return { result, cancel };
  }

  server(key: Buffer | null, admit: (hello: Hello) => void = () => {}, takesOthers = false) {
    const result = nothing<Hello>();
    const joining = joinAsServer(
      this.far,
      {
        key,
        welcome: WELCOME,
        admit: (hello) => {
          this.admitted++;
          admit(hello);
        },
        onJoined: (hello) => set(result, null, hello),
        onFailed: (error) => set(result, error, null),
        onOther: takesOthers ? (first) => void this.others.push(Buffer.from(first)) : null,
      },
      this.clock,
    );
    return { result, joining };
  }

  say(bytes: Uint8Array): void {
    this.near.send(defaultPool.copy(bytes));
  }

  /** What the stranger on the near side gets to read. */
  heard(): string {
    const chunk = this.near.recv();
    const text = chunk?.view().toString('latin1') ?? '';
    chunk?.release();
    return text;
  }
}

function isOver(t: Test, joining: Joining, ...results: Result<unknown>[]): void {
  for (const { calls } of results) t.equal(calls, 1, 'called back once');
  t.equal(joining.clock.pending, 0, 'no timer is left');
}

for (const key of [null, KEY]) {
  t.test(`joins ${key === null ? 'without' : 'with'} a key; the pipe is the caller's then`, async (t) => {
    const joining = new Joining();
    const { result: client } = joining.client(key);
    const { result: server } = joining.server(key);
    await passes(10);
    isOver(t, joining, client, server);
    t.same([client.error, server.error], [null, null]);
    t.same(client.value, WELCOME);
    t.match(server.value, { ...HELLO, keyed: key !== null });
    t.equal(joining.admitted, 1);
    t.same([joining.near.onActivity, joining.far.onActivity], [null, null]);
    t.same([joining.near.writable, joining.far.writable], [true, true]);
    // Not a byte of what follows was read.
    joining.say(Buffer.from('frames'));
    await passes(2);
    const chunk = joining.far.recv();
    t.equal(chunk?.view().toString(), 'frames');
    chunk?.release();
  });
}

t.test('other keys: both sides say so, and the trunk is not asked about', async (t) => {
  const joining = new Joining();
  const { result: client } = joining.client(OTHER_KEY);
  const { result: server } = joining.server(KEY);
  await passes(10);
  isOver(t, joining, client, server);
  t.match(client.error, { code: 'permission', refusal: REFUSED_KEY, message: /the keys differ/ });
  t.match(server.error, { code: 'permission', refusal: REFUSED_KEY, message: /refuses: the keys differ/ });
  t.equal(joining.admitted, 0);
  t.ok(isPermanent(client.error as PipeError));
});

t.test('a key on one side only: both sides name --key', async (t) => {
  for (const [clientKey, serverKey] of [
    [KEY, null],
    [null, KEY],
  ] as const) {
    const joining = new Joining();
    const { result: client } = joining.client(clientKey);
    const { result: server } = joining.server(serverKey);
    await passes(10);
    isOver(t, joining, client, server);
    t.match(client.error, { code: 'permission', refusal: REFUSED_KEY, message: /--key/ });
    t.match(server.error, { code: 'permission', refusal: REFUSED_KEY, message: /--key/ });
    t.equal(joining.admitted, 0);
  }
});

for (const key of [null, KEY]) {
  t.test(
    `refusals ${key === null ? 'without' : 'with'} a key arrive before the client has joined`,
    async (t) => {
      for (const code of [REFUSED_UNKNOWN_TRUNK, REFUSED_CARRIER]) {
        const joining = new Joining();
        const { result: client } = joining.client(key);
        const { result: server } = joining.server(key, () => {
          throw new Refusal(code, 'not this one');
        });
        await passes(10);
        isOver(t, joining, client, server);
        t.match(client.error, { refusal: code, message: 'the peer refuses: not this one' });
        t.match(server.error, { refusal: code, message: 'not this one' });
        t.notOk(isPermanent(client.error as PipeError));
      }
    },
  );
}

t.test('a proof that is none is answered alike whether the trunk is known or not', async (t) => {
  const answers = [];
  for (const known of [true, false]) {
    const joining = new Joining();
    joining.server(KEY, () => {
      if (!known) throw new Refusal(REFUSED_UNKNOWN_TRUNK, 'unknown');
    });
    const hello = Buffer.alloc(76);
    hello.write('TSTR\x01\x01\x02');
    joining.say(framed(hello));
    await passes(3);
    t.equal(joining.heard().length, 105);
    joining.say(framed(Buffer.concat([Buffer.from('TSTR\x03\x01\0\0'), Buffer.alloc(32)])));
    await passes(3);
    answers.push(joining.heard());
    t.equal(joining.admitted, 0);
  }
  t.equal(answers[0], answers[1]);
  t.match(answers[0], /^.TSTR\x04\x01\x01\0the keys differ/);
});

t.test('another version is refused in words', async (t) => {
  const joining = new Joining();
  const { result: server } = joining.server(null);
  const hello = Buffer.alloc(200);
  hello.write('TSTR\x01\x09');
  joining.say(framed(hello));
  await passes(10);
  isOver(t, joining, server);
  t.match(server.error, { refusal: REFUSED_VERSION, message: /one side speaks 9, the other 1/ });
  t.match(joining.heard(), /^.TSTR\x04\x01\x02\0.*speaks 9/);
});

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

t.test('in time, or not at all, also when a byte comes each second', async (t) => {
  const joining = new Joining();
  const { result: client } = joining.client(null);
  const trickling = new Joining();
  const { result: server } = trickling.server(KEY);
  const frame = Buffer.from('\x4cTSTR\x01\x01', 'latin1');
  for (let second = 1; second <= 4; second++) {
    trickling.say(frame.subarray(second - 1, second));
    for (const one of [joining, trickling]) await one.clock.advance(1000);
  }
  for (const one of [joining, trickling]) await one.clock.advance(HANDSHAKE_TIMEOUT_MS - 4001);
  t.same([client.calls, server.calls], [0, 0]);
  for (const one of [joining, trickling]) await one.clock.advance(1);
  isOver(t, joining, client);
  isOver(t, trickling, server);
  t.match(client.error, { code: 'timeout', message: /within 5 s, and not a byte came/ });
  t.match(server.error, { code: 'timeout', message: /within 5 s, only 'LTST'/ });
  t.notOk(isPermanent(client.error as PipeError));
  joining.far.discard();
  trickling.near.discard();
});

t.test('who has to make room: the silent one is given over or refused', async (t) => {
  for (const takesOthers of [true, false]) {
    const joining = new Joining();
    const { result, joining: handle } = joining.server(null, () => {}, takesOthers);
    await passes(2);
    handle.hurry();
    handle.hurry();
    await passes(2);
    t.equal(joining.clock.pending, 0);
    t.equal(joining.others.length, takesOthers ? 1 : 0);
    if (!takesOthers) t.match(result.error, { refusal: REFUSED_BUSY });
    joining.near.discard();
    joining.far.discard();
  }
});

t.test('an end, a reset and a cancel in the middle', async (t) => {
  for (const [end, code] of [
    [(pipe: Pipe) => pipe.sendFin(), 'truncated'],
    [(pipe: Pipe) => pipe.discard(new Refusal(1, '')), 'reset'],
  ] as const) {
    const joining = new Joining();
    const { result: client } = joining.client(null);
    end(joining.far);
    await passes(10);
    isOver(t, joining, client);
    t.match(client.error, { code, message: /in the handshake/ });
    joining.far.discard();
  }
  const joining = new Joining();
  const { result: client, cancel } = joining.client(null);
  cancel();
  cancel();
  await passes(10);
  isOver(t, joining, client);
  t.equal(client.error?.code, 'cancelled');
  joining.far.discard();
});

t.test('a pipe that is still connecting', async (t) => {
  const clock = new SimClock();
  const [near, far] = memoryPair('bytes', { connecting: true });
  const client = nothing<Welcome>();
  const server = nothing<Hello>();
  joinAsClient(near, HELLO, KEY, clock, (error, value) => set(client, error, value));
  joinAsServer(
    far,
    {
      key: KEY,
      welcome: WELCOME,
      admit: () => {},
      onJoined: (hello) => set(server, null, hello),
      onFailed: (error) => set(server, error, null),
      onOther: null,
    },
    clock,
  );
  await passes(5);
  t.same([client.calls, server.calls], [0, 0]);
  near.connect();
  await passes(10);
  t.same([client.calls, server.calls], [1, 1]);
  t.same([client.error, server.error], [null, null]);
});

t.test('all memory is back', async (t) => void t.equal(defaultPool.out, 0));
