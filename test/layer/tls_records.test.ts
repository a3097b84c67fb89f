/** Goal: keys are changed in time and as the peer wants it, with OpenSSL at the other end too; and who says what is not due is let go. */
import t from 'tap';
import { SlabPool } from '../../src/core/pool.ts';
import { ALERT, HANDSHAKE, readAlert, readHandshake, sealedBytes } from '../../src/layer/tls/codec.ts';
import { Protection } from '../../src/layer/tls/protection.ts';
import { RecordPipe } from '../../src/layer/tls/records.ts';
import { SUITES, type Suite } from '../../src/layer/tls/schedule.ts';
import { memoryPair } from '../../src/pipe/memory.ts';
import { loadAddon, type RecordCipherClass } from '../../src/sys/addon.ts';
import { PipeEnd } from '../helpers/pipe_end.ts';
import { Random, SEED } from '../helpers/random.ts';
import { passes } from '../helpers/settle.ts';
import { NATIVE, NODE } from '../helpers/tls_pair.ts';
import { TlsWire } from '../helpers/tls_wire.ts';

const Cipher = loadAddon()?.RecordCipher as RecordCipherClass;
const AES128 = SUITES.TLS_AES_128_GCM_SHA256 as Suite;
const KEY_UPDATE = 24;

const protection = (name: string) => new Protection(Cipher, AES128, Buffer.alloc(32, name));

/** A RecordPipe, and somebody who has the right keys and says with them what he likes. */
function against() {
  const pool = new SlabPool();
  const [near, far] = memoryPair('bytes', { capacity: 2 ** 20 });
  const options = { sending: protection('ours'), receiving: protection('theirs'), mostRecords: 1000, pool };
  const end = new PipeEnd(new RecordPipe(near, options), pool);
  const sealing = protection('theirs');
  const opening = protection('ours');
  return {
    end,
    far,
    sealing,
    say(type: number, content: Uint8Array) {
      const chunk = pool.take(sealedBytes(content.length));
      sealing.cipher.seal(content, 0, content.length, type, chunk.memory, chunk.start);
      far.send(chunk);
    },
    /** What it says: types, and content. */
    heard() {
      const heard: { type: number; content: string }[] = [];
      for (let chunk = far.recv(); chunk !== null; chunk = far.recv()) {
        const content = Buffer.alloc(chunk.length);
        const result = new Int32Array(4);
        while (chunk.length > 0) {
          const status = opening.cipher.open(
            chunk.memory,
            chunk.start,
            chunk.length,
            content,
            0,
            content.length,
            result,
          );
          const [used = 0, opened = 0, type = 0, rest = 0] = result;
          if (status !== 0 || used === 0) throw new Error(`it said what cannot be opened: ${status}`);
          if (opened > 0) heard.push({ type: 23, content: content.toString('latin1', 0, opened) });
          if (type > 0) heard.push({ type, content: content.toString('hex', opened, opened + rest) });
          if (type === HANDSHAKE && content[opened] === KEY_UPDATE) opening.update();
          chunk.consume(used);
        }
        chunk.release();
      }
      return heard;
    },
  };
}

t.test('keys that may protect little are changed often, and either kind of peer follows', async (t) => {
  for (const [near, far] of [
    [NATIVE, NATIVE],
    [NATIVE, NODE],
    [NODE, NATIVE],
  ] as const) {
    const wire = new TlsWire({ ...near, mostRecords: 5 }, { ...far, mostRecords: 5 });
    await wire.shakeHands();
    const random = new Random(SEED);
    for (const [from, to] of [
      [wire.client, wire.server],
      [wire.server, wire.client],
    ] as const) {
      const sent = random.bytes(700_000);
      for (let at = 0; at < sent.length; at += 50_000) {
        await from.send(sent.subarray(at, at + 50_000));
        await to.recvBytes(at + 50_000);
      }
      t.ok(to.bytes.equals(sent), `SEED=${SEED}`);
      t.same([from.pipe.broken, to.pipe.broken], [null, null]);
    }
    wire.end();
  }
});

