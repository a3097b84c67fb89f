/** Goal: whoever sits on the path can end a TlsPipe, and nothing else: not read it, not change it, not fake its end. */
import { readFileSync } from 'node:fs';
import { createSecureContext, TLSSocket } from 'node:tls';
import t from 'tap';
import { PipeError } from '../../src/core/errors.ts';
import { SlabPool } from '../../src/core/pool.ts';
import { TlsPipe } from '../../src/layer/tls/pipe.ts';
import { PskCredentials } from '../../src/layer/tls/psk.ts';
import { memoryPair } from '../../src/pipe/memory.ts';
import { PipeDuplex } from '../../src/pipe/to_duplex.ts';
import { PipeEnd } from '../helpers/pipe_end.ts';
import { Random, SEED } from '../helpers/random.ts';
import { eventually, passes } from '../helpers/settle.ts';
import { CREDENTIALS, OTHERS } from '../helpers/tls_pair.ts';
import { TlsWire } from '../helpers/tls_wire.ts';

const RECORD_HEADER_BYTES = 5;
const APPLICATION_DATA = 0x17;

/** Types and lengths of the records in this (RFC 8446, section 5.1). */
function recordsOf(bytes: Buffer): { type: number; at: number; length: number }[] {
  const records = [];
  for (let at = 0; at + RECORD_HEADER_BYTES <= bytes.length; ) {
    const length = bytes.readUInt16BE(at + 3);
    records.push({ type: bytes[at] as number, at, length });
    at += RECORD_HEADER_BYTES + length;
  }
  return records;
}

t.afterEach(() => passes(5));

t.test('nothing that is said can be seen on the wire', async (t) => {
  const wire = new TlsWire();
  await wire.shakeHands();
  const words = Buffer.from('the quick brown fox jumps over the lazy dog. '.repeat(2000));
  await wire.client.send(words);
  t.ok(await wire.server.recvBytes(words.length));
  await wire.server.send(words);
  t.ok(await wire.client.recvBytes(words.length));
  t.ok(wire.client.bytes.equals(words) && wire.server.bytes.equals(words));
  for (const { seen } of [wire.forward, wire.backward]) {
    t.ok(seen.length > words.length);
    t.notOk(seen.includes('quick brown'));
  }
  wire.end();
});

/** A server's end, and somebody at the other one who says what he likes. */
function strangerAndServer() {
  const pool = new SlabPool();
  const [stranger, far] = memoryPair('bytes', { capacity: 2 ** 20 });
  const server = new PipeEnd(new TlsPipe(far, { role: 'server', credentials: CREDENTIALS, pool }), pool);
  const say = (bytes: Buffer) => {
    if (stranger.writable) stranger.send(pool.copy(bytes));
  };
  return { say, server };
}

t.test('a handshake that only begins is not kept', async (t) => {
  const { say, server } = strangerAndServer();
  const fragment = Buffer.alloc(5 + 16_384);
  fragment.set([0x16, 3, 1, 0x40, 0]);
  // A ClientHello of 128 KiB.
  const first = Buffer.from(fragment);
  first.set([1, 1, 0xff, 0xff, 3, 3], 5);
  for (const piece of [first, fragment, fragment]) {
    say(piece);
    await passes(5);
  }
  t.match(server.pipe.broken, { code: 'malformed', message: /does not end/ });
  server.pipe.discard();
});

t.test(
  'close_notify in the middle of a handshake, behind a ClientHello that was recorded, is a failure',
  async (t) => {
    const wire = new TlsWire();
    await wire.shakeHands();
    const [hello] = recordsOf(wire.forward.seen);
    const { say, server } = strangerAndServer();
    say(wire.forward.seen.subarray(0, RECORD_HEADER_BYTES + (hello?.length ?? 0)));
    await passes(5);
    t.equal(server.pipe.broken, null);
    say(Buffer.from([0x15, 3, 3, 0, 2, 1, 0]));
    await server.until('over', () => server.pipe.broken !== null);
    t.notOk(server.pipe.finReceived);
    server.pipe.discard();
    wire.end();
  },
);

