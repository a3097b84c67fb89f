/** Goal: RecordCipher protects records as RFC 8446 says, and whatever else it is given it refuses, and stays within its buffers. */
import { createCipheriv } from 'node:crypto';
import t from 'tap';
import { loadAddon, type RecordCipherClass } from '../../src/sys/addon.ts';
import { EBADF, EBADMSG, EMSGSIZE, EPROTO } from '../../src/sys/errno.ts';
import { Random, SEED } from '../helpers/random.ts';

const RecordCipher = loadAddon()?.RecordCipher as RecordCipherClass;
const SUITES = [
  { suite: 0x1301, algorithm: 'aes-128-gcm', keyBytes: 16 },
  { suite: 0x1302, algorithm: 'aes-256-gcm', keyBytes: 32 },
  { suite: 0x1303, algorithm: 'chacha20-poly1305', keyBytes: 32 },
] as const;
const IV = Buffer.from('0102030405060708090a0b0c', 'hex');
const DATA = 23;
const OVERHEAD = 22;

const keyOf = (bytes: number) => Buffer.alloc(bytes, 'k');
const sealedBytes = (length: number) => length + Math.max(1, Math.ceil(length / 16_384)) * OVERHEAD;

function pair(records = 0) {
  return [0, 1].map(() => new RecordCipher(0x1301, keyOf(16), IV, records)) as [
    InstanceType<RecordCipherClass>,
    InstanceType<RecordCipherClass>,
  ];
}

function seal(cipher: InstanceType<RecordCipherClass>, content: Buffer, type = DATA): Buffer {
  const records = Buffer.alloc(sealedBytes(content.length));
  const length = cipher.seal(content, 0, content.length, type, records, 0);
  if (length !== records.length) throw new Error(`sealed ${length} of ${records.length} bytes`);
  return records;
}

function open(cipher: InstanceType<RecordCipherClass>, records: Buffer, room = records.length) {
  const content = Buffer.alloc(room);
  const result = new Int32Array(4);
  const status = cipher.open(records, 0, records.length, content, 0, room, result);
  const [used = 0, opened = 0, type = 0, rest = 0] = result;
  return {
    status,
    used,
    content: content.subarray(0, opened),
    type,
    rest: content.subarray(opened, opened + rest),
  };
}

t.ok(RecordCipher.available, 'this Node has OpenSSL 3');

t.test('a record is what RFC 8446, section 5.2, says, for each suite', async (t) => {
  for (const { suite, algorithm, keyBytes } of SUITES) {
    const cipher = new RecordCipher(suite, keyOf(keyBytes), IV);
    for (const number of [0, 1, 2]) {
      const record = seal(cipher, Buffer.from('hello'));
      const nonce = Buffer.from(IV);
      nonce[11] = (nonce[11] as number) ^ number;
      const header = Buffer.from([23, 3, 3, 0, 5 + 1 + 16]);
      const reference = createCipheriv(algorithm as 'aes-128-gcm', keyOf(keyBytes), nonce, {
        authTagLength: 16,
      });
      reference.setAAD(header);
      const body = Buffer.concat([
        reference.update(Buffer.from('hello\x17')),
        reference.final(),
        reference.getAuthTag(),
      ]);
      t.ok(record.equals(Buffer.concat([header, body])), `${algorithm}, record ${number}`);
    }
    cipher.close();
  }
});

t.test('content of any length, cut anywhere, and read into any room', async (t) => {
  const random = new Random(SEED);
  const [sender, receiver] = pair(5);
  let wrong = 0;
  for (let i = 0; i < 60; i++) {
    const sent = random.bytes(random.chance(0.2) ? random.int(0, 3) * 16_384 : random.int(0, 70_000));
    let records = seal(sender, sent);
    const got: Buffer[] = [];
    while (records.length > 0) {
      const { status, used, content } = open(receiver, records, random.int(16_385, 80_000));
      if (status !== 0) throw new Error(`status ${status}, SEED=${SEED}`);
      got.push(Buffer.from(content));
      records = records.subarray(used);
    }
    if (!Buffer.concat(got).equals(sent)) wrong++;
  }
  t.equal(wrong, 0, `SEED=${SEED}`);
});

t.test('a record that is not whole waits, and one that does not fit', async (t) => {
  const [sender, receiver] = pair();
  const records = seal(sender, Buffer.from('twenty bytes of words'));
  for (let length = 0; length < records.length; length++) {
    t.match(open(receiver, records.subarray(0, length), 100), { status: 0, used: 0 });
  }
  t.match(open(receiver, records, 21), { status: 0, used: 0 }, 'no room for its type');
  t.match(open(receiver, records, 22), { status: 0, used: records.length });
});

t.test('stops behind what is no data, and says what it is', async (t) => {
  const [sender, receiver] = pair();
  const records = Buffer.concat([
    seal(sender, Buffer.from('data')),
    seal(sender, Buffer.from([1, 0]), 21),
    seal(sender, Buffer.from('more')),
  ]);
  const first = open(receiver, records);
  t.match(first, { status: 0, used: 26 + 24, type: 21 });
  t.same([first.content.toString(), [...first.rest]], ['data', [1, 0]]);
  t.equal(open(receiver, records.subarray(first.used)).content.toString(), 'more');
});

