/** Goal: clients are told apart by their certificates, and what was decided about a server is not for the environment to undo. */

import { randomBytes } from 'node:crypto';
import t from 'tap';
import { systemClock } from '../../src/core/clock.ts';
import { SlabPool } from '../../src/core/pool.ts';
import { TRUNK_ID_BYTES } from '../../src/layer/trunk/handshake.ts';
import { joinAsClient } from '../../src/layer/trunk/join.ts';
import { stackFor } from '../../src/proxy/stack.ts';
import { certificates, tls } from '../helpers/certified.ts';
import { authority, type Issued, issue } from '../helpers/pki.ts';
import { echo, start } from '../helpers/service_side.ts';
import { eventually } from '../helpers/settle.ts';
import { TRANSPORTS } from '../helpers/transports.ts';

t.setTimeout(300_000);

const CA = authority('our authority');
const CLIENT_CA = authority('authority of the clients');
const STRANGER_CA = authority('authority of others');
const HERE = ['127.0.0.1'];
const SERVER = issue({ name: 'server', alt: ['server.example', ...HERE], use: 'server' }, CA);
const CLIENT = issue({ name: 'client 1', use: 'client' }, CLIENT_CA);
const ALONE = issue({ name: 'alone', alt: HERE });

t.test('a trunk is of one client: another certificate does not join it, a renewed one does', async (t) => {
  const target = await echo(t);
  const transport = TRANSPORTS.native(new SlabPool());
  for (const [wanted, renewed] of [
    [{ shows: SERVER, ca: [CLIENT_CA] }, issue({ name: CLIENT.name }, CLIENT_CA)],
    [{ shows: SERVER, pins: [CLIENT, ALONE] }, issue({ name: 'any name', key: CLIENT.key })],
  ] as const) {
    const other = 'ca' in wanted ? issue({ name: 'client 2' }, CLIENT_CA) : ALONE;
    const dial = { host: '127.0.0.1', port: target.port };
    const server = await start(t, { mode: 'server', dial, ...tls(wanted) });
    const trunkId = randomBytes(TRUNK_ID_BYTES);
    const join = async (shows: Issued, carrierId: number, mayCreate: boolean) => {
      const near = certificates({ shows, ca: [CA] });
      const stack = stackFor('client', true, { certificates: near });
      const peer = { host: '127.0.0.1', port: server.port };
      const socket = transport.connect({ family: 4, ...peer });
      const link = stack.link(socket, peer);
      t.teardown(() => link.pipe.discard());
      const { windows } = stack.memory;
      return new Promise<string>((resolve) =>
        joinAsClient(link, { trunkId, carrierId, mayCreate, windows }, null, systemClock, (error) =>
          resolve(error === null ? 'joined' : error.message),
        ),
      );
    };
    t.equal(await join(CLIENT, 0, true), 'joined');
    for (const mayCreate of [true, false])
      t.match(await join(other, 1, mayCreate), /was begun with the certificate of another client/);
    t.equal(await join(renewed, 2, false), 'joined');
    t.equal(await join(CLIENT, 3, false), 'joined');
  }
});

t.test('nothing in the environment makes a wrong server good enough', async (t) => {
  t.teardown(() => {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  });
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  const target = await echo(t);
  const dial = { host: '127.0.0.1', port: target.port };
  for (const [near, shows] of [
    [tls({ ca: [STRANGER_CA] }), SERVER],
    [tls({ ca: [CA] }, { serverName: 'other.example' }), SERVER],
    [tls({ pins: [SERVER] }), ALONE],
  ] as const) {
    const server = await start(t, { mode: 'server', dial, ...tls({ shows }) });
    const peer = { host: '127.0.0.1', port: server.port };
    const client = await start(t, { mode: 'client', dial: peer, carriers: 1, ...near });
    await eventually('a refusal', () =>
      client.lines.some((line) => /^error .*the server's certif/.test(line)),
    );
    client.service.stop();
  }
  t.equal(target.count(), 0);
});
