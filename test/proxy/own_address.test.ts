/** Goal: an address that leads back to the proxy is known, in every spelling, and no other is taken for one. */
import { networkInterfaces } from 'node:os';
import t from 'tap';
import type { SocketAddress } from '../../src/core/address.ts';
import { leadsTo } from '../../src/proxy/own_address.ts';

const at = (host: string, port = 80): SocketAddress => ({ family: host.includes(':') ? 6 : 4, host, port });
const unix = (path: string): SocketAddress => ({ family: 'unix', path });

t.test('hosts, on the same port', async (t) => {
  for (const [dialled, listening, leads] of [
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.1', '0.0.0.0', true],
    ['127.0.0.1', '::', true],
    ['127.1.2.3', '0.0.0.0', true],
    ['127.1.2.3', '127.0.0.1', false],
    ['0.0.0.0', '127.0.0.1', true],
    ['0.0.0.0', '0.0.0.0', true],
    ['0.0.0.0', '192.0.2.1', false],
    ['::', '::1', true],
    ['::', '::', true],
    ['::', '0.0.0.0', false],
    ['::1', '::', true],
    ['::1', '0.0.0.0', false],
    ['::1', '127.0.0.1', false],
    ['0:0:0:0:0:0:0:1', '::1', true],
    ['::ffff:127.0.0.1', '127.0.0.1', true],
    ['::ffff:127.0.0.1', '0.0.0.0', true],
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.2', '192.0.2.1', false],
    ['192.0.2.1', '::', false],
    ['2001:DB8::1', '2001:db8:0::1', true],
    ['fe80::1%lo', 'fe80::1%2', true],
    ['fe80::2%lo', '::', false],
  ] as const) {
    t.equal(leadsTo(at(dialled), at(listening)), leads, `${dialled} with ${listening}`);
    t.equal(leadsTo(at(dialled, 81), at(listening)), false, 'another port is another program');
  }
});

t.test('every address that the machine has, when it listens on all', async (t) => {
  for (const own of Object.values(networkInterfaces()).flat()) {
    if (own === undefined) continue;
    const address = at(own.address);
    t.equal(leadsTo(address, at('::')), true, own.address);
    t.equal(leadsTo(address, at('0.0.0.0')), own.family === 'IPv4', own.address);
  }
});

t.test('Unix sockets', async (t) => {
  t.equal(leadsTo(unix('/tmp/a/../b'), unix('/tmp/b')), true);
  t.equal(leadsTo(unix('./b'), unix('b')), true);
  t.equal(leadsTo(unix('/tmp/a'), unix('/tmp/b')), false);
  t.equal(leadsTo(unix('\0b'), unix('\0b')), true);
  t.equal(leadsTo(unix('\0b'), unix('b')), false);
  t.equal(leadsTo(unix('/80'), at('::')), false);
  t.equal(leadsTo(at('::1'), unix('/80')), false);
});
