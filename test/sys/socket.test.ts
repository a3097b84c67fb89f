import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { SocketAddress } from '../../src/core/address.ts';
import {
  EADDRNOTAVAIL,
  EAGAIN,
  EBADF,
  ECONNREFUSED,
  ECONNRESET,
  EINPROGRESS,
  EINVAL,
  ENAMETOOLONG,
  ENODEV,
  ENOTCONN,
  EPIPE,
} from '../../src/sys/errno.ts';
import { POLL_ERR, POLL_HUP, POLL_IN, POLL_OUT, POLL_RDHUP } from '../../src/sys/poller.ts';
import { bindSocket, localAddressOf, peerAddressOf } from '../../src/sys/socket.ts';
import { addon, ok, type Sockets, sysTest, V4, V6 } from './support.ts';

/** Both directions, and a FIN each way that leaves the other direction alone. */
async function converse(t: Test, sockets: Sockets, client: number, server: number): Promise<void> {
  const { send, shutdownWrite } = addon;
  t.equal(send(client, Buffer.from('..question..'), 2, 8), 8);
  t.equal((await sockets.recvSome(server, 8)).toString(), 'question');
  t.equal(shutdownWrite(client), 0);
  t.same(await sockets.recvAll(server), { bytes: Buffer.alloc(0), end: 0 }, 'FIN, and nothing before it');
  t.equal(send(server, Buffer.from('answer'), 0, 6), 6, 'half open, the other way still works');
  t.equal(shutdownWrite(server), 0);
  t.same(await sockets.recvAll(client), { bytes: Buffer.from('answer'), end: 0 });
}

for (const [name, address] of [
  ['IPv4', V4],
  ['IPv6', V6],
] as const) {
  sysTest(`${name}: connect, addresses, data and FIN both ways`, async (t, sockets) => {
    const listener = sockets.listen(address);
    const { client, server } = await sockets.connectTo(listener.fd, listener.address);
    t.same(peerAddressOf(addon, client), listener.address);
    t.same(localAddressOf(addon, server), listener.address);
    t.same(peerAddressOf(addon, server), localAddressOf(addon, client));
    t.match(localAddressOf(addon, client), {
      family: address.family,
      host: 'host' in address && address.host,
    });
    await converse(t, sockets, client, server);
  });
}

sysTest('dual stack: an IPv4 peer of an IPv6 listener is reported as IPv4', async (t, sockets) => {
  const listener = sockets.listen({ family: 6, host: '::', port: 0 }, (fd) => {
    ok(addon.setOption(fd, addon.options.v6Only, 0), 'v6Only');
  });
  t.match(listener.address, { family: 6, host: '::' });
  const { port } = listener.address as { port: number };
  const four = await sockets.connectTo(listener.fd, { family: 4, host: '127.0.0.1', port });
  t.match(peerAddressOf(addon, four.server), { family: 4, host: '127.0.0.1' });
  t.same(localAddressOf(addon, four.server), { family: 4, host: '127.0.0.1', port });
  const six = await sockets.connectTo(listener.fd, { family: 6, host: '::1', port });
  t.match(peerAddressOf(addon, six.server), { family: 6, host: '::1' });
  await converse(t, sockets, four.client, four.server);
});

sysTest('v6Only keeps IPv4 peers out', async (t, sockets) => {
  const listener = sockets.listen({ family: 6, host: '::', port: 0 }, (fd) => {
    ok(addon.setOption(fd, addon.options.v6Only, 1), 'v6Only');
  });
  const { port } = listener.address as { port: number };
  const client = sockets.own(addon.socket(4));
  t.equal(addon.connect(client, 4, '127.0.0.1', port), -EINPROGRESS);
  t.ok((await sockets.wait(client, POLL_OUT)) & POLL_ERR);
  t.equal(addon.socketError(client), -ECONNREFUSED);
  t.equal(addon.socketError(client), 0, 'asking takes the error');
});

