/** Goal: dialling ends in time, with a connection or with the reason in words; with retry it does not give up early. */
import t from 'tap';
import type { Endpoint } from '../../src/core/address.ts';
import type { PipeError } from '../../src/core/errors.ts';
import { dial } from '../../src/layer/tcp/dial.ts';
import { FakeNetwork, fakeLookup, type Names, type Plan } from '../helpers/fake_network.ts';
import { SimClock } from '../helpers/sim_clock.ts';

const HERE: Endpoint = { host: '192.0.2.1', port: 22 };
const WHERE = '192.0.2.1:22';

function start(
  plans: Record<string, Plan>,
  options: {
    retry?: boolean;
    endpoint?: Endpoint;
    names?: Names;
    random?: () => number;
    onRetry?: () => void;
  } = {},
) {
  const clock = new SimClock();
  const network = new FakeNetwork(clock, plans);
  const outcomes: string[] = [];
  const retries: string[] = [];
  let error: PipeError | null = null;
  const cancel = dial(
    options.endpoint ?? HERE,
    {
      transport: network,
      clock,
      lookup: fakeLookup(clock, options.names ?? {}),
      timeoutMs: 10_000,
      retry: () => options.retry ?? false,
      random: options.random ?? (() => 1),
    },
    {
      onReady: () => void outcomes.push(`${clock.now()} ready`),
      onFailed: (failure) => {
        error = failure;
        outcomes.push(`${clock.now()} ${failure.code}`);
      },
      onRetry: (failure) => {
        retries.push(`${clock.now()} ${failure.code}`);
        options.onRetry?.();
      },
    },
  );
  return { clock, network, outcomes, retries, cancel, error: () => error };
}

t.test('it answers', async (t) => {
  const one = start({ [WHERE]: { afterMs: 20 } });
  await one.clock.advance(60_000);
  t.same(one.outcomes, ['20 ready']);
  t.same(one.network.open, [WHERE]);
  t.equal(one.clock.pending, 0);
});

t.test('it refuses: without retry that is the answer', async (t) => {
  const one = start({ [WHERE]: { afterMs: 20, fails: 'refused' } });
  await one.clock.advance(60_000);
  t.same(one.outcomes, ['20 refused']);
  t.same(one.retries, []);
  t.equal(one.clock.pending, 0);
});

t.test('blackholed: the time is up', async (t) => {
  const one = start({}, { retry: true });
  await one.clock.advance(60_000);
  t.same(one.outcomes, ['10000 timeout']);
  t.match(one.error()?.message, /192\.0\.2\.1:22 did not answer within 10/);
  t.same(one.network.open, []);
  t.equal(one.clock.pending, 0);
});

t.test('the name server never answers: the time is up', async (t) => {
  const one = start({}, { endpoint: { host: 'slow.example', port: 22 } });
  await one.clock.advance(60_000);
  t.same(one.outcomes, ['10000 timeout']);
  t.match(one.error()?.message, /slow\.example:22/);
});

t.test('a slow name server and a slow connection share one limit', async (t) => {
  const one = start(
    { [WHERE]: { afterMs: 5000 } },
    {
      endpoint: { host: 'slow.example', port: 22 },
      names: { v4: { afterMs: 6000, answer: ['192.0.2.1'] }, v6: { afterMs: 1, answer: 'ENODATA' } },
    },
  );
  await one.clock.advance(60_000);
  t.same(one.outcomes, ['10000 timeout']);
  t.same(one.network.open, []);
});

t.test('retry: pauses grow to two seconds, and it ends with the reason that kept coming', async (t) => {
  const one = start({ [WHERE]: { afterMs: 0, fails: 'refused' } }, { retry: true });
  await one.clock.advance(60_000);
  t.same(
    one.network.attempts.map((attempt) => Number(attempt.split(' ')[0])),
    [0, 100, 300, 700, 1500, 3100, 5100, 7100, 9100],
  );
  t.equal(one.retries.length, 9);
  t.same(one.outcomes, ['10000 refused'], 'refused says more than that the time is up');
  t.match(one.error()?.message, /192\.0\.2\.1:22.*planned refused; gave up after 10/);
  t.equal(one.clock.pending, 0);
});

t.test('retry: pauses are jittered down to half', async (t) => {
  const one = start({ [WHERE]: { afterMs: 0, fails: 'refused' } }, { retry: true, random: () => 0 });
  await one.clock.advance(1000);
  t.same(
    one.network.attempts.map((attempt) => Number(attempt.split(' ')[0])),
    [0, 50, 150, 350, 750],
  );
  one.cancel();
  t.equal(one.clock.pending, 0);
});

t.test('retry: a peer that comes up is reached, also when its name did not resolve at first', async (t) => {
  const plans: Record<string, Plan> = { [WHERE]: { afterMs: 0, fails: 'refused' } };
  const one = start(plans, { retry: true });
  await one.clock.advance(2000);
  plans[WHERE] = { afterMs: 10 };
  await one.clock.advance(8000);
  t.same(one.outcomes, ['3110 ready']);
  t.equal(one.clock.pending, 0);

  const names: { v4: NonNullable<Names['v4']>; v6: NonNullable<Names['v6']> } = {
    v4: { afterMs: 1, answer: 'EAI_AGAIN' },
    v6: { afterMs: 1, answer: 'EAI_AGAIN' },
  };
  const named = start(
    { [WHERE]: { afterMs: 10 } },
    { retry: true, endpoint: { host: 'late.example', port: 22 }, names },
  );
  await named.clock.advance(500);
  t.match(named.retries[0], /resolve/);
  names.v4 = { afterMs: 1, answer: ['192.0.2.1'] };
  await named.clock.advance(5000);
  t.match(named.outcomes[0], /ready/);
});

t.test('cancelled: in an attempt, in a pause, and from inside onRetry', async (t) => {
  for (const when of [0, 30, 120]) {
    const one = start({ [WHERE]: { afterMs: 20, fails: 'refused' } }, { retry: true });
    await one.clock.advance(when);
    one.cancel();
    one.cancel();
    await one.clock.advance(60_000);
    t.same(one.outcomes, []);
    t.same(one.network.open, []);
    t.equal(one.clock.pending, 0);
  }
  const one: ReturnType<typeof start> = start(
    { [WHERE]: { afterMs: 20, fails: 'refused' } },
    { retry: true, onRetry: () => one.cancel() },
  );
  await one.clock.advance(60_000);
  t.same(one.outcomes, []);
  t.equal(one.network.attempts.length, 1);
  t.equal(one.clock.pending, 0);
});
