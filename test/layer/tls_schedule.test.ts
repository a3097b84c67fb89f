/**
 * Goal: keys follow from secrets as RFC 8446 says: against the traces of RFC 8448, and against what OpenSSL makes of a secret.
 */
import t from 'tap';
import {
  expandLabel,
  exported,
  nextSecret,
  SUITES,
  type Suite,
  trafficKey,
} from '../../src/layer/tls/schedule.ts';
import { NODE } from '../helpers/tls_pair.ts';
import { TlsWire } from '../helpers/tls_wire.ts';

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ''), 'hex');
const AES128 = SUITES.TLS_AES_128_GCM_SHA256 as Suite;

t.test('RFC 8448, section 3: application traffic of the server and of the client', async (t) => {
  const server = hex(
    'a1 1a f9 f0 55 31 f8 56 ad 47 11 6b 45 a9 50 32 82 04 b4 f4 4b fb 6b 3a 4b 4f 1f 3f cb 63 16 43',
  );
  const client = hex(
    '9e 40 64 6c e7 9a 7f 9d c0 5a f8 88 9b ce 65 52 87 5a fa 0b 06 df 00 87 f7 92 eb b7 c1 75 04 a5',
  );
  t.same(trafficKey(AES128, server), {
    key: hex('9f 02 28 3b 6c 9c 07 ef c2 6b b9 f2 ac 92 e3 56'),
    iv: hex('cf 78 2b 88 dd 83 54 9a ad f1 e9 84'),
  });
  t.same(trafficKey(AES128, client), {
    key: hex('17 42 2d da 59 6e d5 d9 ac d8 90 e3 c6 3f 50 51'),
    iv: hex('5b 78 92 3d ee 08 57 90 33 e5 23 d9'),
  });
});

t.test('lengths beyond one block of the hash', async (t) => {
  const secret = Buffer.alloc(32, 7);
  const none = Buffer.alloc(0);
  for (const length of [0, 1, 31, 32, 33, 64, 65, 255])
    t.equal(expandLabel(AES128, secret, 'x', none, length).length, length);
  t.notSame(nextSecret(AES128, secret), secret);
  t.equal(nextSecret(SUITES.TLS_AES_256_GCM_SHA384 as Suite, Buffer.alloc(48)).length, 48);
});

t.test(
  'what is exported is what OpenSSL exports, with the addon at one end and node:tls at the other',
  async (t) => {
    for (const bytes of [16, 32, 100]) {
      const wire = new TlsWire({}, NODE);
      await wire.shakeHands();
      const [near, far] = [wire.client, wire.server].map(({ pipe }) =>
        (pipe as unknown as { exportKey: (label: string, bytes: number) => Buffer }).exportKey(
          'EXPORTER-test',
          bytes,
        ),
      );
      t.ok(near?.equals(far as Buffer), `${bytes} bytes`);
      t.equal(near?.length, bytes);
      wire.end();
    }
    t.notSame(exported(AES128, Buffer.alloc(32, 1), 'a', 32), exported(AES128, Buffer.alloc(32, 1), 'b', 32));
  },
);
