/** Goal: messages come out of a stream however it is cut, nothing but them is read, and strangers are called by name. */
import t from 'tap';
import { protocolOf } from '../../../src/core/protocols.ts';
import {
  answerInTheClear,
  describeStranger,
  framed,
  GreetingReader,
  NotAPeer,
} from '../../../src/layer/trunk/greeting.ts';
import {
  ClientHandshake,
  HANDSHAKE_MAX_BYTES,
  REFUSED_CARRIER,
  REFUSED_ENCRYPTION,
  REFUSED_UNKNOWN_TRUNK,
  Refusal,
  refusal,
  ServerHandshake,
} from '../../../src/layer/trunk/handshake.ts';
import { Random, SEED } from '../../helpers/random.ts';

const KEY = Buffer.alloc(32, 5);
const HELLO = {
  trunkId: Buffer.alloc(16, 7),
  carrierId: 3,
  mayCreate: true,
  windows: { stream: 1, trunk: 2 },
};

function messages(): Buffer[] {
  const client = new ClientHandshake(HELLO, KEY);
  const server = new ServerHandshake(KEY);
  server.onHello(client.hello);
  const welcome = server.welcome({ instance: Buffer.alloc(16, 9), windows: HELLO.windows });
  const proof = client.onWelcome(welcome).proof as Buffer;
  return [client.hello, welcome, proof, server.joined(), refusal(1, ''), refusal(2, 'x'.repeat(504))];
}

/** Feeds a stream as a socket would: never more than is wanted, cut by `cut`. */
function feed(reader: GreetingReader, stream: Buffer, cut: (most: number) => number) {
  const found: Buffer[] = [];
  let at = 0;
  while (at < stream.length) {
    const length = Math.min(stream.length - at, Math.max(1, cut(reader.wants)));
    const answer = reader.push(stream.subarray(at, at + length));
    at += length;
    if (answer === 'stranger' || answer === 'tls') return { found, stranger: true, at };
    if (answer !== null) found.push(Buffer.from(answer));
  }
  return { found, stranger: false, at };
}

t.test('messages, at once, a byte at a time, and cut at random', async (t) => {
  const all = messages();
  const stream = Buffer.concat(all.map(framed));
  const random = new Random(SEED);
  for (const cut of [(most: number) => most, () => 1, (most: number) => random.int(1, most)]) {
    const { found, stranger } = feed(new GreetingReader(), stream, cut);
    t.notOk(stranger);
    t.same(found, all);
  }
});

t.test('it never wants a byte behind the message that is due', async (t) => {
  for (const message of messages()) {
    const reader = new GreetingReader();
    const frame = framed(message);
    for (let at = 0; at < frame.length; ) {
      const wants = reader.wants;
      if (!(wants >= 1 && at + wants <= frame.length)) t.fail(`at ${at} of ${frame.length}: ${wants}`);
      const length = Math.max(1, wants >> 1);
      reader.push(frame.subarray(at, at + length));
      at += length;
    }
    t.equal(reader.seen.length, 0);
  }
});

t.test('lengths below and above what a handshake has are known from the length alone', async (t) => {
  for (const [length, known] of [
    [0, false],
    [7, false],
    [8, true],
    [HANDSHAKE_MAX_BYTES, true],
    [HANDSHAKE_MAX_BYTES + 1, false],
    [16_383, false],
  ] as const) {
    const bytes = length < 0x80 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
    t.equal(new GreetingReader().push(Buffer.from(bytes)) !== 'stranger', known, `${length}`);
  }
  for (const bytes of ['808004', 'ffffffff0f', 'ffff'])
    t.equal(new GreetingReader().push(Buffer.from(bytes, 'hex')), 'stranger', bytes);
});

t.test('every byte of the beginning flipped: no byte more is read than six', async (t) => {
  const frame = framed(messages()[0] as Buffer);
  for (let at = 1; at <= 4; at++) {
    const wrong = Buffer.from(frame);
    wrong[at] = (wrong[at] as number) ^ 0x20;
    for (const cut of [(most: number) => most, () => 1]) {
      const { found, stranger, at: end } = feed(new GreetingReader(), wrong, cut);
      t.same([found.length, stranger], [0, true]);
      t.ok(end <= 6, `${end}`);
    }
  }
});

t.test('noise never throws, and holds at most one message', async (t) => {
  const random = new Random(SEED);
  for (let i = 0; i < 20_000; i++) {
    const reader = new GreetingReader();
    const noise = random.bytes(random.int(1, 40));
    // Half of them begin well.
    if (i % 2 === 0) Buffer.from('4c54535452', 'hex').copy(noise);
    feed(reader, noise, () => random.int(1, reader.wants));
    if (reader.seen.length > HANDSHAKE_MAX_BYTES + 2) t.fail(`${reader.seen.length} bytes`);
  }
  t.pass();
});

