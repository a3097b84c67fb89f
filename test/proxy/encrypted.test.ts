/** Goal: with a key, carriers are encrypted; and whatever two sides do not agree on is said on both, with what to change. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import t from 'tap';
import { SlabPool } from '../../src/core/pool.ts';
import { echo, type Part, type Side, start, through } from '../helpers/service_side.ts';
import { eventually } from '../helpers/settle.ts';
import { TRANSPORTS } from '../helpers/transports.ts';

t.setTimeout(300_000);

const KEY = Buffer.alloc(32, 'the key of both sides');
const OTHER_KEY = Buffer.alloc(32, 'another one');

for (const [near, far] of [
  ['native', 'native'],
  ['portable', 'native'],
  ['native', 'portable'],
] as const) {
  t.test(`bytes through an encrypted pair, ${near} to ${far}`, async (t) => {
    const target = await echo(t);
    const server = await start(t, {
      mode: 'server',
      dial: { host: '127.0.0.1', port: target.port },
      transport: TRANSPORTS[far](new SlabPool()),
      key: KEY,
    });
    const client = await start(t, {
      mode: 'client',
      dial: { host: '127.0.0.1', port: server.port },
      transport: TRANSPORTS[near](new SlabPool()),
      key: KEY,
      carriers: 3,
    });
    await eventually('all carriers', () => client.service.carriers.every(({ carrier }) => carrier !== null));
    const words = Buffer.alloc(3_000_000, 'some words that are repeated. ');
    const answers = await Promise.all(Array.from({ length: 5 }, () => through(client.port, words)));
    for (const answer of answers) t.ok(answer.equals(words));
    const windows = client.service.carriers.map(({ carrier }) => carrier?.cwndBytes ?? 0);
    t.ok(
      windows.every((bytes) => (near === 'native' ? bytes > 0 : bytes === 0)),
      'the kernel is asked of the socket below',
    );
  });
}

/** What a side is started with, and what the one and the other say then. */
interface Combination {
  readonly name: string;
  readonly client: Part;
  readonly server: Part;
  readonly words: RegExp;
}

const ENCRYPTS: Part = { key: KEY };
const KEYED_ONLY: Part = { key: KEY, encrypt: false };
const OPEN: Part = {};

const COMBINATIONS: readonly Combination[] = [
  {
    name: 'another key',
    client: { key: OTHER_KEY },
    server: ENCRYPTS,
    words: /the keys differ: give both sides the same --key file/,
  },
  {
    name: 'another key, not encrypted',
    client: { key: OTHER_KEY, encrypt: false },
    server: KEYED_ONLY,
    words: /the keys differ: give both sides the same --key file/,
  },
  {
    name: 'only the client has a key',
    client: ENCRYPTS,
    server: OPEN,
    words:
      /the client \(-c\) speaks TLS, as with --key or --tls-ca; the server \(-s\) has no key: give both the same --key/,
  },
  {
    name: 'only the client has a key, and the server takes those that stripe only',
    client: ENCRYPTS,
    server: { carriers: 1 },
    words:
      /the client \(-c\) speaks TLS, as with --key or --tls-ca; the server \(-s\) has no key: give both the same --key/,
  },
  {
    name: 'only the client has a key, not encrypted',
    client: KEYED_ONLY,
    server: OPEN,
    words: /the client \(-c\) has a key, the server \(-s\) none: give both the same --key file/,
  },
  {
    name: 'only the server has a key',
    client: OPEN,
    server: ENCRYPTS,
    words: /the server \(-s\) has a key, the client \(-c\) none: give both the same --key file/,
  },
  {
    name: 'only the server has a key, not encrypted',
    client: OPEN,
    server: KEYED_ONLY,
    words: /the server \(-s\) has a key, the client \(-c\) none: give both the same --key file/,
  },
  {
    name: 'only the client has --no-encrypt',
    client: KEYED_ONLY,
    server: ENCRYPTS,
    words: /the client \(-c\) has --no-encrypt, the server \(-s\) has not: give it to both, or to neither/,
  },
  {
    name: 'only the server has --no-encrypt',
    client: ENCRYPTS,
    server: KEYED_ONLY,
    words:
      /speaks TLS, as with --key or --tls-ca; the server \(-s\) has --no-encrypt: give it to both, or to neither/,
  },
  {
    name: 'a server that does not stripe',
    client: ENCRYPTS,
    server: { carriers: 0 },
    words: /the server \(-s -n 0\) does not stripe: leave out its -n 0, .*speaks TLS, as with --key/,
  },
];