t.test('a peer that wants our key changed gets that in front of what is said next, once', async (t) => {
  const { end, sealing, say, heard } = against();
  say(HANDSHAKE, Uint8Array.of(KEY_UPDATE, 0, 0, 1, 1));
  sealing.update();
  say(HANDSHAKE, Uint8Array.of(KEY_UPDATE, 0, 0, 1, 1));
  sealing.update();
  say(23, Buffer.from('under the third key'));
  t.ok(await end.recvBytes(19));
  t.equal(end.bytes.toString(), 'under the third key');
  t.same(heard(), [], 'nothing for itself');
  await end.send(Buffer.from('one'));
  await end.send(Buffer.from('two'));
  t.same(heard(), [
    { type: HANDSHAKE, content: '1800000100' },
    { type: 23, content: 'one' },
    { type: 23, content: 'two' },
  ]);
  end.pipe.discard();
});

t.test('session tickets are nothing to a consumer', async (t) => {
  const { end, say } = against();
  const ticket = Buffer.concat([Buffer.from([4, 0, 0, 70]), Buffer.alloc(70, 1)]);
  say(HANDSHAKE, ticket);
  say(HANDSHAKE, Buffer.concat([ticket, ticket]));
  await passes(3);
  t.equal(end.pipe.readable, false);
  say(23, Buffer.from('data'));
  await end.until('readable', () => end.pipe.readable);
  t.equal(end.pipe.recv()?.view().toString(), 'data');
  end.pipe.discard();
});

t.test('what is not due, under the right key: it is told so, and reset', async (t) => {
  const cases: Record<string, [number, Uint8Array]> = {
    'another handshake': [HANDSHAKE, Uint8Array.of(1, 0, 0, 0)],
    'a certificate request': [HANDSHAKE, Uint8Array.of(13, 0, 0, 0)],
    'half a message': [HANDSHAKE, Uint8Array.of(KEY_UPDATE, 0, 0)],
    'an update of another kind': [HANDSHAKE, Uint8Array.of(KEY_UPDATE, 0, 0, 1, 2)],
    'something behind an update': [HANDSHAKE, Uint8Array.of(KEY_UPDATE, 0, 0, 1, 0, 4, 0, 0, 0)],
    'a change of ciphers': [20, Uint8Array.of(1)],
    'a record of an unknown type': [99, Uint8Array.of(1)],
  };
  for (const [name, [type, content]] of Object.entries(cases)) {
    const { end, far, say, heard } = against();
    say(23, Buffer.from('before'));
    say(type, content);
    say(23, Buffer.from('behind'));
    t.equal(await end.recvToEnd(), 'broken', name);
    t.match(end.pipe.broken, { code: 'malformed', message: /unexpected message/ });
    t.equal(end.bytes.toString(), 'before');
    t.same(heard(), [{ type: ALERT, content: '020a' }]);
    t.not(far.broken, null);
    end.pipe.discard();
    far.discard();
  }
});

t.test('alerts: an end, nothing, or a failure in words', async (t) => {
  const { end, say } = against();
  say(ALERT, Uint8Array.of(1, 90));
  say(ALERT, Uint8Array.of(1, 0));
  t.equal(await end.recvToEnd(), 'fin');
  t.equal(end.pipe.broken, null);
  end.pipe.discard();
  const other = against();
  other.say(ALERT, Uint8Array.of(2, 20));
  t.match(await other.end.recvToEnd(), 'broken');
  t.match(other.end.pipe.broken, { code: 'malformed', message: /alert bad record mac/ });
  other.end.pipe.discard();
  t.same(readAlert(Uint8Array.of(2)), { failure: 'an alert that is none' });
  t.same(readAlert(Uint8Array.of(2, 200)), { failure: 'alert 200' });
  t.equal(readHandshake(new Uint8Array(0)), null);
});

t.test('records that bring nothing, without end', async (t) => {
  const { end, say } = against();
  for (let i = 0; i < 300; i++) say(23, new Uint8Array(0));
  t.equal(await end.recvToEnd(), 'broken');
  t.match(end.pipe.broken, { code: 'malformed', message: /records without data/ });
  end.pipe.discard();
});
