/**
 * Goal: certificates keep out whom they have to, alone and with a key; and whatever two sides do not agree on is said on both,
 * with what to change.
 */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { SlabPool } from '../../src/core/pool.ts';
import { tls } from '../helpers/certified.ts';
import { authority, issue } from '../helpers/pki.ts';
import { echo, type Part, type Side, start, through } from '../helpers/service_side.ts';
import { eventually } from '../helpers/settle.ts';
import { TRANSPORTS } from '../helpers/transports.ts';

t.setTimeout(300_000);

const DAY = 86_400_000;
const KEY = Buffer.alloc(32, 'the key of both sides');

const CA = authority('our authority');
const CLIENT_CA = authority('authority of the clients');
const STRANGER_CA = authority('authority of others');
const HERE = ['127.0.0.1'];
const SERVER = issue({ name: 'server', alt: ['server.example', ...HERE], use: 'server' }, CA);
const CLIENT = issue({ name: 'client 1', use: 'client' }, CLIENT_CA);
const ALONE = issue({ name: 'alone', alt: HERE });

interface Combination {
  readonly name: string;
  readonly client: Part;
  readonly server: Part;
}

const BETWEEN = authority('between', CA);
const FROM_BETWEEN = issue({ name: 'from between', alt: HERE }, BETWEEN);

const GOOD: readonly Combination[] = [
  { name: 'the server is known by its authority', client: tls({ ca: [CA] }), server: tls({ shows: SERVER }) },
  {
    name: 'both are',
    client: tls({ shows: CLIENT, ca: [CA] }),
    server: tls({ shows: SERVER, ca: [CLIENT_CA] }),
  },
  {
    name: 'both are, and have a key',
    client: tls({ shows: CLIENT, ca: [CA] }, { key: KEY }),
    server: tls({ shows: SERVER, ca: [CLIENT_CA] }, { key: KEY }),
  },
  {
    name: 'both are known by their pins alone',
    client: tls({ shows: ALONE, pins: [CLIENT, SERVER] }),
    server: tls({ shows: SERVER, pins: [ALONE] }),
  },
  {
    name: 'by authorities and pins',
    client: tls({ shows: CLIENT, ca: [STRANGER_CA, CA], pins: [SERVER] }),
    server: tls({ shows: SERVER, ca: [CLIENT_CA], pins: [CLIENT] }),
  },
  {
    name: 'a certificate between',
    client: tls({ ca: [CA] }),
    server: tls({ shows: [FROM_BETWEEN, BETWEEN] }),
  },
  {
    name: 'a self-signed certificate that the client was given',
    client: tls({ ca: [ALONE] }),
    server: tls({ shows: ALONE }),
  },
  {
    name: 'a name that was asked for',
    client: tls({ ca: [CA] }, { serverName: 'SERVER.example.' }),
    server: tls({ shows: SERVER }),
  },
];

for (const { name, client: near, server: far } of GOOD) {
  t.test(`${name}: apps are served`, async (t) => {
    for (const backend of ['native', 'portable'] as const) {
      const transport = () => ({ transport: TRANSPORTS[backend](new SlabPool()) });
      const target = await echo(t);
      const dial = { host: '127.0.0.1', port: target.port };
      const server = await start(t, { mode: 'server', dial, ...transport(), ...far });
      const peer = { host: '127.0.0.1', port: server.port };
      const client = await start(t, { mode: 'client', dial: peer, carriers: 3, ...transport(), ...near });
      const words = randomBytes(300_000);
      t.ok((await through(client.port, words)).equals(words));
      await eventually('all carriers', () =>
        client.service.carriers.every(({ carrier }) => carrier !== null),
      );
      t.notOk([...server.lines, ...client.lines].some((line) => /^(warn|error)/.test(line)));
      client.service.stop();
      server.service.stop();
    }
  });
}

interface Refused extends Combination {
  readonly words: RegExp;
  /** What the server says, where that is not the same. */
  readonly serverWords?: RegExp;
}

const TRUSTS: Part = tls({ ca: [CA] });
const PLAIN: Part = {};
const at = (from: number, until: number) => ({
  from: new Date(Date.now() + from * DAY),
  until: new Date(Date.now() + until * DAY),
});

