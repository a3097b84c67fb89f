/** Goal: a handshake joins who may join, and ends in words, never in a surprise, for everybody else. */
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { PipeError } from '../../../src/core/errors.ts';
import {
  ClientHandshake,
  isPermanent,
  REFUSED_BUSY,
  REFUSED_CARRIER,
  REFUSED_FRAMING,
  REFUSED_KEY,
  REFUSED_UNKNOWN_TRUNK,
  REFUSED_VERSION,
  Refusal,
  refusal,
  ServerHandshake,
} from '../../../src/layer/trunk/handshake.ts';

const KEY = Buffer.alloc(32, 'the shared key');
const OTHER_KEY = Buffer.alloc(32, 'the shared kez');
const TRUNK_ID = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const INSTANCE = Buffer.alloc(16, 0x1a);
const HELLO = {
  trunkId: TRUNK_ID,
  carrierId: 3,
  mayCreate: true,
  windows: { stream: 262_144, trunk: 67_108_864 },
};
const WELCOME = { instance: INSTANCE, windows: { stream: 5, trunk: 2 ** 40 } };

type Step = 'hello' | 'welcome' | 'proof' | 'joined';
type Change = (message: Buffer) => Buffer;

/** A whole handshake, with one of its messages changed on the way. Throws what either side throws. */
function shake(clientKey: Buffer | null, serverKey: Buffer | null, step?: Step, change?: Change) {
  const via = (now: Step, message: Buffer) =>
    now === step && change !== undefined ? change(message) : message;
  const client = new ClientHandshake(HELLO, clientKey);
  const server = new ServerHandshake(serverKey);
  const hello = server.onHello(via('hello', client.hello));
  const { welcome, proof } = client.onWelcome(via('welcome', server.welcome(WELCOME)));
  if (proof !== null) {
    server.onProof(via('proof', proof));
    client.onJoined(via('joined', server.joined()));
  }
  return { hello, welcome };
}

/** The PipeError that it throws; anything else fails the test. */
function thrown(t: Test, work: () => unknown): PipeError | null {
  try {
    work();
  } catch (error) {
    if (!(error instanceof PipeError)) t.fail('not a PipeError', { cause: error });
    return error as PipeError;
  }
  return null;
}

/** The messages and their bytes. */
const OPEN: readonly (readonly [Step, number])[] = [
  ['hello', 76],
  ['welcome', 72],
];
const KEYED: readonly (readonly [Step, number])[] = [
  ['hello', 76],
  ['welcome', 104],
  ['proof', 40],
  ['joined', 8],
];

for (const [name, key] of [
  ['without a key', null],
  ['with a key', KEY],
] as const) {
  t.test(`${name}: both sides learn what the other said`, async (t) => {
    const { hello, welcome } = shake(key, key);
    t.same(hello, { ...HELLO, keyed: key !== null, codecs: 0 });
    t.same(welcome, { ...WELCOME, codecs: 0 });
  });

  t.test(`${name}: cut short at every byte, or with one more, nobody joins`, async (t) => {
    for (const [step, whole] of key === null ? OPEN : KEYED) {
      for (let length = 0; length < whole; length++) {
        const cut = thrown(t, () => shake(key, key, step, (message) => message.subarray(0, length)));
        if (cut === null) t.fail(`${step} of ${length} bytes was taken`);
      }
      const longer = (message: Buffer) => Buffer.concat([message, Buffer.alloc(1)]);
      t.ok(
        thrown(t, () => shake(key, key, step, longer)),
        `a longer ${step}`,
      );
    }
  });

  t.test(`${name}: every bit flipped`, async (t) => {
    let taken = 0;
    for (const [step, length] of key === null ? OPEN : KEYED) {
      for (let bit = 0; bit < 8 * length; bit++) {
        const flip = (message: Buffer) => {
          t.equal(message.length, length) || t.bailout();
          const flipped = Buffer.from(message);
          flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
          return flipped;
        };
        if (thrown(t, () => shake(key, key, step, flip)) !== null) continue;
        taken++;
        if (key !== null) t.fail(`joined although bit ${bit} of ${step} was flipped`);
      }
    }
    // Without a key nothing is signed: what is flipped in an id or a nonce cannot be noticed.
    t.equal(taken > 0, key === null);
  });
}

