/** Goal: whatever a stranger sends to -s, it is reset with a clear line in the log, and the next client is served. */

import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { openPath, type Path, startProxy, type TcpProxy } from '../helpers/e2e_proxy.ts';
import { dial, dialThrough, Target } from '../helpers/e2e_tcp.ts';
import { PAIR, PAIR_PORTABLE } from '../helpers/e2e_ways.ts';

t.setTimeout(900_000);

/** 1: too large a message; 2: no LEB128 at all; 3: an end in the middle. */
const TOO_LARGE = /a message of \d+ bytes, more than the \d+ that are accepted here \(--max-message\)/;
const NO_NUMBER = /the length of a message is not a LEB128 number/;
const CUT = /the stream ended in the middle of a message/;

interface Attack {
  readonly name: string;
  readonly bytes: Buffer;
  readonly fin?: boolean;
  readonly says: RegExp;
}

const ATTACKS: readonly Attack[] = [
  { name: 'a length over the maximum', bytes: Buffer.from([0x81, 0x80, 0x10]), says: TOO_LARGE },
  { name: 'the largest length of all', bytes: Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]), says: TOO_LARGE },
  { name: 'a length that never ends', bytes: Buffer.alloc(100, 0xff), says: NO_NUMBER },
  { name: 'a length of 2^32', bytes: Buffer.from([0x80, 0x80, 0x80, 0x80, 0x10]), says: NO_NUMBER },
  {
    name: 'garbage',
    bytes: Buffer.concat([Buffer.alloc(1, 0xff), randomBytes(200_000).map((b) => b | 0x80)]),
    says: NO_NUMBER,
  },
  {
    name: 'words',
    bytes: Buffer.from('hello, is this the right port?\r\n'),
    fin: true,
    says: /the stream ended in the middle of a message; the connection began with "hello, is this the right": is the other side a tcp-proxy, with the same -n\?/,
  },
  { name: 'an end in the middle of a length', bytes: Buffer.from([0x80]), fin: true, says: CUT },
  { name: 'an end in the middle of a message', bytes: Buffer.from([10, 1, 2, 3]), fin: true, says: CUT },
];

/** What a client that encrypts would begin with, too. */
const TLS_HELLO: Attack = {
  name: 'a TLS hello',
  bytes: Buffer.concat([Buffer.from('16030100f8010000f40303', 'hex'), Buffer.alloc(20, 0x7f)]),
  says: /the other side speaks TLS, not tcp-proxy's framing: it began with "\\x16\\x03\\x01/,
};