t.test('strangers by name', async (t) => {
  const clientHello = '16030100f8010000f40303aabbccdd';
  for (const [bytes, name, words] of [
    [Buffer.from('SSH-2.0-OpenSSH_9.2p1\r\n'), 'SSH', "it speaks SSH: 'SSH-2.0-OpenSSH_9.2p1'"],
    [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n'), 'HTTP', "it speaks HTTP: 'GET / HTTP/1.1'"],
    [Buffer.from('HTTP/1.1 400 Bad Request\r\n'), 'HTTP', /it speaks HTTP: 'HTTP\/1\.1 400/],
    [Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n'), 'HTTP', /it speaks HTTP/],
    [Buffer.from(clientHello, 'hex'), 'TLS', /it speaks TLS: '\\x16\\x03/],
    [Buffer.from('15030100020246', 'hex'), 'TLS', /it speaks TLS/],
    [Buffer.from([0]), null, 'it speaks the classic framing (-n 0)'],
    [Buffer.from('\x20SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n'), null, /classic framing \(-n 0\), and SSH inside/],
    [Buffer.from('\x03abc'), null, "it begins with '\\x03abc'"],
    [Buffer.from('\u001b[2J\n\0x', 'latin1'), null, "it begins with '\\x1b[2J'"],
    [Buffer.from('x'.repeat(64)), null, `it begins with '${'x'.repeat(40)}'`],
  ] as const) {
    t.equal(protocolOf(bytes), name);
    t.match(describeStranger(bytes), words);
    t.notMatch(describeStranger(bytes), /[\0-\x1f]/);
  }
});

t.test('a classic message that only resembles another protocol is none', async (t) => {
  // A message of 22 bytes that begins like a TLS record, and one of 71 that begins with 'E'.
  for (const text of ['\x16\x03\x01\x02\x00\x01', 'Get off', 'GET\t', 'SSH', 'SSH-agent', 'HTTPS'])
    t.equal(protocolOf(Buffer.from(text, 'latin1')), null, JSON.stringify(text));
});

t.test('a length that is not in its shortest form is a stranger', async (t) => {
  for (const message of messages()) {
    const length = message.length;
    const longer = length < 0x80 ? [length | 0x80, 0] : [(length & 0x7f) | 0x80, (length >> 7) | 0x80, 0];
    const { found, stranger } = feed(
      new GreetingReader(),
      Buffer.concat([Buffer.from(longer), message]),
      (most) => most,
    );
    t.ok(stranger);
    t.same(found, []);
  }
});

const TLS_HELLO = Buffer.from('16030100f8010000f40303', 'hex');

t.test('a connection that begins as an encrypted one does', async (t) => {
  for (const version of [1, 3]) {
    const reader = new GreetingReader();
    const hello = Buffer.from(TLS_HELLO);
    hello[2] = version;
    const answers = [...hello.subarray(0, 6)].map((byte) => {
      t.ok(reader.wants > 0);
      return reader.push(Buffer.of(byte));
    });
    t.same(answers, [null, null, null, null, null, 'tls']);
    t.equal(reader.begun, false);
  }
  // What a TPKT of 22 bytes looks like in the classic framing, an alert, another version.
  for (const hex of ['160300001611', '150301000202', '160304010001', '160301010002']) {
    const reader = new GreetingReader();
    const answers = [...Buffer.from(hex, 'hex')].map((byte) => reader.push(Buffer.of(byte)));
    t.ok(answers.includes('stranger'), hex);
    t.notOk(answers.includes('tls'), hex);
  }
});

t.test('an answer in the clear where TLS is due', async (t) => {
  const refused = framed(refusal(REFUSED_ENCRYPTION, 'it is so'));
  for (let length = 1; length < refused.length; length++)
    t.equal(answerInTheClear(refused.subarray(0, length)), 'more', `${length} bytes`);
  const error = answerInTheClear(refused);
  t.ok(error instanceof Refusal);
  t.match(error, { refusal: REFUSED_ENCRYPTION, byPeer: true, message: /^it is so \(said in the clear/ });
  t.match(answerInTheClear(Buffer.concat([refused, Buffer.from('more')])), { message: /^it is so/ });
  // Who does not encrypt has not heard of any trunk: somebody on the path may not end one by this.
  for (const reason of [REFUSED_UNKNOWN_TRUNK, REFUSED_CARRIER, 99]) {
    const strange = answerInTheClear(framed(refusal(reason, 'gone')));
    t.notOk(strange instanceof Refusal, `${reason}`);
    t.match(strange, { code: 'refused', layer: 'trunk' });
  }
  for (const message of [
    Buffer.from('SSH-2.0-x\r\n'),
    Buffer.from('HTTP/1.1 400 Bad Request\r\n'),
    Buffer.alloc(50),
  ])
    t.ok(answerInTheClear(message) instanceof NotAPeer);
  for (const hex of ['160303007a02', '15030300020228'])
    for (let length = 1; length <= hex.length / 2; length++)
      t.equal(answerInTheClear(Buffer.from(hex, 'hex').subarray(0, length)), length < 6 ? 'more' : null, hex);
  t.match(answerInTheClear(TLS_HELLO), { message: /this is an echo server/ });
});