t.test('the key is used with Diffie-Hellman only, and says nothing of itself', async (t) => {
  const wire = new TlsWire();
  await wire.shakeHands();
  const hello = wire.forward.seen;
  const modes = hello.indexOf(Buffer.from('002d0002', 'hex'));
  t.ok(modes > 0, 'psk_key_exchange_modes is there, with one mode');
  t.same([...hello.subarray(modes + 4, modes + 6)], [1, 1], 'which is psk_dhe_ke (RFC 8446, section 4.2.9)');
  const [first] = recordsOf(wire.backward.seen);
  const answer = wire.backward.seen.subarray(0, RECORD_HEADER_BYTES + (first?.length ?? 0));
  t.ok(answer.includes(Buffer.from('0033', 'hex')), 'the server sends a key share');
  t.ok(answer.includes(Buffer.from('002900020000', 'hex')), 'and takes the first PSK');
  const again = new TlsWire();
  await again.shakeHands();
  const name = /tcp-striper 1 [0-9a-f]{32}/;
  t.equal(name.exec(hello.toString('latin1'))?.[0], name.exec(again.forward.seen.toString('latin1'))?.[0]);
  t.notOk(hello.includes('a key that tests share'));
  wire.end();
  again.end();
});

t.test('both ends know a secret that no other connection has', async (t) => {
  const wires = [new TlsWire(), new TlsWire()];
  const secrets = new Set<string>();
  for (const wire of wires) {
    await wire.shakeHands();
    const [near, far] = [wire.client, wire.server].map(({ pipe }) =>
      (pipe as TlsPipe).exportKey('EXPORTER-test', 32).toString('hex'),
    );
    t.equal(near, far);
    secrets.add(near as string);
    wire.end();
  }
  t.equal(secrets.size, 2);
});

t.test('another key: both ends say so, and nobody is let through', async (t) => {
  const wire = new TlsWire({ credentials: OTHERS });
  await wire.shakeHands();
  for (const { pipe } of [wire.client, wire.server]) {
    t.equal(pipe.ready, false);
    t.match(pipe.broken, { code: 'permission', layer: 'tls', message: /^the keys differ: give both sides/ });
  }
  wire.end();
});

t.test('a FIN that is none of TLS breaks the pipe, wherever it comes', async (t) => {
  const whole = new TlsWire();
  await whole.shakeHands();
  await whole.client.send(Buffer.alloc(50_000, 'x'));
  await whole.server.recvBytes(50_000);
  const length = whole.forward.seen.length;
  whole.end();
  const random = new Random(SEED);
  const offsets = [
    0,
    1,
    5,
    6,
    length - 1,
    length,
    ...Array.from({ length: 20 }, () => random.int(2, length)),
  ];
  for (const offset of offsets) {
    const wire = new TlsWire();
    wire.forward.change = (bytes, at) => {
      if (at + bytes.length <= offset) return bytes;
      wire.forward.say(bytes.subarray(0, Math.max(0, offset - at)));
      wire.forward.cut();
      return Buffer.alloc(0);
    };
    await wire.client.until('ready', () => wire.client.pipe.ready || wire.client.pipe.broken !== null);
    if (wire.client.pipe.ready) await wire.client.send(Buffer.alloc(50_000, 'x'));
    if (offset === length) {
      await wire.server.recvBytes(50_000);
      wire.forward.cut();
    }
    t.equal(await wire.server.recvToEnd(), 'broken', `cut after ${offset} of ${length} bytes, SEED=${SEED}`);
    t.match(wire.server.pipe.broken, { code: 'truncated', layer: 'tls' });
    t.equal(wire.server.pipe.finReceived, false);
    t.ok(wire.server.bytes.every((byte) => byte === 0x78));
    wire.end();
  }
});