const REFUSED: readonly Refused[] = [
  {
    name: 'a server of another authority',
    client: tls({ ca: [STRANGER_CA] }),
    server: tls({ shows: SERVER }),
    words:
      /the server's certificate, of server, is not signed by the client's --tls-ca: add its authority there/,
  },
  {
    name: 'no certificate between',
    client: TRUSTS,
    server: tls({ shows: FROM_BETWEEN }),
    words:
      /the server's certificate, of from between, is not signed by .*, or those between to its --tls-cert/,
  },
  {
    name: 'a self-signed certificate',
    client: TRUSTS,
    server: tls({ shows: ALONE }),
    words:
      /the server's certificate, of alone, is self-signed, and not in the client's --tls-ca: add it there/,
  },
  {
    name: 'another name',
    client: tls({ ca: [CA] }, { serverName: 'other.example' }),
    server: tls({ shows: SERVER }),
    words:
      /is for server\.example, 127\.0\.0\.1, and not for other\.example: give the client \(-c\) its --tls-name/,
  },
  {
    name: 'another address',
    client: TRUSTS,
    server: tls({ shows: issue({ name: '127.0.0.1', alt: ['127.0.0.2'] }, CA) }),
    words: /the server's certificate is for 127\.0\.0\.2, and not for 127\.0\.0\.1: /,
  },
  {
    name: 'a common name, but no other',
    client: TRUSTS,
    server: tls({ shows: issue({ name: '127.0.0.1' }, CA) }),
    words:
      /the server's certificate names nobody \(subjectAltName\), and not for 127\.0\.0\.1: it needs the name/,
  },
  {
    name: 'an expired server',
    client: TRUSTS,
    server: tls({ shows: issue({ name: 'old', alt: HERE, ...at(-9, -1) }, CA) }),
    words: /the server's certificate expired on \d{4}-\d\d-\d\d \d\d:\d\d UTC: renew it/,
  },
  {
    name: 'a server that is early',
    client: TRUSTS,
    server: tls({ shows: issue({ name: 'new', alt: HERE, ...at(1, 9) }, CA) }),
    words:
      /the server's certificate is not valid before \d{4}-.* UTC: it has to wait, or the client's clock is/,
  },
  {
    name: 'the certificate of a client',
    client: TRUSTS,
    server: tls({ shows: issue({ name: 'reversed', alt: HERE, use: 'client' }, CA) }),
    words: /the server's certificate, of reversed, is not meant for a TLS server/,
  },
  {
    name: 'another pin',
    client: tls({ ca: [CA], pins: [ALONE] }),
    server: tls({ shows: SERVER }),
    words:
      /the server's certificate has none of the client's --tls-pin: its own is sha256\/[A-Za-z0-9+/]{43}=/,
  },
  {
    name: 'another pin, and no authority',
    client: tls({ pins: [ALONE] }),
    server: tls({ shows: SERVER }),
    words: /the server's certificate has none of the client's --tls-pin/,
  },
  {
    name: 'a client without a certificate',
    client: TRUSTS,
    server: tls({ shows: SERVER, ca: [CLIENT_CA] }),
    words:
      /the server \(-s\) wants a certificate of the client \(-c\): give the client --tls-cert and --tls-key/,
  },
  {
    name: 'a client without a certificate, where pins are wanted',
    client: TRUSTS,
    server: tls({ shows: SERVER, pins: [CLIENT] }),
    words:
      /the server \(-s\) wants a certificate of the client \(-c\): give the client --tls-cert and --tls-key/,
  },
  {
    name: 'a client of another authority',
    client: tls({ shows: issue({ name: 'stranger' }, STRANGER_CA), ca: [CA] }),
    server: tls({ shows: SERVER, ca: [CLIENT_CA] }),
    words:
      /the client's certificate, of stranger, is not signed by the server's --tls-client-ca: add its authority/,
  },
  {
    name: 'a client with another pin',
    client: tls({ shows: CLIENT, ca: [CA] }),
    server: tls({ shows: SERVER, pins: [ALONE] }),
    words: /the client's certificate has none of the server's --tls-pin: its own is sha256\//,
  },
  {
    name: 'an expired client',
    client: tls({ shows: issue({ name: 'old', ...at(-9, -1) }, CLIENT_CA), ca: [CA] }),
    server: tls({ shows: SERVER, ca: [CLIENT_CA] }),
    words:
      /the client's certificate expired on .* UTC: renew it \(its --tls-cert\), or the server's clock is wrong/,
  },
  {
    name: 'a client that is early',
    client: tls({ shows: issue({ name: 'new', ...at(1, 9) }, CLIENT_CA), ca: [CA] }),
    server: tls({ shows: SERVER, ca: [CLIENT_CA] }),
    words: /the client's certificate is not valid before .* UTC/,
  },
  {
    name: 'the certificate of a server at a client',
    client: tls({ shows: issue({ name: 'reversed', use: 'server' }, CLIENT_CA), ca: [CA] }),
    server: tls({ shows: SERVER, ca: [CLIENT_CA] }),
    words: /the client's certificate, of reversed, is not meant for a TLS client/,
  },
  {
    name: 'TLS to plain',
    client: TRUSTS,
    server: PLAIN,
    words:
      /the client \(-c\) speaks TLS, as with --key or --tls-ca; the server \(-s\) has no key: .*--tls-cert to the/,
  },
  {
    name: 'TLS to a server that does not stripe',
    client: TRUSTS,
    server: { carriers: 0 },
    words: /the server \(-s -n 0\) does not stripe: leave out its -n 0/,
  },
  {
    name: 'plain to TLS',
    client: PLAIN,
    server: tls({ shows: SERVER }),
    words: /the server \(-s\) has --tls-cert, and the client \(-c\) speaks no TLS: give the client --tls-ca/,
  },
  {
    name: 'a key that does not encrypt, to TLS',
    client: { key: KEY, encrypt: false },
    server: tls({ shows: SERVER }, { key: KEY }),
    words: /the server \(-s\) has --tls-cert, and the client \(-c\) speaks no TLS: give the client --tls-ca/,
  },
  {
    name: 'a key to certificates',
    client: { key: KEY },
    server: tls({ shows: SERVER }),
    words: /the server \(-s\) has --tls-cert, the client \(-c\) --key alone: give both sides the same --tls-/,
    serverWords:
      /the client \(-c\) has --key alone, the server \(-s\) --tls-cert: give both sides the same --tls-/,
  },
  {
    name: 'a key to certificates and the key',
    client: { key: KEY },
    server: tls({ shows: SERVER, ca: [CLIENT_CA] }, { key: KEY }),
    words: /the server \(-s\) has --tls-cert, the client \(-c\) --key alone: give both sides the same --tls-/,
    serverWords:
      /the client \(-c\) has --key alone, the server \(-s\) --tls-cert: give both sides the same --tls-/,
  },
  {
    name: 'certificates to a key',
    client: TRUSTS,
    server: { key: KEY },
    words: /the server \(-s\) shows no certificate, as with --key alone: give both sides the same --tls-/,
    serverWords:
      /it speaks TLS, but not as a tcp-proxy with a key does: give both sides the same --key, or both/,
  },
  {
    name: 'certificates at both, and a key at the client',
    client: tls({ ca: [CA] }, { key: KEY }),
    server: tls({ shows: SERVER }),
    words: /the client \(-c\) has a key, the server \(-s\) none: give both the same --key file/,
  },
  {
    name: 'certificates at both, and a key at the server',
    client: TRUSTS,
    server: tls({ shows: SERVER }, { key: KEY }),
    words: /the server \(-s\) has a key, the client \(-c\) none: give both the same --key file/,
  },
  {
    name: 'certificates at both, and two keys',
    client: tls({ ca: [CA] }, { key: Buffer.alloc(32, 'another') }),
    server: tls({ shows: SERVER }, { key: KEY }),
    words: /the keys differ: give both sides the same --key file/,
  },
];