/** Told by their first six bytes, which -s looks at before it dials its target. */
const FOREIGN = [
  { protocol: 'HTTP', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: example.org\r\n\r\n') },
  { protocol: 'HTTP', bytes: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n') },
  { protocol: 'SSH', bytes: Buffer.from('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n') },
];

async function nextIsServed(t: Test, path: Path, target: Target): Promise<void> {
  const [app, far] = await dialThrough(t, path.port, target);
  app.fin('decent');
  t.equal(await far.over(), 'FIN');
  t.equal(far.text, 'decent');
  far.fin();
  t.equal(await app.over(), 'FIN');
}

for (const way of [PAIR, PAIR_PORTABLE]) {
  t.test(way.name, async (t) => {
    const target = await Target.listen(t);
    const path = await openPath(t, way, target.port);
    const server: TcpProxy = path.far;
    t.afterEach(() => path.idle());

    for (const { name, bytes, fin, says } of ATTACKS) {
      t.test(name, async (t) => {
        const from = server.lines.length;
        const stranger = await dial(t, server.port);
        stranger.write(bytes);
        if (fin) stranger.fin();
        const far = await target.next();
        t.equal(await stranger.over(5000), 'ECONNRESET');
        await server.line(new RegExp(`(closed|failed) after .*peer: ${says.source}`), from);
        t.equal(await far.over(), 'ECONNRESET', 'the target sees no end of stream');
        await nextIsServed(t, path, target);
      });
    }

    t.test('what is told by its first bytes never reaches the target', async (t) => {
      for (const { protocol, bytes } of FOREIGN) {
        const from = server.lines.length;
        const { count } = target;
        const stranger = await dial(t, server.port);
        stranger.write(bytes);
        t.equal(await stranger.over(5000), 'ECONNRESET');
        await server.line(new RegExp(`a connection from .* is refused: .*it speaks ${protocol}`), from);
        t.equal(target.count, count);
        await nextIsServed(t, path, target);
      }
    });

    t.test('a TLS hello: refused in words, before the target is dialled', async (t) => {
      const from = server.lines.length;
      const { count } = target;
      const stranger = await dial(t, server.port);
      stranger.write(TLS_HELLO.bytes);
      await server.line(
        /is refused: the server \(-s -n 0\) does not stripe: .*speaks TLS, as with --key/,
        from,
      );
      await stranger.over(5000);
      t.equal(target.count, count);
      await nextIsServed(t, path, target);
    });

    t.test('well-formed, a byte at a time, with empty messages in between', async (t) => {
      const stranger = await dial(t, server.port);
      const far = await target.next();
      for (const byte of [0, 0, 3, 0x61, 0x62, 0x63, 0, 0x82, 0x00, 0x64, 0x65, 0]) {
        stranger.write(Buffer.from([byte]));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await far.has(5);
      t.equal(far.text, 'abcde');
      stranger.fin();
      t.equal(await far.over(), 'FIN');
      far.fin();
      t.equal(await stranger.over(), 'FIN');
    });

    t.test(
      'hundreds of attacks, silent and unfinished ones among them, cost no memory that stays',
      async (t) => {
        target.onEnd = (end) => end.socket.on('end', () => end.socket.end());
        const round = async () => {
          const strangers = await Promise.all(Array.from({ length: 200 }, () => dial(t, server.port)));
          for (const [i, stranger] of strangers.entries()) {
            const attack = ATTACKS[i % ATTACKS.length];
            // Every third promises 256 KiB and sends one byte of it; all of them leave in the end.
            if (i % 3 === 0) stranger.write(Buffer.from([0x80, 0x80, 0x10, 0x00]));
            else if (i % 3 === 1 && attack) stranger.write(attack.bytes);
          }
          await new Promise((resolve) => setTimeout(resolve, 200));
          for (const stranger of strangers) stranger.reset();
          await path.idle();
          return server.rssKb;
        };
        await round();
        const first = await round();
        for (let i = 0; i < 4; i++) await round();
        const last = await round();
        t.ok(last - first < 40_000, `memory went from ${first} to ${last} KB`);
        target.onEnd = null;
        await nextIsServed(t, path, target);
      },
    );

    t.test('a hostile -s cannot harm -c either', async (t) => {
      const impostor = await Target.listen(t);
      const client = await startProxy(
        t,
        ['-c', '127.0.0.1:0', `127.0.0.1:${impostor.port}`, ...(way.args ?? [])],
        way,
      );
      for (const { name, bytes, fin, says } of [...ATTACKS, TLS_HELLO]) {
        const from = client.lines.length;
        const [app, peer] = await dialThrough(t, client.port, impostor);
        peer.write(bytes);
        if (fin) peer.fin();
        t.equal(await app.over(), 'ECONNRESET', name);
        await client.line(new RegExp(`closed after .*peer: ${says.source}`), from);
        t.equal(await peer.over(), 'ECONNRESET', name);
      }
      for (const { protocol, bytes } of FOREIGN) {
        const from = client.lines.length;
        const [app, peer] = await dialThrough(t, client.port, impostor);
        peer.write(bytes);
        t.equal(await app.over(), 'ECONNRESET', protocol);
        t.equal(app.text, '', 'nothing of it is taken for data');
        await client.line(
          new RegExp(`closed after .*peer: the other side speaks ${protocol}, not tcp-proxy's framing`),
          from,
        );
      }
      t.equal(await client.end(), 0);
    });
  });
}