t.test(
  'a bit that is changed on the way, anywhere: the pipe breaks, and no wrong byte comes out',
  async (t) => {
    const random = new Random(SEED);
    for (let i = 0; i < 40; i++) {
      const wire = new TlsWire();
      await wire.shakeHands();
      const sent = random.bytes(40_000);
      const begin = wire.forward.seen.length;
      // The headers of records, their middle, their tags.
      const target = begin + (i < 10 ? i : random.int(0, 40_050));
      let changed = false;
      wire.forward.change = (bytes, at) => {
        if (target >= at && target < at + bytes.length) {
          bytes[target - at] = (bytes[target - at] as number) ^ (1 << random.int(0, 7));
          changed = true;
        }
        return bytes;
      };
      await wire.client.send(sent);
      await eventually('the change', () => changed);
      // A length that has grown waits for bytes that never come; then it is the end that tells.
      await passes(5);
      wire.forward.cut();
      t.equal(await wire.server.recvToEnd(), 'broken', `byte ${target - begin}, SEED=${SEED}`);
      t.match(wire.server.pipe.broken?.code, /malformed|truncated/);
      t.ok(sent.subarray(0, wire.server.receivedBytes).equals(wire.server.bytes), 'the beginning, unchanged');
      wire.end();
    }
  },
);

t.test('a record that is left out, said twice, or comes in the wrong order', async (t) => {
  const tricks: Record<string, (records: Buffer[]) => Buffer[]> = {
    'left out': ([, ...others]) => others,
    twice: ([first, ...others]) => [first as Buffer, first as Buffer, ...others],
    'in the wrong order': ([first, second, ...others]) => [second as Buffer, first as Buffer, ...others],
  };
  for (const [name, trick] of Object.entries(tricks)) {
    const wire = new TlsWire();
    await wire.shakeHands();
    wire.forward.change = (bytes) =>
      Buffer.concat(
        trick(
          recordsOf(bytes).map(({ at, length }) => bytes.subarray(at, at + RECORD_HEADER_BYTES + length)),
        ),
      );
    const sent = new Random(SEED).bytes(60_000);
    await wire.client.send(sent);
    t.equal(await wire.server.recvToEnd(), 'broken', name);
    t.match(wire.server.pipe.broken, { code: 'malformed', layer: 'tls' });
    t.ok(sent.subarray(0, wire.server.receivedBytes).equals(wire.server.bytes));
    wire.end();
  }
});

t.test('what is no TLS: an error in words at once, for both roles', async (t) => {
  const random = new Random(SEED);
  const garbage = [
    Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'),
    Buffer.from('GET / HTTP/1.1\r\nHost: example.org\r\n\r\n'),
    Buffer.from('16030100050100000101', 'hex'),
    Buffer.alloc(100_000, 0xff),
    ...Array.from({ length: 30 }, () => random.bytes(random.int(100, 3000))),
  ];
  for (const role of ['client', 'server'] as const) {
    for (const bytes of garbage) {
      const pool = new SlabPool();
      const [near, far] = memoryPair('bytes', { capacity: 2 ** 20 });
      const end = new PipeEnd(new TlsPipe(near, { role, credentials: CREDENTIALS, pool }), pool);
      const stranger = new PipeEnd(far, pool);
      await stranger.send(bytes);
      await stranger.fin();
      t.match(await end.untilBroken(), { layer: 'tls' }, bytes.subarray(0, 20).toString('latin1'));
      t.equal(end.pipe.ready, false);
      t.match(await stranger.recvToEnd(), /fin|broken/);
      end.pipe.discard();
      far.discard();
      await eventually('all slabs back', () => pool.out === 0);
    }
  }
});

t.test('a handshake that never comes can be given up, at any point', async (t) => {
  for (const error of [undefined, new PipeError('timeout', 'test')]) {
    for (const most of [0, 1, 5, 100, 200]) {
      const wire = new TlsWire();
      wire.forward.change = (bytes, at) => bytes.subarray(0, Math.max(0, most - at));
      await passes(20);
      t.equal(wire.server.pipe.ready, false);
      t.equal(wire.server.pipe.broken, null);
      wire.client.pipe.discard(error);
      wire.server.pipe.discard(error);
      await eventually('all slabs back', () => wire.pool.out === 0);
      wire.end();
    }
  }
});

