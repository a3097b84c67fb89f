/**
 * Goal: a carrier whose first bytes come later than a default `-s` waits for them keeps nobody from anything, and nothing
 * of its handshake reaches the target.
 */

import { createServer, type Socket } from 'node:net';
import t from 'tap';
import { startProxy } from '../helpers/e2e_proxy.ts';
import { dial } from '../helpers/e2e_tcp.ts';
import { sleep } from '../helpers/e2e_wait.ts';
import { FaultProxy } from '../helpers/fault_proxy.ts';

t.setTimeout(900_000);

/** `-s` takes a second of silence for a classic connection; this is more, and less than any timeout. */
const LATE_MS = 1600;

for (const backend of ['native', 'portable']) {
  t.test(backend, async (t) => {
    const env = { TCP_STRIPER_BACKEND: backend };
    const arrived: string[] = [];
    const sockets = new Set<Socket>();
    const target = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', (data) => {
        arrived.push(data.toString('latin1'));
        socket.write(data);
      });
    });
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
    t.teardown(() => {
      for (const socket of sockets) socket.destroy();
      target.close();
    });
    const { port } = target.address() as { port: number };
    const server = await startProxy(t, ['-s', '127.0.0.1:0', `127.0.0.1:${port}`], { env });
    const faults = await FaultProxy.listen(t, server.port);
    faults.onCarrier = (carrier) => {
      if (carrier.number !== 0) return;
      carrier.hold();
      setTimeout(() => carrier.release(), LATE_MS).unref();
    };
    const client = await startProxy(t, ['-c', '127.0.0.1:0', `127.0.0.1:${faults.port}`], { env });

    const app = await dial(t, client.port);
    app.write('through the others');
    await app.has(18, 8000);
    t.equal(app.text, 'through the others');
    await client.line(/striping to /, 0, 8000);

    // By then the late one has been refused, and come again.
    await client.line(/ 4 of 4 connections .* are up|striping to \S+ over 4 connections/, 0, 15_000);
    await sleep(LATE_MS);
    app.write('!');
    await app.has(19, 5000);
    t.same(arrived, ['through the others', '!'], 'the target has what the app sent, and nothing else');
    app.fin();
  });
}
