/** Goal: without a key anybody can make trunks; those that do nothing make room, nobody else pays, and the log stays short. */
import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { PipeError } from '../../src/core/errors.ts';
import { lineLogger } from '../../src/core/log.ts';
import { REFUSED_BUSY, TRUNK_ID_BYTES } from '../../src/layer/trunk/handshake.ts';
import { joinAsClient } from '../../src/layer/trunk/join.ts';
import { TrunkMemory } from '../../src/layer/trunk/memory.ts';
import type { StripedPipe } from '../../src/layer/trunk/stream.ts';
import { Trunk } from '../../src/layer/trunk/trunk.ts';
import { memoryPair } from '../../src/pipe/memory.ts';
import { stackFor } from '../../src/proxy/stack.ts';
import { TrunkServer } from '../../src/proxy/trunk_server.ts';
import { pass } from '../helpers/settle.ts';
import { SimClock } from '../helpers/sim_clock.ts';

const STRANGERS = 3000;
/** What a process of this memory can promise at once. */
const MEMORY_BYTES = 64 << 20;

interface Client {
  /** Null when it was refused. */
  readonly trunk: Trunk | null;
  readonly error: PipeError | null;
  leave(): void;
}

function world(t: Test) {
  const clock = new SimClock();
  const lines: string[] = [];
  const streams: StripedPipe[] = [];
  const memory = new TrunkMemory({ capacity: MEMORY_BYTES, spare: true });
  const server = new TrunkServer({
    key: null,
    encryption: null,
    clock,
    memory,
    log: lineLogger('info', (line) => lines.push(line.replace(/^\S+ /, ''))),
    graceMs: 30_000,
    striped: true,
    nameless: 'a client already gone',
    carrier: ({ pipe }) => stackFor('server', true).carrier(pipe),
    onStream: (stream) => void streams.push(stream),
    onClassic: null,
    onKnown() {},
  });
  const stack = stackFor('client', true);

  /** A client with one connection, that has joined or was refused. */
  const join = async (host: string): Promise<Client> => {
    const [near, far] = memoryPair('bytes');
    server.accept(far, { family: 4, host, port: 1 });
    const windows = { stream: 65_536, trunk: 1 << 20 };
    const hello = { trunkId: randomBytes(TRUNK_ID_BYTES), carrierId: 0, mayCreate: true, windows };
    const answer = await new Promise<PipeError | Trunk>((resolve) => {
      joinAsClient({ socket: near, pipe: near, secret: null }, hello, null, clock, (error, welcome) => {
        if (error !== null || welcome === null) return resolve(error ?? new PipeError('reset', 'test'));
        const trunk = new Trunk({
          role: 'client',
          clock,
          streamWindow: windows.stream,
          trunkWindow: windows.trunk,
          peerStreamWindow: welcome.windows.stream,
          peerTrunkWindow: welcome.windows.trunk,
          onStream() {},
          onEnd() {},
        });
        trunk.addCarrier(0, stack.carrier(near));
        resolve(trunk);
      });
    });
    if (answer instanceof PipeError) return { trunk: null, error: answer, leave() {} };
    return { trunk: answer, error: null, leave: () => near.discard(new PipeError('reset', 'test')) };
  };
  t.teardown(() => {
    for (const stream of streams) stream.discard();
    server.stop(new PipeError('cancelled', 'test'));
  });
  const count = () => [...server.trunks].length;
  return { clock, lines, memory, server, join, count };
}

t.test('a flood of trunks whose makers go at once: who has a connection or a stream stays', async (t) => {
  const { clock, lines, memory, server, join, count } = world(t);
  const idle = await join('192.0.2.1');
  const busy = await join('192.0.2.2');
  busy.trunk?.open(Buffer.from('app'));
  await clock.advance(100);
  busy.leave();
  await clock.advance(100);
  t.equal(count(), 2);
  let refused = 0;
  for (let i = 0; i < STRANGERS; i++) {
    const stranger = await join('198.51.100.9');
    if (stranger.error !== null) refused++;
    stranger.leave();
    await pass();
    if (count() > 100) t.fail(`${count()} trunks`);
    if (memory.granted > memory.grantable) t.fail(`${memory.granted} bytes are promised`);
  }
  t.equal(refused, 0, 'and nobody is refused, for there is room each time');
  t.equal(idle.trunk?.carriers.size, 1);
  t.ok(
    [...server.trunks].some(({ streams }) => streams.size === 1),
    'the stream of a client that may come back',
  );
  t.ok(lines.length <= 11, `${lines.length} lines:\n${lines.join('\n')}`);
  await clock.advance(11_000);
  const before = lines.length;
  const next = await join('192.0.2.3');
  await clock.advance(60);
  const [left, ...others] = lines.slice(before);
  t.match(left, /^warn {2}\d+ more lines of this kind were left out$/);
  t.match(others.at(-1), /striping from 192\.0\.2\.3 over 1 connection$/);
  next.trunk?.end(new PipeError('cancelled', 'test'));
  busy.trunk?.end(new PipeError('cancelled', 'test'));
  await clock.advance(40_000);
  t.equal(count(), 1, 'after the grace period the idle client alone is left');
  idle.trunk?.end(new PipeError('cancelled', 'test'));
  await clock.advance(100);
  t.equal(count(), 0);
  t.equal(memory.granted, 0, 'nothing is promised any more');
  t.equal(clock.pending, 0);
});

t.test(
  'trunks that keep their connection: when memory is promised, more are refused, in words',
  async (t) => {
    const { clock, memory, join, count } = world(t);
    const there: Client[] = [];
    let refusal: PipeError | null = null;
    while (refusal === null && there.length < 1000) {
      const one = await join('198.51.100.9');
      if (one.error === null) there.push(one);
      refusal = one.error;
    }
    t.match(refusal, { refusal: REFUSED_BUSY, byPeer: true });
    t.match(
      refusal?.message,
      /too many clients: the memory of this proxy is promised to others \(--memory\)/,
    );
    t.ok(there.length >= 32, `${there.length} are served`);
    t.ok(memory.granted <= memory.grantable);
    t.equal(count(), there.length);
    const gone = there.pop();
    gone?.leave();
    await clock.advance(10);
    const next = await join('192.0.2.1');
    t.equal(next.error, null, 'the place of one that has gone is free at once');
    gone?.trunk?.end(new PipeError('cancelled', 'test'));
    for (const { trunk } of [...there, next]) trunk?.end(new PipeError('cancelled', 'test'));
    await clock.advance(100);
    t.equal(count(), 0);
    t.equal(memory.granted, 0);
    t.equal(clock.pending, 0);
  },
);

t.test('clients that carry something are granted more, and leave room for those to come', async (t) => {
  const { clock, memory, join, count } = world(t);
  const there: Client[] = [];
  for (let i = 0; i < 12; i++) {
    const one = await join(`198.51.100.${i}`);
    if (one.error !== null) t.fail(`client ${i + 1}: ${one.error.message}`);
    const before = memory.granted;
    one.trunk?.open(Buffer.from('app'));
    await clock.advance(20);
    t.ok(memory.granted >= before && memory.granted <= memory.grantable);
    there.push(one);
  }
  t.ok(memory.granted > memory.grantable / 2, 'memory is there to be used');
  t.equal(count(), 12);
  for (const { trunk } of there) trunk?.end(new PipeError('cancelled', 'test'));
  await clock.advance(100);
  t.equal(memory.granted, 0);
});
