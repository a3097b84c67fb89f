/** Goal: a carrier joins, or both sides are told why not, and nothing of it is left behind. */
import t from 'tap';
import type { PipeError } from '../../../src/core/errors.ts';
import { defaultPool } from '../../../src/core/pool.ts';
import { framed } from '../../../src/layer/trunk/greeting.ts';
import {
  HANDSHAKE_TIMEOUT_MS,
  type Hello,
  isPermanent,
  REFUSED_BUSY,
  REFUSED_CARRIER,
  REFUSED_FRAMING,
  REFUSED_KEY,
  REFUSED_UNKNOWN_TRUNK,
  REFUSED_VERSION,
  Refusal,
  type Welcome,
} from '../../../src/layer/trunk/handshake.ts';
import { joinAsClient, joinAsServer } from '../../../src/layer/trunk/join.ts';
import { memoryPair } from '../../../src/pipe/memory.ts';
import { WRITABLE } from '../../../src/pipe/pipe.ts';
import {
  HELLO,
  isOver,
  Joining,
  KEY,
  nothing,
  OTHER_KEY,
  type Pipe,
  set,
  WELCOME,
} from '../../helpers/joining.ts';
import { eventually, passes } from '../../helpers/settle.ts';
import { SimClock } from '../../helpers/sim_clock.ts';

for (const key of [null, KEY]) {
  t.test(`joins ${key === null ? 'without' : 'with'} a key; the pipe is the caller's then`, async (t) => {
    const joining = new Joining();
    const { result: client } = joining.client(key);
    const { result: server } = joining.server(key);
    await passes(10);
    isOver(t, joining, client, server);
    t.same([client.error, server.error], [null, null]);
    t.same(client.value, { ...WELCOME, codecs: 0 });
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

/** Has no room for some turns of the event loop after each message, as an encrypted pipe. */
function hesitate(pipe: Pipe): void {
  const { send } = pipe;
  const { get } = Object.getOwnPropertyDescriptor(
    Object.getPrototypeOf(pipe),
    'writable',
  ) as PropertyDescriptor;
  let room = true;
  Object.defineProperty(pipe, 'writable', { get: () => room && get?.call(pipe) === true });
  pipe.send = (chunk) => {
    send.call(pipe, chunk);
    room = false;
    void passes(20).then(() => {
      room = true;
      pipe.onActivity?.(WRITABLE);
    });
  };
}

t.test('a pipe that takes one message at a time is waited for, also with a refusal', async (t) => {
  for (const [key, refused] of [
    [KEY, false],
    [null, false],
    [KEY, true],
    [OTHER_KEY, false],
  ] as const) {
    const joining = new Joining();
    hesitate(joining.near);
    hesitate(joining.far);
    const { result: client } = joining.client(key);
    const { result: server } = joining.server(key === null ? null : KEY, () => {
      if (refused) throw new Refusal(REFUSED_BUSY, 'too many');
    });
    await eventually('both are over', () => client.calls > 0 && server.calls > 0);
    isOver(t, joining, client, server);
    const errors = [client.error, server.error].map((error) => (error as Refusal | null)?.refusal);
    const expected = refused ? REFUSED_BUSY : key === OTHER_KEY ? REFUSED_KEY : undefined;
    t.same(errors, [expected, expected]);
  }
});

t.test('other keys: both sides say so, and the trunk is not asked about', async (t) => {
  const joining = new Joining();
  const { result: client } = joining.client(OTHER_KEY);
  const { result: server } = joining.server(KEY);
  await passes(10);
  isOver(t, joining, client, server);
  t.match(client.error, { code: 'permission', refusal: REFUSED_KEY, message: /the keys differ/ });
  t.match(server.error, {
    code: 'permission',
    refusal: REFUSED_KEY,
    byPeer: true,
    message: /^the keys differ/,
  });
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
        t.match(client.error, { refusal: code, byPeer: true, message: 'not this one' });
        t.match(server.error, { refusal: code, byPeer: false, message: 'not this one' });
        t.notOk(isPermanent(client.error as PipeError));
      }
    },
  );
}

t.test('a server that takes nobody says so, and not that the keys differ', async (t) => {
  for (const key of [null, KEY]) {
    const joining = new Joining();
    joining.closed = new Refusal(REFUSED_FRAMING, 'no striping here');
    const { result: client } = joining.client(key);
    const { result: server } = joining.server(null);
    await passes(10);
    isOver(t, joining, client, server);
    t.match(client.error, { refusal: REFUSED_FRAMING, byPeer: true, message: 'no striping here' });
    t.equal(joining.admitted, 0);
  }
});

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
  joinAsClient({ socket: near, pipe: near, secret: null }, HELLO, KEY, clock, (error, value) =>
    set(client, error, value),
  );
  joinAsServer(
    far,
    {
      key: KEY,
      welcome: WELCOME,
      closed: null,
      admit: () => {},
      onJoined: (hello) => set(server, null, hello),
      onFailed: (error) => set(server, error, null),
      encryption: null,
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
