/** Goal: whoever subscribes is told of the life of connections, carriers and streams; who does not costs nothing. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { PipeError } from '../../src/core/errors.ts';
import * as trace from '../../src/core/trace.ts';
import { app, opened, watchedPair } from '../helpers/admin_side.ts';
import { until } from '../helpers/e2e_wait.ts';

// biome-ignore lint/suspicious/noExplicitAny: each channel has messages of its own
type Message = any;

/** What is said on a channel, of the client of a test alone: messages are published by the whole process. */
function hear(t: Test, channel: string, service: string): Message[] {
  const messages: Message[] = [];
  const listener = (message: Message) => {
    if (message.service === service) messages.push(message);
  };
  subscribe(`tcp-striper:${channel}`, listener);
  t.teardown(() => void unsubscribe(`tcp-striper:${channel}`, listener));
  return messages;
}

t.test('nobody listens unless somebody does', async (t) => {
  const channels = Object.values(trace).filter((value) => typeof value === 'object');
  t.equal(channels.length, 12);
  for (const { name, hasSubscribers } of channels) {
    t.match(name, /^tcp-striper:(connection|carrier|stream):[a-z]+$/);
    t.notOk(hasSubscribers, name);
  }
});

t.test('a connection, from beginning to end', async (t) => {
  const [begin, open, end] = ['begin', 'open', 'end'].map((what) => hear(t, `connection:${what}`, 'near'));
  const [streamOpen, streamEnd] = ['open', 'end'].map((what) => hear(t, `stream:${what}`, 'near'));
  const pair = await watchedPair(t, { near: 'near', far: 'far' });
  const socket = await app(t, pair.near.port);
  socket.write('hello');
  await once(socket, 'data');
  socket.end();
  await until(
    () => end?.length === 1 && streamEnd?.length === 1,
    () => 'it does not end',
  );
  t.match(begin, [{ service: 'near', id: 'c1', from: /^127\.0\.0\.1:\d+$/, to: null }]);
  t.match(open, [{ id: 'c1', to: `127.0.0.1:${pair.far.port}` }]);
  t.match(end, [
    { id: 'c1', bytesForward: 5, bytesBackward: 5, error: null, code: null, durationMs: Number },
  ]);
  t.match(streamOpen, [{ service: 'near', trunk: 1, stream: 0 }]);
  t.same(streamEnd, streamOpen);
});

t.test('a connection that breaks says why', async (t) => {
  const end = hear(t, 'connection:end', 'near');
  const pair = await watchedPair(t, { near: 'near', far: 'far' });
  await app(t, pair.near.port);
  await opened(pair, 1);
  for (const session of pair.near.service.sessions)
    session.abort(new PipeError('cancelled', 'proxy', 'enough of it'));
  t.match(end, [{ id: 'c1', error: 'enough of it', code: 'cancelled' }]);
});

t.test('a carrier is dialled, joins, is lost and comes back in its place', async (t) => {
  const [dial, join, lose, close] = ['dial', 'join', 'lose', 'close'].map((what) =>
    hear(t, `carrier:${what}`, 'near'),
  ) as [Message[], Message[], Message[], Message[]];
  const { near, far } = await watchedPair(t, { near: 'near', far: 'far' });
  t.same(
    dial.map(({ index, carrier }) => [index, carrier]),
    [0, 1, 2, 3].map((index) => [index, null]),
  );
  t.same(join.map(({ index }) => index).sort(), [0, 1, 2, 3]);
  for (const { local, remote } of join) {
    t.match(local, /^127\.0\.0\.1:\d+$/);
    t.equal(remote, `127.0.0.1:${far.port}`);
  }
  const host = near.service.trunkHost;
  t.same(host?.redial(1, 2), { done: true });
  t.match(lose, [{ index: 2, error: /dialled again/, inFlightBytes: Number, sentBytes: Number }]);
  await until(
    () => join.length === 5,
    () => 'it does not come back',
  );
  t.equal(join[4]?.index, 2);
  t.not(join[4]?.carrier, lose[0]?.carrier, 'another carrier');

  t.same(host?.drain(1, 0), { done: true });
  await until(
    () => close.length === 1,
    () => 'it does not leave',
  );
  t.equal(close[0]?.index, 0);
  near.service.stop();
  t.equal(lose.length, 4, 'at the end the others are over, too');
});
