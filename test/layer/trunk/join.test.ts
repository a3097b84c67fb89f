/** Goal: a carrier joins, or both sides are told why not, and nothing of it is left behind. */
import t, { type Test } from 'tap';
import type { PipeError } from '../../../src/core/errors.ts';
import { SlabPool } from '../../../src/core/pool.ts';
import {
  HANDSHAKE_TIMEOUT_MS,
  type Hello,
  REFUSED_CARRIER,
  REFUSED_KEY,
  REFUSED_UNKNOWN_TRUNK,
  REFUSED_VERSION,
  Refusal,
  type Welcome,
} from '../../../src/layer/trunk/handshake.ts';
import { joinAsClient, joinAsServer } from '../../../src/layer/trunk/join.ts';
import { type MemoryPipe, memoryPair } from '../../../src/pipe/memory.ts';
import { passes } from '../../helpers/settle.ts';
import { SimClock } from '../../helpers/sim_clock.ts';

const KEY = Buffer.from('the shared key');
const HELLO = {
  trunkId: Buffer.alloc(16, 7),
  carrierId: 3,
  mayCreate: false,
  windows: { stream: 1, trunk: 2 },
};
const WELCOME: Welcome = { instance: Buffer.alloc(16, 9), windows: { stream: 3, trunk: 4 } };

type Pipe = MemoryPipe<'messages'>;

interface Result<T> {
  calls: number;
  error: PipeError | null;
  value: T | null;
}

function result<T>(): [Result<T>, (error: PipeError | null, value: T | null) => void] {
  const holder: Result<T> = { calls: 0, error: null, value: null };
  return [
    holder,
    (error, value) => {
      holder.calls++;
      holder.error = error;
      holder.value = value;
    },
  ];
}

class Joining {
  readonly clock = new SimClock();
  readonly near: Pipe;
  readonly far: Pipe;
  admitted = 0;

  constructor() {
    [this.near, this.far] = memoryPair('messages');
  }

  client(key: Buffer | null) {
    const [holder, done] = result<Welcome>();
    const cancel = joinAsClient(this.near, HELLO, key, this.clock, done);
    return { holder, cancel };
  }

  server(key: Buffer | null, admit: (hello: Hello) => void = () => {}) {
    const [holder, done] = result<Hello>();
    const count = (hello: Hello) => {
      this.admitted++;
      admit(hello);
    };
    const cancel = joinAsServer(this.far, key, WELCOME, count, this.clock, done);
    return { holder, cancel };
  }
}

function isOver(t: Test, joining: Joining, ...holders: Result<unknown>[]): void {
  for (const { calls } of holders) t.equal(calls, 1, 'called back once');
  t.equal(joining.clock.pending, 0, 'no timer is left');
}

for (const key of [null, KEY]) {
  t.test(`joins ${key === null ? 'without' : 'with'} a key; the pipe is the caller's then`, async (t) => {
    const joining = new Joining();
    const { holder: client } = joining.client(key);
    const { holder: server } = joining.server(key);
    await passes(10);
    isOver(t, joining, client, server);
    t.same([client.error, server.error], [null, null]);
    t.same(client.value, WELCOME);
    t.match(server.value, { ...HELLO, keyed: key !== null });
    t.equal(joining.admitted, key === null ? 2 : 1, 'strangers with no key learn nothing of trunks');
    t.same([joining.near.onActivity, joining.far.onActivity], [null, null]);
    t.same([joining.near.writable, joining.far.writable], [true, true]);
  });
}

t.test('another key: the client says so, the server hears a reset', async (t) => {
  const joining = new Joining();
  const { holder: client } = joining.client(Buffer.from('another'));
  const { holder: server } = joining.server(KEY);
  await passes(10);
  isOver(t, joining, client, server);
  t.match(client.error, { code: 'permission', message: /another shared key/ });
  t.equal(server.error?.code, 'reset');
  t.equal(joining.admitted, 0);
});

t.test('a key on one side only: both sides name --key', async (t) => {
  for (const [clientKey, serverKey] of [
    [KEY, null],
    [null, KEY],
  ] as const) {
    const joining = new Joining();
    const { holder: client } = joining.client(clientKey);
    const { holder: server } = joining.server(serverKey);
    await passes(10);
    isOver(t, joining, client, server);
    t.match(client.error, { code: 'permission', refusal: REFUSED_KEY, message: /--key/ });
    t.match(server.error, { code: 'permission', refusal: REFUSED_KEY, message: /--key/ });
    t.equal(joining.admitted, 0);
  }
});