t.test('another key: permission, on whichever side looks first', async (t) => {
  const error = thrown(t, () => shake(OTHER_KEY, KEY));
  t.match(error, { code: 'permission', refusal: REFUSED_KEY, message: /the keys differ/ });
  const client = new ClientHandshake(HELLO, OTHER_KEY);
  const server = new ServerHandshake(KEY);
  server.onHello(client.hello);
  server.welcome(WELCOME);
  const forged = Buffer.concat([Buffer.from('5453545203010000', 'hex'), Buffer.alloc(32)]);
  t.match(
    thrown(t, () => server.onProof(forged)),
    { code: 'permission', refusal: REFUSED_KEY, message: /the keys differ/ },
  );
  for (const length of [8, 39])
    t.match(
      thrown(t, () => server.onProof(forged.subarray(0, length))),
      { code: 'malformed' },
    );
});

t.test('a key on one side only: words that name --key, on both sides', async (t) => {
  for (const [clientKey, serverKey] of [
    [KEY, null],
    [null, KEY],
  ] as const) {
    const client = new ClientHandshake(HELLO, clientKey);
    const said = thrown(t, () => new ServerHandshake(serverKey).onHello(client.hello));
    t.match(said, { code: 'permission', refusal: REFUSED_KEY, message: /--key/ });
    const heard = thrown(t, () =>
      client.onWelcome(refusal((said as Refusal).refusal, (said as Refusal).message)),
    );
    t.match(heard, { code: 'permission', refusal: REFUSED_KEY, byPeer: true, message: /--key/ });

    // A server that answers all the same.
    const other = new ServerHandshake(serverKey);
    other.onHello(new ClientHandshake(HELLO, serverKey).hello);
    const error = thrown(t, () => client.onWelcome(other.welcome(WELCOME)));
    t.match(error, { code: 'permission', message: /--key/ });
  }
});

t.test('a proof for one encrypted connection is none for another, nor for one in the clear', async (t) => {
  const [mine, theirs] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  const talk = (near: Buffer | undefined, far: Buffer | undefined) => {
    const client = new ClientHandshake(HELLO, KEY, near);
    const server = new ServerHandshake(KEY, far);
    server.onHello(client.hello);
    return client.onWelcome(server.welcome(WELCOME));
  };
  for (const [near, far] of [
    [mine, theirs],
    [mine, undefined],
    [undefined, theirs],
  ])
    t.match(
      thrown(t, () => talk(near, far)),
      { code: 'permission' },
    );
  const client = new ClientHandshake(HELLO, KEY, mine);
  const server = new ServerHandshake(KEY, mine);
  server.onHello(client.hello);
  const welcome = server.welcome(WELCOME);
  const proof = client.onWelcome(welcome).proof as Buffer;
  server.onProof(proof);
  t.ok(
    thrown(t, () => new ClientHandshake(HELLO, KEY, theirs).onWelcome(welcome)),
    'the server proves it for this one alone',
  );
});

t.test('what was recorded is of no use', async (t) => {
  const client = new ClientHandshake(HELLO, KEY);
  const first = new ServerHandshake(KEY);
  first.onHello(client.hello);
  const welcome = first.welcome(WELCOME);
  const proof = client.onWelcome(welcome).proof as Buffer;
  first.onProof(proof);

  const second = new ServerHandshake(KEY);
  t.ok(second.onHello(client.hello), 'a replayed HELLO is answered');
  second.welcome(WELCOME);
  t.match(
    thrown(t, () => second.onProof(proof)),
    { code: 'permission' },
    'but not its PROOF',
  );
  t.match(
    thrown(t, () => new ClientHandshake(HELLO, KEY).onWelcome(welcome)),
    { code: 'permission' },
    'a replayed WELCOME',
  );
  const reflected = Buffer.concat([proof.subarray(0, 8), welcome.subarray(72)]);
  t.ok(
    thrown(t, () => first.onProof(reflected)),
    'the proof of the server is none of the client',
  );
  t.match(
    thrown(t, () => client.onWelcome(Buffer.from(client.hello))),
    {
      code: 'malformed',
      message: /it sends back what it is sent: this is an echo server, and no tcp-proxy -s/,
    },
    'a HELLO that comes back',
  );
  const other = new ClientHandshake({ ...HELLO, trunkId: INSTANCE }, KEY);
  const third = new ServerHandshake(KEY);
  third.onHello(other.hello);
  third.welcome(WELCOME);
  t.match(
    thrown(t, () => third.onProof(proof)),
    { code: 'permission' },
    'the proof for one trunk is none for another',
  );
});

t.test('another version', async (t) => {
  const other = (message: Buffer) => {
    message[5] = 2;
    return message;
  };
  t.match(
    thrown(t, () => shake(KEY, KEY, 'hello', other)),
    { refusal: REFUSED_VERSION, message: /versions differ: one side speaks 2, the other 1/ },
    'a HELLO is refused, with its reason',
  );
  for (const step of ['welcome', 'proof', 'joined'] as const)
    t.match(
      thrown(t, () => shake(KEY, KEY, step, other)),
      { code: 'malformed', message: /versions differ: one side speaks 2, the other 1/ },
    );
});