sysTest('Unix sockets, by path and abstract', async (t, sockets) => {
  const directory = mkdtempSync(join(tmpdir(), 'tcp-striper-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  for (const path of [join(directory, 'socket'), `\0tcp-striper-${process.pid}\0end`]) {
    const listener = sockets.listen({ family: 'unix', path });
    t.same(listener.address, { family: 'unix', path });
    const { client, server } = await sockets.connectTo(listener.fd, listener.address);
    t.same(peerAddressOf(addon, client), { family: 'unix', path });
    t.same(peerAddressOf(addon, server), { family: 'unix', path: '' });
    await converse(t, sockets, client, server);
  }
});

sysTest('addresses that cannot be', async (t, sockets) => {
  const four = sockets.own(addon.socket(4));
  const six = sockets.own(addon.socket(6));
  const unix = sockets.own(addon.socket(1));
  for (const host of ['localhost', '', '1.2.3', '1.2.3.4.5', '::1', '127.0.0.1 ', '127.0.0.1\0.5']) {
    t.equal(addon.bind(four, 4, host, 0), -EINVAL, JSON.stringify(host));
    t.equal(addon.connect(four, 4, host, 1), -EINVAL, JSON.stringify(host));
  }
  for (const host of ['localhost', '', '127.0.0.1', '[::1]', ':::', '::1\0%lo']) {
    t.equal(addon.bind(six, 6, host, 0), -EINVAL, JSON.stringify(host));
  }
  for (const host of ['fe80::1%', 'fe80::1%no-such-if', 'fe80::1%0', 'fe80::1%99999999999', 'fe80::1%1x']) {
    t.equal(addon.bind(six, 6, host, 0), -ENODEV, JSON.stringify(host));
  }
  t.equal(addon.bind(four, 4, '192.0.2.1', 0), -EADDRNOTAVAIL);
  t.equal(addon.bind(unix, 1, '', 0), -EINVAL);
  t.equal(addon.bind(unix, 1, 'with\0nul', 0), -EINVAL);
  t.equal(addon.bind(unix, 1, `/tmp/${'x'.repeat(200)}`, 0), -ENAMETOOLONG);
  t.equal(addon.connect(unix, 1, `\0${'x'.repeat(108)}`, 0), -ENAMETOOLONG);
  t.equal(addon.bind(unix, 1, `\0${process.pid}${'x'.repeat(107)}`.slice(0, 108), 0), 0, '108 bytes fit');
  t.equal(bindSocket(addon, four, { family: 4, host: '127.0.0.1', port: 65536 }), -EINVAL);
  t.equal(addon.peerAddress(four), -ENOTCONN);
});

sysTest('a path of 107 bytes fits, 108 do not', async (t, sockets) => {
  const directory = mkdtempSync(join(tmpdir(), 'tcp-striper-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'x'.repeat(200)).slice(0, 107);
  const { address } = sockets.listen({ family: 'unix', path });
  t.same(address, { family: 'unix', path });
  const other = sockets.own(addon.socket(1));
  t.equal(addon.bind(other, 1, `${path}y`, 0), -ENAMETOOLONG);
});

sysTest('a link-local address keeps its scope, by name and by number', async (t, sockets) => {
  for (const host of ['fe80::1%lo', 'fe80::1%1']) {
    const fd = sockets.own(addon.socket(6));
    // No interface need own the address.
    t.equal(addon.setOption(fd, addon.options.freeBind, 1), 0);
    t.equal(addon.bind(fd, 6, host, 0), 0, host);
    t.match(localAddressOf(addon, fd), { family: 6, host: 'fe80::1%lo' } satisfies Partial<SocketAddress>);
  }
});

sysTest('nobody listens: ECONNREFUSED', async (t, sockets) => {
  const listener = sockets.listen(V4);
  const { host, port } = listener.address as { host: string; port: number };
  sockets.close(listener.fd);
  const fd = sockets.own(addon.socket(4));
  t.equal(addon.connect(fd, 4, host, port), -EINPROGRESS);
  const mask = await sockets.wait(fd, POLL_OUT);
  t.ok(mask & POLL_ERR && mask & POLL_HUP);
  t.equal(addon.socketError(fd), -ECONNREFUSED);
});

for (const [name, address] of [
  ['IPv4', V4],
  ['IPv6', V6],
] as const) {
  for (const who of ['server', 'client'] as const) {
    sysTest(`${name}: reset by the ${who} reaches the other end as ECONNRESET`, async (t, sockets) => {
      const ends = await sockets.pair(address);
      const other = who === 'server' ? ends.client : ends.server;
      sockets.reset(ends[who]);
      const mask = await sockets.wait(other, POLL_IN);
      t.equal(mask & (POLL_ERR | POLL_HUP), POLL_ERR | POLL_HUP);
      t.equal(addon.recv(other, new Uint8Array(10), 0, 10), -ECONNRESET);
      t.equal(addon.send(other, new Uint8Array(10), 0, 10), -EPIPE, 'and SIGPIPE does not end the process');
    });
  }
}

sysTest('reset after data: socketError tells it, unlike a close', async (t, sockets) => {
  const { client, server } = await sockets.pair();
  ok(addon.send(server, Buffer.from('lost'), 0, 4), 'send');
  sockets.reset(server);
  await sockets.wait(client, POLL_ERR);
  t.equal(addon.socketError(client), -ECONNRESET);

  const second = await sockets.pair();
  sockets.close(second.server);
  const mask = await sockets.wait(second.client, POLL_RDHUP);
  t.equal(mask & (POLL_IN | POLL_RDHUP | POLL_ERR), POLL_IN | POLL_RDHUP);
  t.equal(addon.socketError(second.client), 0);
  t.equal(addon.recv(second.client, new Uint8Array(1), 0, 1), 0);
});

sysTest('send takes a part when the buffers fill, then nothing, and no byte is lost', async (t, sockets) => {
  const { client, server } = await sockets.pair();
  ok(addon.setOption(client, addon.options.sendBuffer, 65536), 'sendBuffer');
  const chunk = new Uint8Array(4_000_000).map((_, index) => index % 251);
  const results: number[] = [];
  let sent = 0;
  for (;;) {
    const result = addon.send(client, chunk, sent % chunk.length, chunk.length - (sent % chunk.length));
    results.push(result);
    if (result < 0) break;
    sent += result;
  }
  t.equal(results.at(-1), -EAGAIN);
  t.ok(results.some((result) => result > 0 && result < chunk.length));
  addon.shutdownWrite(client);
  const { bytes, end } = await sockets.recvAll(server);
  t.equal(end, 0);
  t.equal(bytes.length, sent);
  t.ok(bytes.every((byte, index) => byte === (index % chunk.length) % 251));
});

sysTest('recv reads into the part that it was given and nowhere else', async (t, sockets) => {
  const { client, server } = await sockets.pair();
  ok(addon.send(server, Buffer.from('abcdef'), 0, 6), 'send');
  await sockets.wait(client, POLL_IN);
  const whole = Buffer.alloc(10, '.');
  const view = whole.subarray(1, 9);
  t.equal(addon.recv(client, view, 2, 3), 3);
  t.equal(whole.toString(), '...abc....');
  t.equal(addon.recv(client, view, 8, 0), 0, 'no room: no bytes, whatever waits');
  t.equal(addon.recv(client, view, 0, 8), 3);
  t.equal(whole.toString(), '.defbc....');
  t.equal(addon.recv(client, view, 0, 8), -EAGAIN);
});

sysTest('recvPieces fills one part after the other and leaves the gaps alone', async (t, sockets) => {
  const { client, server } = await sockets.pair();
  ok(addon.send(server, Buffer.from('abcdefg'), 0, 7), 'send');
  await sockets.wait(client, POLL_IN);
  const whole = Buffer.alloc(12, '.');
  const view = whole.subarray(1, 11);
  t.equal(addon.recvPieces(client, view, 1, 2, 1, 3), 6);
  t.equal(whole.toString(), '..ab.cd.ef..');
  t.equal(addon.recvPieces(client, view, 1, 2, 1, 3), 1, 'less than a part');
  t.equal(whole.toString(), '..gb.cd.ef..');
  t.equal(addon.recvPieces(client, view, 1, 2, 1, 3), -EAGAIN);
  const range = { code: 'ERR_OUT_OF_RANGE', name: 'RangeError' };
  for (const [offset, piece, gap, pieces] of [
    [0, 4, 1, 3],
    [1, 3, 1, 3],
    [0, 1, 0, 0],
    [0, 0, 0, 17],
    [0, -1, 0, 1],
    [0, 1, -1, 1],
    [0, 2 ** 31, 0, 1],
  ] as const) {
    const call = () => addon.recvPieces(client, view, offset, piece, gap, pieces);
    t.throws(call, range, `${offset}, ${piece}, ${gap}, ${pieces}`);
  }
});

sysTest('accept with nobody there', async (t, sockets) => {
  const listener = sockets.listen(V4);
  t.equal(addon.accept(listener.fd), -EAGAIN);
  const stream = sockets.own(addon.socket(4));
  t.equal(addon.accept(stream), -EINVAL, 'not listening');
});

sysTest('every socket is close-on-exec and non-blocking', async (t, sockets) => {
  const { client, server } = await sockets.pair();
  const { readFileSync } = await import('node:fs');
  for (const fd of [client, server]) {
    const flags = Number.parseInt(
      /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '',
      8,
    );
    t.equal(flags & 0o2000000, 0o2000000, 'O_CLOEXEC');
    t.equal(flags & 0o4000, 0o4000, 'O_NONBLOCK');
  }
});

sysTest('a descriptor that is not open: -EBADF from everything', async (t) => {
  const gone = addon.socket(4);
  addon.close(gone);
  const bytes = new Uint8Array(4);
  for (const fd of [gone, -1, 0x7fffffff]) {
    t.same(
      {
        bind: addon.bind(fd, 4, '127.0.0.1', 0),
        listen: addon.listen(fd, 1),
        accept: addon.accept(fd),
        connect: addon.connect(fd, 4, '127.0.0.1', 1),
        recv: addon.recv(fd, bytes, 0, 4),
        recvPieces: addon.recvPieces(fd, bytes, 0, 1, 1, 2),
        send: addon.send(fd, bytes, 0, 4),
        shutdownWrite: addon.shutdownWrite(fd),
        socketError: addon.socketError(fd),
        close: addon.close(fd),
        reset: addon.reset(fd),
        localAddress: addon.localAddress(fd),
        peerAddress: addon.peerAddress(fd),
        setOption: addon.setOption(fd, addon.options.noDelay, 1),
        getOption: addon.getOption(fd, addon.options.noDelay),
        setCongestion: addon.setCongestion(fd, 'cubic'),
        getCongestion: addon.getCongestion(fd),
        bindToDevice: addon.bindToDevice(fd, 'lo'),
        splice: addon.splice(fd, fd, 1),
        tcpInfo: addon.tcpInfo(fd, new Float64Array(addon.tcpInfoFields.length)),
      },
      Object.fromEntries(
        [
          ...['bind', 'listen', 'accept', 'connect', 'recv', 'send', 'shutdownWrite', 'socketError', 'close'],
          ...[
            'reset',
            'localAddress',
            'peerAddress',
            'setOption',
            'getOption',
            'setCongestion',
            'getCongestion',
          ],
          ...['bindToDevice', 'splice', 'tcpInfo', 'recvPieces'],
        ].map((name) => [name, -EBADF]),
      ),
      `${fd}`,
    );
  }
});

sysTest('misuse throws, and says what is wrong', async (t, sockets) => {
  const fd = sockets.own(addon.socket(4));
  const bytes = new Uint8Array(10);
  const range = { code: 'ERR_OUT_OF_RANGE', name: 'RangeError' };
  const type = { code: 'ERR_INVALID_ARG_TYPE', name: 'TypeError' };
  for (const transfer of [addon.recv, addon.send]) {
    for (const [offset, length] of [
      [0, 11],
      [11, 0],
      [5, 6],
      [-1, 1],
      [0, -1],
      [0.5, 1],
      [0, 1.5],
      [Number.NaN, 1],
      [0, Number.POSITIVE_INFINITY],
      [2 ** 53, 1],
      [2 ** 64, 0],
    ] as const) {
      t.throws(() => transfer(fd, bytes, offset, length), range, `${offset}, ${length}`);
    }
    for (const wrong of [
      undefined,
      null,
      [],
      'text',
      new Int8Array(4),
      new ArrayBuffer(4),
      new DataView(new ArrayBuffer(4)),
    ]) {
      t.throws(() => transfer(fd, wrong as unknown as Uint8Array, 0, 1), type);
    }
    t.throws(() => transfer('1' as unknown as number, bytes, 0, 1), type);
    t.throws(() => transfer(fd, bytes, '0' as unknown as number, 1), type);
    t.throws(() => (transfer as (fd: number) => number)(fd), type);
    t.throws(() => (transfer as () => number)(), type);
    // 2 ** 32 wrapped to 32 bits would be descriptor 0.
    t.throws(() => transfer(2 ** 32, bytes, 0, 1), range);
    t.throws(() => transfer(1.5, bytes, 0, 1), range);
    const detached = new Uint8Array(16);
    structuredClone(detached, { transfer: [detached.buffer] });
    t.throws(() => transfer(fd, detached, 0, 1), range, 'a buffer that was transferred away');
  }
  t.throws(() => addon.socket(5 as 4), range);
  t.throws(() => addon.socket('4' as unknown as 4), type);
  t.throws(() => addon.bind(fd, 4, '127.0.0.1', 65536), range);
  t.throws(() => addon.bind(fd, 4, '127.0.0.1', -1), range);
  t.throws(() => addon.bind(fd, 4, 0x7f000001 as unknown as string, 0), type);
  t.throws(() => addon.listen(fd, -1), range);
  t.throws(() => addon.setOption(fd, 1000, 1), range);
  t.throws(() => addon.setOption(fd, undefined as unknown as number, 1), type);
  t.throws(() => addon.setOption(fd, addon.options.noDelay, true as unknown as number), type);
  t.throws(() => addon.setCongestion(fd, 1 as unknown as string), type);
  t.throws(() => addon.splice(fd, fd, -1), range);
  t.throws(() => addon.kernelPipe(0), range);
  t.throws(() => addon.tcpInfo(fd, new Float64Array(3)), range);
  t.throws(() => addon.tcpInfo(fd, new Float32Array(100) as unknown as Float64Array), type);
});
