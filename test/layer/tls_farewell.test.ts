/**
 * Goal: with certificates, a handshake passes whatever the pipe below does to its bytes; and who is refused reads why, and then an
 * end in order, while the one who refuses never is ready for its consumer.
 */

import t, { type Test } from 'tap';
import { SlabPool } from '../../src/core/pool.ts';
import { TlsPipe } from '../../src/layer/tls/pipe.ts';
import { memoryPair } from '../../src/pipe/memory.ts';
import { certificates } from '../helpers/certified.ts';
import { authority, issue } from '../helpers/pki.ts';
import { Random, SEED } from '../helpers/random.ts';
import { eventually } from '../helpers/settle.ts';

const CA = authority('ca');
const OTHER_CA = authority('other');
const SERVER = issue({ name: 'server', alt: ['here.example'] }, CA);
const CLIENT = issue({ name: 'client' }, CA);

const GOOD_CLIENT = certificates({ shows: CLIENT, ca: [CA] });
const GOOD_SERVER = certificates({ shows: SERVER, ca: [CA] });

interface Ends {
  readonly client: TlsPipe;
  readonly server: TlsPipe;
  readonly pool: SlabPool;
}

function meet(
  t: Test,
  random: Random,
  near: typeof GOOD_CLIENT,
  far: typeof GOOD_SERVER,
  farewell = (error: Error): Buffer | null => Buffer.from(`because ${error.message}`),
): Ends {
  const pool = new SlabPool();
  const lower = memoryPair('bytes', {
    capacity: random.int(2000, 60_000),
    cut: (available) => (random.chance(0.5) ? 1 : random.int(1, available)),
  });
  const client = new TlsPipe(lower[0], {
    ...{ role: 'client', credentials: near.towards('here.example'), pool, farewell },
  });
  const server = new TlsPipe(lower[1], { role: 'server', credentials: far.accepting, pool, farewell });
  t.teardown(() => {
    client.discard();
    server.discard();
  });
  return { client, server, pool };
}

/** All that comes until the end. */
async function readAll(pipe: TlsPipe): Promise<string> {
  let text = '';
  await eventually(
    'an end',
    () => {
      for (let chunk = pipe.recv(); chunk !== null; chunk = pipe.recv()) {
        text += chunk.view().toString();
        chunk.release();
      }
      return pipe.finReceived || pipe.broken !== null;
    },
    () => text,
  );
  return text;
}

t.test(`a handshake over a pipe that cuts anywhere (SEED=${SEED})`, async (t) => {
  const random = new Random(SEED);
  for (let round = 0; round < 20; round++) {
    const { client, server, pool } = meet(t, random, GOOD_CLIENT, GOOD_SERVER);
    await eventually('both to be ready', () => client.ready && server.ready);
    t.match(server.peer, /CN=client/);
    t.equal(client.peer, null);
    t.ok(client.exportKey('label', 32).equals(server.exportKey('label', 32)));
    client.discard();
    server.discard();
    await eventually(
      'all memory to be back',
      () => pool.out === 0,
      () => pool.out,
    );
  }
});

for (const [who, near, far] of [
  ['the client', certificates({ shows: CLIENT, ca: [OTHER_CA] }), GOOD_SERVER],
  ['the server', GOOD_CLIENT, certificates({ shows: SERVER, ca: [OTHER_CA] })],
] as const) {
  t.test(`${who} refuses (SEED=${SEED})`, async (t) => {
    const random = new Random(SEED);
    for (let round = 0; round < 20; round++) {
      const { client, server, pool } = meet(t, random, near, far);
      const [refuses, refused] = who === 'the client' ? [client, server] : [server, client];
      let wasReady = false;
      refuses.onActivity = () => {
        wasReady ||= refuses.ready;
      };
      t.match(
        await readAll(refused),
        /^because the (server|client)'s certificate, of (server|client), is not signed/,
      );
      t.ok(refused.finReceived, 'an end in order');
      await eventually('the refusal', () => refuses.broken !== null);
      t.equal(refuses.broken?.code, 'permission');
      t.notOk(wasReady || refuses.ready);
      t.equal(refuses.recv(), null);
      client.discard();
      server.discard();
      await eventually(
        'all memory to be back',
        () => pool.out === 0,
        () => pool.out,
      );
    }
  });
}

t.test('without words, the refusal is an end', async (t) => {
  const far = certificates({ shows: SERVER, ca: [OTHER_CA] });
  const { client, server } = meet(t, new Random(SEED), GOOD_CLIENT, far, () => null);
  await eventually('both to be broken', () => client.broken !== null && server.broken !== null);
  t.equal(server.broken?.code, 'permission');
  t.notOk(server.ready);
});

t.test('who is refused and talks all the time does not keep the other end', async (t) => {
  const far = certificates({ shows: SERVER, ca: [OTHER_CA] });
  const { client, server } = meet(t, new Random(SEED), GOOD_CLIENT, far);
  client.onActivity = () => {
    if (client.writable) client.send(new SlabPool().take(60_000));
  };
  await eventually('the refusal', () => server.broken !== null);
  t.equal(server.broken?.code, 'permission');
});