t.test('a changed bit, anywhere; a record that is left out or repeated; another key', async (t) => {
  const [sender] = pair();
  const [first, second] = [seal(sender, Buffer.from('first')), seal(sender, Buffer.from('second'))];
  for (let at = 0; at < first.length * 8; at++) {
    const changed = Buffer.from(first);
    changed[at >> 3] = (changed[at >> 3] as number) ^ (1 << (at & 7));
    const { status, used, content } = open(pair()[1], changed);
    // A length that has grown waits for more.
    if (at >> 3 !== 3 && at >> 3 !== 4) t.ok([-EBADMSG, -EPROTO].includes(status), `bit ${at}: ${status}`);
    t.same([used, content.length], [0, 0]);
  }
  t.equal(open(pair()[1], second).status, -EBADMSG, 'left out');
  const [, receiver] = pair();
  t.equal(open(receiver, first).status, 0);
  t.equal(open(receiver, first).status, -EBADMSG, 'repeated');
  t.equal(open(receiver, second).content.toString(), 'second', 'and what is right goes on');
  t.equal(open(new RecordCipher(0x1301, Buffer.alloc(16), IV), first).status, -EBADMSG);
});

t.test('what is no record of TLS 1.3', async (t) => {
  const cases: [number, string][] = [
    [-EPROTO, '1603030001'],
    [-EPROTO, '1702030020'],
    [-EPROTO, '1703030010'],
    [-EMSGSIZE, '1703034101'],
    [-EMSGSIZE, '170303ffff'],
  ];
  for (const [status, header] of cases) {
    const record = Buffer.concat([Buffer.from(header, 'hex'), Buffer.alloc(70_000)]);
    t.match(open(pair()[1], record), { status, used: 0 }, header);
  }
});

t.test('padding is left out; nothing but padding is no record', async (t) => {
  // What OpenSSL would be asked to do by SSL_CTX_set_block_padding, by hand.
  const padded = (inner: Buffer) => {
    const header = Buffer.from([23, 3, 3, 0, inner.length + 16]);
    const cipher = createCipheriv('aes-128-gcm', keyOf(16), IV).setAAD(header);
    return Buffer.concat([header, cipher.update(inner), cipher.final(), cipher.getAuthTag()]);
  };
  t.equal(open(pair()[1], padded(Buffer.from('hello\x17\0\0\0\0'))).content.toString(), 'hello');
  t.equal(open(pair()[1], padded(Buffer.alloc(5))).status, -EPROTO);
});

t.test('another key, counted from 0', async (t) => {
  const [sender, receiver] = pair(3);
  for (const cipher of [sender, receiver])
    t.equal(cipher.rekey(Buffer.alloc(16, 'n'), Buffer.alloc(12, 'i')), 0);
  const record = seal(sender, Buffer.from('again'));
  t.equal(open(receiver, record).content.toString(), 'again');
  const fresh = new RecordCipher(0x1301, Buffer.alloc(16, 'n'), Buffer.alloc(12, 'i'));
  t.equal(open(fresh, record).content.toString(), 'again');
});

t.test('closed, it answers EBADF; closing twice is harmless', async (t) => {
  const [cipher] = pair();
  cipher.close();
  cipher.close();
  t.equal(cipher.seal(Buffer.alloc(1), 0, 1, DATA, Buffer.alloc(100), 0), -EBADF);
  t.equal(open(cipher, Buffer.alloc(100)).status, -EBADF);
  t.equal(cipher.rekey(keyOf(16), IV), -EBADF);
});

t.test('a caller with a bug is told so', async (t) => {
  t.throws(() => new RecordCipher(0x1300, keyOf(16), IV), RangeError);
  t.throws(() => new RecordCipher(0x1301, keyOf(32), IV), TypeError);
  t.throws(() => new RecordCipher(0x1301, keyOf(16), Buffer.alloc(11)), TypeError);
  t.throws(() => new RecordCipher(0x1301, keyOf(16), IV, -1), RangeError);
  const [cipher] = pair();
  t.throws(() => cipher.seal(Buffer.alloc(10), 0, 10, DATA, Buffer.alloc(31), 0), RangeError);
  t.throws(() => cipher.seal(Buffer.alloc(10), 0, 11, DATA, Buffer.alloc(100), 0), RangeError);
  t.throws(() => cipher.seal(Buffer.alloc(10), 0, 10, 0, Buffer.alloc(100), 0), RangeError);
  t.throws(
    () => cipher.open(Buffer.alloc(10), 0, 10, Buffer.alloc(10), 0, 11, new Int32Array(4)),
    RangeError,
  );
  t.throws(() => cipher.open(Buffer.alloc(10), 0, 10, Buffer.alloc(10), 0, 10, new Int32Array(3)), TypeError);
  t.throws(() => cipher.rekey(keyOf(15), IV), TypeError);
  t.throws(() => (RecordCipher as unknown as () => void)(), TypeError);
});
