/** Goal: connections begin where they are told to, on both backends, and what cannot be is said in words. */
import { createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { AddressError } from '../../src/core/address.ts';
import { SlabPool } from '../../src/core/pool.ts';
import {
  addressOfDevice,
  familyProblem,
  formatLocalEnd,
  parseLocalEnd,
} from '../../src/layer/tcp/local_end.ts';
import { eventually } from '../helpers/settle.ts';
import { TRANSPORTS } from '../helpers/transports.ts';

t.test('addresses and names of interfaces', async (t) => {
  for (const [text, end] of [
    ['127.0.0.2', { family: 4, host: '127.0.0.2' }],
    ['::1', { family: 6, host: '::1' }],
    ['[::1]', { family: 6, host: '::1' }],
    ['fe80::1%eth0', { family: 6, host: 'fe80::1%eth0' }],
    ['eth0', { device: 'eth0' }],
    ['wlp0s20f3', { device: 'wlp0s20f3' }],
    ['eth0.100', { device: 'eth0.100' }],
    ['@strange-1', { device: '@strange-1' }],
  ] as const) {
    t.same(parseLocalEnd(text), end, text);
    t.same(parseLocalEnd(formatLocalEnd(parseLocalEnd(text))), end, `${text} again`);
  }
  for (const text of ['', '1.2.3', '10.0.0.256', 'a b', 'a/b', 'eth0:1', 'sixteen-letters-', '[eth0]', '..'])
    t.throws(() => parseLocalEnd(text), AddressError, text);
});

t.test('families', async (t) => {
  t.equal(familyProblem({ device: 'eth0' }, 6), null);
  t.equal(familyProblem({ family: 4, host: '1.2.3.4' }, 4), null);
  t.match(familyProblem({ family: 4, host: '1.2.3.4' }, 6)?.message, /1\.2\.3\.4 is an IPv4 address/);
  t.match(familyProblem({ device: 'eth0' }, 'unix')?.message, /a Unix socket has no way/);
});

t.test('the address of an interface, as the destination needs it', async (t) => {
  t.equal(addressOfDevice('lo', { family: 4, host: '127.0.0.9' }), '127.0.0.1');
  t.equal(addressOfDevice('no-such', { family: 4, host: '127.0.0.9' }), null);
});

/** Who came, by address. */
async function listening(t: Test): Promise<{ port: number; from: string[] }> {
  const from: string[] = [];
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    from.push(String(socket.remoteAddress));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as { port: number }).port, from };
}

for (const [name, make] of Object.entries(TRANSPORTS)) {
  t.test(name, async (t) => {
    const pool = new SlabPool();
    const transport = make(pool);

    t.test('from an address, and from an interface', async (t) => {
      const { port, from } = await listening(t);
      for (const [end, seen] of [
        [parseLocalEnd('127.0.0.77'), '127.0.0.77'],
        [parseLocalEnd('lo'), '127.0.0.1'],
      ] as const) {
        const pipe = transport.connect({ family: 4, host: '127.0.0.1', port }, { from: end });
        await eventually(
          'ready',
          () => pipe.ready,
          () => pipe.broken?.message,
        );
        await eventually(
          'accepted',
          () => from.includes(seen),
          () => from,
        );
        pipe.discard();
      }
    });

    t.test('from where there is nothing: broken, and says what there is', async (t) => {
      for (const [end, words] of [
        [
          '192.0.2.77',
          name === 'native'
            ? /no network interface .* has the address 192\.0\.2\.77; it has .*lo \(127/
            : /./,
        ],
        [
          'no-such',
          name === 'native' ? /no network interface 'no-such'; it has/ : /no-such is down, or has no IPv4/,
        ],
        ['::1', /::1 is an IPv6 address, and cannot reach an IPv4 one/],
      ] as const) {
        const pipe = transport.connect(
          { family: 4, host: '127.0.0.1', port: 9 },
          { from: parseLocalEnd(end) },
        );
        await eventually('broken', () => pipe.broken !== null);
        t.equal(pipe.broken?.code, 'address-invalid', end);
        t.match(pipe.broken?.message, words, end);
        pipe.discard();
      }
    });

    t.test('asked beforehand', async (t) => {
      for (const end of ['127.0.0.1', '127.0.0.77', 'lo'])
        t.equal(transport.localEndProblem(parseLocalEnd(end)), null, end);
      t.match(
        transport.localEndProblem(parseLocalEnd('192.0.2.77'))?.message,
        /has the address 192\.0\.2\.77; it has .*lo/,
      );
      t.match(transport.localEndProblem(parseLocalEnd('no-such'))?.message, /no network interface 'no-such'/);
    });

    t.test('congestion control', async (t) => {
      if (name === 'portable') {
        t.match(transport.congestionProblem('reno')?.message, /portable backend cannot choose/);
        return;
      }
      t.equal(transport.congestionProblem('reno'), null, 'every kernel has it, and lets everybody have it');
      t.match(
        transport.congestionProblem('no-such')?.message,
        /no congestion control 'no-such'; it has .*reno/,
      );
    });
  });
}