for (const { name, client: near, server: far, words, serverWords = words } of REFUSED) {
  t.test(`${name}: both say so, and the target hears nothing`, async (t) => {
    for (const backend of ['native', 'portable'] as const) {
      const transport = () => ({ transport: TRANSPORTS[backend](new SlabPool()) });
      const target = await echo(t);
      const dial = { host: '127.0.0.1', port: target.port };
      const server = await start(t, { mode: 'server', dial, ...transport(), ...far });
      const peer = { host: '127.0.0.1', port: server.port };
      const client = await start(t, { mode: 'client', dial: peer, carriers: 2, ...transport(), ...near });
      const says = ({ lines }: Side, begin: RegExp, what: RegExp) =>
        eventually(
          `a line like ${what} (${backend})`,
          () => lines.some((line) => begin.test(line) && what.test(line)),
          () => [client.lines, server.lines],
        );
      await says(
        client,
        /^error 127\.0\.0\.1:\d+( refuses)?: .*app connections are reset until that is set right/,
        words,
      );
      await says(
        server,
        /^warn {2}(a connection from 127\.0\.0\.1:\d+ is refused|127\.0\.0\.1:\d+ refuses us): /,
        serverWords,
      );
      const app = connect(client.port, '127.0.0.1');
      const [error] = (await once(app, 'error')) as [NodeJS.ErrnoException];
      t.equal(error.code, 'ECONNRESET');
      t.equal(target.count(), 0);
      client.service.stop();
      server.service.stop();
    }
  });
}