t.test('both refusals of a server arrive, said once', async (t) => {
  for (const code of [REFUSED_UNKNOWN_TRUNK, REFUSED_CARRIER]) {
    const joining = new Joining();
    const { holder: client } = joining.client(null);
    const { holder: server } = joining.server(null, () => {
      throw new Refusal(code, 'not this one');
    });
    await passes(10);
    isOver(t, joining, client, server);
    t.match(client.error, { refusal: code, message: 'the peer refuses: not this one' });
    t.match(server.error, { refusal: code, message: 'not this one' });
  }
});

t.test('a refusal after the proof arrives on the joined pipe, with an orderly end', async (t) => {
  const joining = new Joining();
  const { holder: client } = joining.client(KEY);
  const { holder: server } = joining.server(KEY, () => {
    throw new Refusal(REFUSED_UNKNOWN_TRUNK, 'not this one');
  });
  await passes(10);
  isOver(t, joining, client, server);
  t.equal(client.error, null);
  t.match(server.error, { refusal: REFUSED_UNKNOWN_TRUNK });
  const chunk = joining.near.recv();
  t.equal(chunk?.view().toString('latin1'), `TSTR\x04\x01\x03\0not this one`);
  chunk?.release();
  t.equal(joining.near.recv(), null);
  t.ok(joining.near.finReceived);
});

t.test('another version is refused in words', async (t) => {
  const joining = new Joining();
  const { holder: server } = joining.server(null);
  const hello = Buffer.alloc(76);
  hello.write('TSTR\x01\x09');
  joining.near.send(new SlabPool().copy(hello));
  await passes(10);
  isOver(t, joining, server);
  t.match(server.error, { refusal: REFUSED_VERSION, message: /version 9, this is 1/ });
  const chunk = joining.near.recv();
  t.match(chunk?.view().toString('latin1'), /^TSTR\x04\x01\x02\0.*version 9/);
  chunk?.release();
});

t.test('garbage of any length, and silence', async (t) => {
  const pool = new SlabPool();
  for (const length of [0, 1, 7, 8, 76, 512, 513, 200_000]) {
    const joining = new Joining();
    const { holder: client } = joining.client(null);
    const { holder: server } = joining.server(null);
    // Ours is in front of what the other side really says.
    const stranger = new Joining();
    const { holder: alone } = stranger.server(null);
    stranger.near.send(pool.copy(Buffer.alloc(length, 'SSH-2.0-x\r\n')));
    await passes(10);
    isOver(t, stranger, alone);
    t.match(alone.error, { code: 'malformed', message: /not a tcp-proxy that stripes/ });
    t.equal(stranger.near.broken?.code, 'reset');
    t.same([client.error, server.error], [null, null]);
  }
  t.equal(pool.out, 0);
});

t.test('in time, or not at all', async (t) => {
  const joining = new Joining();
  const { holder: client } = joining.client(null);
  const other = new Joining();
  const { holder: server } = other.server(null);
  for (const one of [joining, other]) await one.clock.advance(HANDSHAKE_TIMEOUT_MS - 1);
  t.same([client.calls, server.calls], [0, 0]);
  for (const one of [joining, other]) await one.clock.advance(1);
  isOver(t, joining, client);
  isOver(t, other, server);
  for (const { error } of [client, server]) t.match(error, { code: 'timeout', message: /in time/ });
  joining.far.discard();
});

t.test('an end, a reset and a cancel in the middle', async (t) => {
  for (const [end, code] of [
    [(pipe: Pipe) => pipe.sendFin(), 'truncated'],
    [(pipe: Pipe) => pipe.discard(), 'reset'],
  ] as const) {
    const joining = new Joining();
    const { holder: client } = joining.client(null);
    end(joining.far);
    await passes(10);
    isOver(t, joining, client);
    t.equal(client.error?.code, code);
    joining.far.discard();
  }
  const joining = new Joining();
  const { holder: client, cancel } = joining.client(null);
  cancel();
  cancel();
  await passes(10);
  isOver(t, joining, client);
  t.equal(client.error?.code, 'cancelled');
  joining.far.discard();
});

t.test('a pipe that is still connecting', async (t) => {
  const clock = new SimClock();
  const [near, far] = memoryPair('messages', { connecting: true });
  const [client, onClient] = result<Welcome>();
  const [server, onServer] = result<Hello>();
  joinAsClient(near, HELLO, KEY, clock, onClient);
  joinAsServer(far, KEY, WELCOME, () => {}, clock, onServer);
  await passes(5);
  t.same([client.calls, server.calls], [0, 0]);
  near.connect();
  await passes(10);
  t.same([client.calls, server.calls], [1, 1]);
  t.same([client.error, server.error], [null, null]);
});
