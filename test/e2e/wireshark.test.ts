/** Goal: Wireshark shows what a real pair says, in both framings, and no bytes make the dissector fail. */
import { writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { startProxy } from '../helpers/e2e_proxy.ts';
import { succeed, temporaryFolder, tool } from '../helpers/e2e_run.ts';
import { dialThrough, Target } from '../helpers/e2e_tcp.ts';
import { until } from '../helpers/e2e_wait.ts';
import { pcapOf, type Sent } from '../helpers/pcap.ts';
import { Random, seeds } from '../helpers/random.ts';

/** Not one that the dissector claims: a carrier is to be known by what it says. */
const PORT = 33_333;
const DISSECTOR = fileURLToPath(new URL('../../../tools/wireshark/tcp-striper.lua', import.meta.url));
const BULK_BYTES = 300_000;

/** A relay that remembers all that goes through it. */
async function recorder(t: Test, to: number): Promise<{ port: number; connections: Sent[][] }> {
  const connections: Sent[][] = [];
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    const record: Sent[] = [];
    connections.push(record);
    const forward = (from: Socket, into: Socket, fromClient: boolean) => {
      sockets.add(from);
      from.on('data', (bytes) => {
        record.push({ fromClient, bytes: Buffer.from(bytes) });
        into.write(bytes);
      });
      from.on('end', () => into.end());
      from.on('error', () => into.destroy());
    };
    forward(near, far, true);
    forward(far, near, false);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as { port: number }).port, connections };
}

/** Everything between the two proxies while an app says something short, then much, and ends. */
async function recorded(t: Test, carriers: number): Promise<Sent[][]> {
  const target = await Target.listen(t);
  const far = await startProxy(t, ['-s', '127.0.0.1:0', `127.0.0.1:${target.port}`, '-n', `${carriers}`]);
  const { port, connections } = await recorder(t, far.port);
  const near = await startProxy(t, ['-c', '127.0.0.1:0', `127.0.0.1:${port}`, '-n', `${carriers}`]);
  const [app, served] = await dialThrough(t, near.port, target);
  app.socket.write('hello');
  await until(
    () => served.received === 5,
    () => 'no hello',
  );
  served.socket.end(Buffer.alloc(BULK_BYTES, 'x'));
  await until(
    () => app.received === BULK_BYTES,
    () => `${app.received} bytes came`,
  );
  app.socket.end();
  for (const proxy of [near, far])
    await until(
      () => / closed after /.test(proxy.text),
      () => proxy.text,
    );
  return connections;
}

async function tshark(
  t: Test,
  connections: readonly (readonly Sent[])[],
  ...args: string[]
): Promise<string> {
  const file = join(temporaryFolder(t), 'capture.pcap');
  writeFileSync(file, pcapOf(connections, PORT));
  return succeed(t, tool('tshark', 'tshark'), ['-X', `lua_script:${DISSECTOR}`, '-r', file, ...args]);
}

/** All values of a field, one after the other. */
async function values(
  t: Test,
  connections: readonly Sent[][],
  field: string,
  ...args: string[]
): Promise<string[]> {
  const out = await tshark(t, connections, ...args, '-T', 'fields', '-e', field);
  return out.split(/[\n,]/).filter((text) => text !== '');
}

const CLASSIC = ['-d', `tcp.port==${PORT},tcpstriper`];

t.test('a trunk: handshake, frames, data over segments', async (t) => {
  const connections = await recorded(t, 2);
  t.equal(connections.length, 2);
  const handshakes = await values(t, connections, 'tcpstriper.handshake');
  t.same(handshakes.toSorted(), ['1', '1', '2', '2'], 'HELLO and WELCOME on each carrier');
  t.equal(new Set(await values(t, connections, 'tcpstriper.trunk')).size, 1, 'of one trunk');
  const types = new Set(await values(t, connections, 'tcpstriper.type'));
  for (const type of ['1', '6']) t.ok(types.has(type), `frames of type ${type} (there are ${[...types]})`);
  const data = await values(t, connections, 'tcpstriper.data');
  t.ok(data.includes(Buffer.from('hello').toString('hex')), 'the hello');
  const bytes = data.reduce((sum, hex) => sum + hex.length / 2, 0);
  t.ok(bytes >= BULK_BYTES + 5, `${bytes} bytes of data: all of it, put together from its segments`);
  t.ok(
    (await values(t, connections, 'tcpstriper.fin')).some((fin) => /^(1|True)$/i.test(fin)),
    'FIN',
  );
  t.same(new Set(await values(t, connections, 'tcpstriper.stream')), new Set(['0']));
  t.same(await values(t, connections, 'frame.number', '-Y', 'tcpstriper.malformed'), [], 'nothing is wrong');
  t.same(await values(t, connections, 'frame.number', '-Y', 'tcpstriper.reset'), []);
});

t.test('the classic framing', async (t) => {
  const connections = await recorded(t, 0);
  const payload = await values(t, connections, 'tcpstriper.payload', ...CLASSIC);
  t.ok(payload.includes(Buffer.from('hello').toString('hex')));
  t.equal(
    payload.reduce((sum, hex) => sum + hex.length / 2, 0),
    BULK_BYTES + 5,
  );
  t.same(await values(t, connections, 'frame.number', ...CLASSIC, '-Y', 'tcpstriper.malformed'), []);
});

t.test('what a peer must not say is marked, and nothing makes it fail', async (t) => {
  const hello = Buffer.from(`4c5453545201010100${'00'.repeat(68)}`, 'hex');
  const says = (hex: string): Sent[] => [
    { fromClient: true, bytes: hello },
    { fromClient: true, bytes: Buffer.from(hex, 'hex') },
  ];
  const wrong = [`10ff${'00'.repeat(15)}`, '0401020304', `100100ffff${'00'.repeat(12)}`, 'ffffffffff', '00'];
  for (const hex of wrong) {
    const marked = await values(t, [says(hex)], 'frame.number', '-Y', 'tcpstriper.malformed');
    t.ok(marked.length > 0, `${hex} is marked`);
  }
  const reset = '1002010000000000000000000000000000';
  t.same(await values(t, [says(reset)], 'tcpstriper.reason'), ['1']);
  t.equal((await values(t, [says(reset)], 'frame.number', '-Y', 'tcpstriper.reset')).length, 1);

  const hostile: Sent[][] = [];
  for (const seed of seeds(200)) {
    const random = new Random(seed);
    const bytes = random.bytes(random.int(1, 400));
    // Half of them begin like a carrier, with lengths that fit: those get further.
    if (seed % 2 === 0) hostile.push([{ fromClient: true, bytes }]);
    else {
      const size = Math.min(bytes.length, 127);
      bytes[0] = random.int(0, 10);
      const datagram = Buffer.concat([Buffer.from([size]), bytes.subarray(0, size)]);
      hostile.push([
        { fromClient: true, bytes: hello },
        { fromClient: true, bytes: datagram },
      ]);
    }
  }
  const all = await tshark(t, hostile, ...CLASSIC, '-V');
  t.notMatch(all, /Lua Error|\.lua:\d+/, 'no error of the script');
  t.match(all, /tcp-striper/);
});