t.test('refusals arrive with their code and words, escaped and not without end', async (t) => {
  for (const code of [
    REFUSED_KEY,
    REFUSED_VERSION,
    REFUSED_UNKNOWN_TRUNK,
    REFUSED_CARRIER,
    REFUSED_BUSY,
    REFUSED_FRAMING,
    99,
  ]) {
    const error = thrown(t, () => new ClientHandshake(HELLO, null).onWelcome(refusal(code, 'a\nb')));
    t.ok(error instanceof Refusal);
    t.match(error, { refusal: code, byPeer: true, message: 'a\\x0ab' });
    t.equal(isPermanent(error as PipeError), [REFUSED_KEY, REFUSED_VERSION, REFUSED_FRAMING].includes(code));
    t.equal(error?.code, code === REFUSED_KEY ? 'permission' : 'refused');
  }
  const long = thrown(t, () => new ClientHandshake(HELLO, null).onWelcome(refusal(5, 'x'.repeat(9999))));
  t.ok((long as PipeError).message.length <= 303);
});

t.test('windows above 1 TiB are not believed', async (t) => {
  for (const at of [60, 68]) {
    const more = (message: Buffer) => {
      message.writeBigUInt64BE(2n ** 40n + 1n, at);
      return message;
    };
    t.match(
      thrown(t, () => shake(null, null, 'hello', more)),
      { code: 'malformed', message: /windows/ },
    );
  }
});

/** The messages of the example in docs/wire.md, by name, without the length that stands in front of each. */
function example(t: Test): Map<string, Buffer> {
  // This file runs as dist/test/layer/trunk/handshake.test.js.
  const text = readFileSync(new URL('../../../../docs/wire.md', import.meta.url), 'utf8');
  const block = /A whole handshake with the key.*?\n\n(.*?)\n\n/s.exec(text)?.[1] ?? '';
  const messages = new Map<string, Buffer>();
  for (const entry of block.split(/^ {4}(?=[A-Z])/m).slice(1)) {
    const [, name = '', body = ''] = /^([A-Z]+) (.*)$/s.exec(entry) ?? [];
    const hex = body
      .replace(/ {3,}reason.*/, '')
      .replace(/<(\d+) x (..)>/g, (_, count, byte) => byte.repeat(Number(count)))
      .replace(/\s/g, '');
    const bytes = Buffer.from(hex, 'hex');
    t.equal(bytes.length, hex.length / 2, `${name} is hexadecimal`);
    t.equal(bytes[0], bytes.length - 1, `${name} has its length in front`);
    messages.set(name, bytes.subarray(1));
  }
  return messages;
}

t.test('codecs: those that both sides name, and no others', async (t) => {
  for (const key of [null, KEY]) {
    for (const [ours, theirs, both] of [
      [12, 4, 4],
      [4, 12, 4],
      [0, 12, 0],
      [12, 0, 0],
      [8, 4, 0],
    ] as const) {
      const client = new ClientHandshake({ ...HELLO, codecs: ours }, key);
      const server = new ServerHandshake(key);
      t.equal(server.onHello(client.hello).codecs, ours);
      const message = server.welcome({ ...WELCOME, codecs: theirs });
      t.equal(client.onWelcome(message).welcome.codecs, both);
    }
  }
  const client = new ClientHandshake({ ...HELLO, codecs: 4 }, null);
  const server = new ServerHandshake(null);
  server.onHello(client.hello);
  const message = server.welcome(WELCOME);
  message[6] = 8;
  t.throws(() => client.onWelcome(message), /flags that nobody asked for/);
});

t.test('the handshake in docs/wire.md, byte by byte', async (t) => {
  const messages = example(t);
  t.same([...messages.keys()], ['HELLO', 'WELCOME', 'PROOF', 'JOINED', 'REFUSE']);
  const of = (name: string) => messages.get(name) as Buffer;
  const key = Buffer.from(Array.from({ length: 32 }, (_, i) => i));
  const client = new ClientHandshake(HELLO, key);
  client.hello.fill(0xaa, 28, 60);
  t.same(client.hello, of('HELLO'));
  t.same(new ServerHandshake(key).onHello(of('HELLO')), { ...HELLO, keyed: true, codecs: 0 });
  const { welcome, proof } = client.onWelcome(of('WELCOME'));
  t.same(welcome, { instance: INSTANCE, windows: HELLO.windows, codecs: 0 });
  t.same(proof, of('PROOF'));
  const server = new ServerHandshake(key);
  t.same(server.joined(), of('JOINED'));
  client.onJoined(of('JOINED'));
  t.same(refusal(REFUSED_BUSY, 'no !!'), of('REFUSE'));
});
