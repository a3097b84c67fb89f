/** Goal: every limit of a server is kept, counted under its reason, said in words, and can be changed. */
import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { PipeError } from '../../src/core/errors.ts';
import { lineLogger } from '../../src/core/log.ts';
import { defaultPool } from '../../src/core/pool.ts';
import { TRUNK_ID_BYTES } from '../../src/layer/trunk/handshake.ts';
import { joinAsClient, type Link } from '../../src/layer/trunk/join.ts';
import { TrunkMemory } from '../../src/layer/trunk/memory.ts';
import { memoryPair } from '../../src/pipe/memory.ts';
import { DEFAULT_LIMITS, type Limits, limitsOf } from '../../src/proxy/limits.ts';
import { REFUSAL_REASONS } from '../../src/proxy/refusal_log.ts';
import { stackFor } from '../../src/proxy/stack.ts';
import { TrunkServer } from '../../src/proxy/trunk_server.ts';
import { eventually, pass } from '../helpers/settle.ts';
import { SimClock } from '../helpers/sim_clock.ts';

const SOMEWHERE = { host: '192.0.2.9', port: 1 };

const KEY = randomBytes(32);

function world(t: Test, limits: Partial<Limits>, key: Buffer | null = null) {
  const clock = new SimClock();
  const lines: string[] = [];
  const server = new TrunkServer({
    key,
    encryption: key === null ? null : stackFor('server', true, { key }).encryption,
    clock,
    memory: new TrunkMemory({ spare: true }),
    log: lineLogger('info', (line) => lines.push(line.replace(/^\S+ /, ''))),
    graceMs: 30_000,
    striped: true,
    nameless: 'a client already gone',
    carrier: ({ pipe }) => stackFor('server', true).carrier(pipe),
    onStream: (stream) => stream.discard(),
    onClassic: null,
    onKnown() {},
    limits,
  });
  t.teardown(() => server.stop(new PipeError('cancelled', 'test')));
  const client = stackFor('client', true, { key });
  /** Connects, and says nothing. */
  const connect = (host: string) => {
    const [near, far] = memoryPair('bytes');
    server.accept(far, { family: 4, host, port: 1 });
    return near;
  };
  const shake = (link: Link, useKey = key) =>
    new Promise<PipeError | null>((resolve) => {
      const windows = { stream: 65_536, trunk: 1 << 20 };
      const hello = { trunkId: randomBytes(TRUNK_ID_BYTES), carrierId: 0, mayCreate: true, windows };
      joinAsClient(link, hello, useKey, clock, (error) => resolve(error));
    });
  const join = (host: string) => shake(client.link(connect(host), SOMEWHERE));
  const trunks = () => [...server.trunks].length;
  return { clock, lines, server, client, connect, shake, join, trunks };
}

t.test('clients of one address, and of all; who has gone makes room', async (t) => {
  const { server, join, trunks, lines } = world(t, { maxClients: 4, maxClientsPerSource: 2 });
  t.equal(await join('192.0.2.1'), null);
  t.equal(await join('192.0.2.1'), null);
  const third = await join('192.0.2.1');
  t.match(third?.message, /^2 clients of this address are served already \(--max-clients-per-source\)$/);
  t.equal(await join('192.0.2.2'), null);
  t.equal(await join('192.0.2.3'), null);
  const fifth = await join('192.0.2.4');
  t.match(fifth?.message, /^4 clients are served already \(--max-clients\)$/);
  t.equal(trunks(), 4);
  t.match(server.refusals, { 'clients-per-source': 1, clients: 1, memory: 0 });
  t.ok(lines.some((line) => /192\.0\.2\.4:1 is refused: 4 clients are served/.test(line)));
});

t.test('with a key one address may be many clients, unless it is told otherwise', async (t) => {
  t.equal(limitsOf({}, true).maxClientsPerSource, Number.POSITIVE_INFINITY);
  t.equal(limitsOf({}, false).maxClientsPerSource, DEFAULT_LIMITS.maxClientsPerSourceWithoutKey);
  t.equal(limitsOf({ maxClientsPerSource: 3 }, true).maxClientsPerSource, 3);
  t.equal(limitsOf({ maxHandshakes: 9 }, true).maxHandshakesPerSource, 5);
});

t.test('the time of a handshake is as it was set, and those who let it pass are counted', async (t) => {
  const { clock, server, connect } = world(t, { handshakeTimeoutMs: 700 });
  connect('192.0.2.1');
  await clock.advance(699);
  t.equal(server.strangers, 1);
  await clock.advance(1);
  t.equal(server.strangers, 0);
  t.equal(server.refusals.timeout, 1);
});

t.test('refusals are counted by their reasons, all of them from the beginning', async (t) => {
  const { server, connect, shake } = world(t, { maxHandshakes: 2 }, KEY);
  t.same(Object.keys(server.refusals).sort(), [...REFUSAL_REASONS].sort());
  const garbage = connect('192.0.2.1');
  garbage.send(pieceOf('GET / HTTP/1.1\r\n'));
  await pass();
  t.equal(server.refusals['not-a-peer'], 1);
  const other = stackFor('client', true, { key: randomBytes(32) });
  t.not(await shake(other.link(connect('192.0.2.1'), SOMEWHERE)), null);
  await eventually('a wrong key is counted', () => server.refusals.key === 1);
  for (let i = 0; i < 3; i++) connect(`192.0.2.${i}`);
  await pass();
  t.equal(server.strangers, 2);
  t.equal(server.refusals.handshakes, 1);
});

t.test(
  'who has proved the key is no stranger: a flood does not push it out, its deadline does',
  async (t) => {
    const { clock, server, client, connect, shake, join } = world(t, { maxHandshakes: 4 }, KEY);
    // TLS is done, and nothing is said inside.
    const quiet = client.link(connect('192.0.2.1'), SOMEWHERE);
    while (!quiet.pipe.ready) await pass();
    while (server.strangers > 0) await pass();
    for (let i = 0; i < 100; i++) connect(`198.51.100.${i}`);
    await pass();
    t.equal(server.strangers, 4);
    t.equal(quiet.pipe.broken, null);
    t.equal(await shake(quiet), null, 'and it may join still');
    t.equal(server.refusals.handshakes, 96);
    const late = client.link(connect('192.0.2.1'), SOMEWHERE);
    await eventually('TLS is done', () => late.pipe.ready);
    await clock.advance(DEFAULT_LIMITS.handshakeTimeoutMs);
    t.equal(server.strangers, 0);
    await eventually('it is let go', () => late.pipe.broken !== null);
    t.equal(server.refusals.timeout, 4, 'three that were silent, and this one');
    t.equal(await join('192.0.2.9'), null);
    late.pipe.discard();
  },
);

t.test('those who proved the key and do no more are bounded, too', async (t) => {
  const { server, client, connect } = world(t, { maxHandshakes: 4, maxHandshakesPerSource: 4 }, KEY);
  const links = [];
  for (let i = 0; i < 12; i++) {
    const link = client.link(connect('192.0.2.1'), SOMEWHERE);
    links.push(link);
    await eventually('TLS is done', () => link.pipe.ready);
  }
  t.equal(server.strangers, 4, 'as many again as may be strangers');
  t.equal(server.refusals.handshakes, 4);
  for (const { pipe } of links) pipe.discard();
});

function pieceOf(text: string) {
  return defaultPool.copy(Buffer.from(text));
}