for (const { name, client: near, server: far, words } of COMBINATIONS) {
  t.test(`${name}: both say the same, and the target hears nothing`, async (t) => {
    for (const backend of ['native', 'portable'] as const) {
      const target = await echo(t);
      const transport = () => ({ transport: TRANSPORTS[backend](new SlabPool()) });
      const server = await start(t, {
        mode: 'server',
        dial: { host: '127.0.0.1', port: target.port },
        ...transport(),
        ...far,
      });
      const client = await start(t, {
        mode: 'client',
        dial: { host: '127.0.0.1', port: server.port },
        carriers: 2,
        ...transport(),
        ...near,
      });
      const says = ({ lines }: Side, begin: RegExp) =>
        eventually(
          `a line like ${words}`,
          () => lines.some((line) => begin.test(line) && words.test(line)),
          () => lines,
        );
      await says(
        client,
        /^error 127\.0\.0\.1:\d+( refuses)?: .*app connections are reset until that is set right/,
      );
      await says(
        server,
        /^warn {2}(a connection from 127\.0\.0\.1:\d+ is refused|127\.0\.0\.1:\d+ refuses us): /,
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

t.test('keys and --no-encrypt that agree', async (t) => {
  for (const part of [ENCRYPTS, KEYED_ONLY, OPEN]) {
    const target = await echo(t);
    const server = await start(t, {
      mode: 'server',
      dial: { host: '127.0.0.1', port: target.port },
      ...part,
    });
    const client = await start(t, {
      mode: 'client',
      dial: { host: '127.0.0.1', port: server.port },
      carriers: 2,
      ...part,
    });
    t.equal((await through(client.port, Buffer.from('hello'))).toString(), 'hello');
  }
});

t.test(
  'an alert forged in the clear, when the peer is known: it is tried again soon, and apps wait',
  async (t) => {
    const target = await echo(t);
    const server = await start(t, {
      mode: 'server',
      dial: { host: '127.0.0.1', port: target.port },
      key: KEY,
    });
    let forge = false;
    let forged = 0;
    const there = new Set<Socket>();
    const path = createServer((near) => {
      if (forge) {
        forged++;
        // handshake_failure (RFC 8446, section 6), as a server without our PSK says it.
        near.once('data', () => near.end(Buffer.from([0x15, 3, 3, 0, 2, 2, 40])));
        near.on('error', () => {});
        return;
      }
      const far = connect({ port: server.port, host: '127.0.0.1' });
      near.pipe(far).pipe(near);
      for (const socket of [near, far]) {
        there.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          near.destroy();
          far.destroy();
        });
      }
    }).listen(0, '127.0.0.1');
    await once(path, 'listening');
    t.teardown(() => {
      for (const socket of there) socket.destroy();
      path.close();
    });
    const { port } = path.address() as AddressInfo;
    const client = await start(t, {
      mode: 'client',
      dial: { host: '127.0.0.1', port },
      key: KEY,
      carriers: 1,
      connectTimeoutMs: 60_000,
    });
    t.equal((await through(client.port, Buffer.from('before'))).toString(), 'before');
    forge = true;
    for (const socket of there) socket.destroy();
    await eventually('three are forged', () => forged >= 3);
    const waiting = through(client.port, Buffer.from('during'));
    await eventually('and the next', () => forged >= 4);
    forge = false;
    t.equal((await waiting).toString(), 'during', 'the app had to wait, and no more');
    t.ok(client.lines.some((line) => /keys differ.*it is tried again, and app connections wait/.test(line)));
    t.notOk(client.lines.some((line) => /new app connections are reset/.test(line)));
  },
);