t.test('half-closed, and a thousand words more the other way', async (t) => {
  for (const names of [
    ['client', 'server'],
    ['server', 'client'],
  ] as const) {
    const wire = new TlsWire();
    await wire.shakeHands();
    const [quiet, talker] = [wire[names[0]], wire[names[1]]];
    await quiet.send(Buffer.from('last words'));
    await quiet.fin();
    t.equal(await talker.recvToEnd(), 'fin');
    for (let i = 1; i <= 1000; i++) {
      await talker.send(Buffer.from('more. '));
      if (!(await quiet.recvBytes(6 * i))) throw new Error(`it ended after ${i - 1} words`);
    }
    await talker.fin();
    t.equal(await quiet.recvToEnd(), 'fin');
    t.same([quiet.pipe.broken, talker.pipe.broken], [null, null]);
    wire.end();
  }
});

t.test('what was said before discard() arrives, with an end behind it', async (t) => {
  const wire = new TlsWire();
  await wire.shakeHands();
  await wire.server.send(Buffer.from('you are refused'));
  wire.server.pipe.discard();
  t.equal(await wire.client.recvToEnd(), 'fin');
  t.equal(wire.client.bytes.toString(), 'you are refused');
  wire.end();
});

t.test('what somebody has read already to see what it is', async (t) => {
  const pool = new SlabPool();
  const [near, far] = memoryPair('bytes');
  const client = new PipeEnd(new TlsPipe(near, { role: 'client', credentials: CREDENTIALS, pool }), pool);
  const door = new PipeEnd(far, pool);
  await door.recvBytes(6, () => 6);
  t.equal(door.bytes[0], 0x16, 'a handshake record');
  const server = new TlsPipe(far, { role: 'server', credentials: CREDENTIALS, pool, first: door.bytes });
  const served = new PipeEnd(server, pool);
  await client.until('ready', () => client.pipe.ready);
  await client.send(Buffer.from('hello'));
  t.ok(await served.recvBytes(5));
  for (const pipe of [client.pipe, server]) pipe.discard();
  await eventually('all slabs back', () => pool.out === 0);
});

t.test('a peer that does not speak TLS is recognised before node:tls sees a byte of it', async (t) => {
  const asked: string[] = [];
  const recognise = (first: Buffer) => {
    asked.push(first.toString('latin1'));
    if (first.length < 4) return 'more' as const;
    return first[0] === 0x16 ? null : new PipeError('refused', 'test', `it says ${first}`);
  };
  const wire = new TlsWire({ recognise });
  wire.backward.change = () => Buffer.alloc(0);
  wire.backward.say(Buffer.from('no'));
  await eventually('a look', () => asked.length === 1);
  wire.backward.say(Buffer.from(' way'));
  t.match(await wire.client.untilBroken(), { code: 'refused', message: 'it says no way' });
  wire.end();
  const other = new TlsWire({ recognise });
  await other.shakeHands();
  t.ok(other.client.pipe.ready);
  t.equal(recordsOf(other.forward.seen).at(-1)?.type, APPLICATION_DATA);
  other.end();
});

t.test('the PSK in docs/wire.md opens the door to who knows nothing but that', async (t) => {
  const text = readFileSync(new URL('../../../docs/wire.md', import.meta.url), 'utf8');
  const psk = Buffer.from(/PSK {7}([0-9a-f]{64})/.exec(text)?.[1] as string, 'hex');
  const identity = /identity {2}(tcp-striper 1 [0-9a-f]{32})/.exec(text)?.[1];
  const [near, far] = memoryPair('bytes');
  const credentials = new PskCredentials(Buffer.from(Array.from({ length: 32 }, (_, i) => i)));
  const pool = new SlabPool();
  const client = new PipeEnd(new TlsPipe(near, { role: 'client', credentials, pool }), pool);
  let name = '';
  const options = {
    isServer: true,
    secureContext: createSecureContext({ minVersion: 'TLSv1.3' }),
    pskCallback(_socket: TLSSocket, offered: string) {
      name = offered;
      return psk;
    },
  };
  const server = new TLSSocket(new PipeDuplex(far), options);
  server.on('data', (bytes) => server.write(bytes));
  await client.until('ready', () => client.pipe.ready || client.pipe.broken !== null);
  t.equal(name, identity);
  await client.send(Buffer.from('hello'));
  await client.recvBytes(5);
  t.equal(client.bytes.toString(), 'hello');
  client.pipe.discard();
  server.on('error', () => {}).destroy();
});
