/** Goal: of several addresses the first that answers wins, at the times that RFC 8305 gives, and the others are dropped. */
import t, { type Test } from 'tap';
import type { Endpoint, SocketAddress } from '../../src/core/address.ts';
import { formatAddress } from '../../src/core/address.ts';
import type { PipeError } from '../../src/core/errors.ts';
import { ConnectRace } from '../../src/layer/tcp/race.ts';
import { FakeNetwork, fakeLookup, type Names, type Plan } from '../helpers/fake_network.ts';
import { SimClock } from '../helpers/sim_clock.ts';

const NAME: Endpoint = { host: 'name.example', port: 22 };
const V6 = ['2001:db8::1', '2001:db8::2'];
const V4 = ['192.0.2.1', '192.0.2.2'];
const AT = { v6a: '[2001:db8::1]:22', v6b: '[2001:db8::2]:22', v4a: '192.0.2.1:22', v4b: '192.0.2.2:22' };

interface Race {
  readonly clock: SimClock;
  readonly network: FakeNetwork;
  readonly race: ConnectRace;
  /** `300 192.0.2.1:22` or `300 refused`. */
  readonly outcomes: string[];
  readonly error: PipeError | null;
}

function start(names: Names, plans: Record<string, Plan>, ...endpoints: Endpoint[]): Race {
  const clock = new SimClock();
  const network = new FakeNetwork(clock, plans);
  const outcomes: string[] = [];
  let error: PipeError | null = null;
  const race = new ConnectRace(
    endpoints.length === 0 ? [NAME] : endpoints,
    { transport: network, clock, lookup: fakeLookup(clock, names) },
    {
      onReady: (_pipe, address: SocketAddress) =>
        void outcomes.push(`${clock.now()} ${formatAddress(address)}`),
      onFailed: (failure) => {
        error = failure;
        outcomes.push(`${clock.now()} ${failure.code}`);
      },
    },
  );
  return {
    clock,
    network,
    race,
    outcomes,
    get error() {
      return error;
    },
  };
}

const at = (afterMs: number, answer: readonly string[] | string) => ({ afterMs, answer });
const refused = (afterMs: number): Plan => ({ afterMs, fails: 'refused' });

/** The whole story of one race. */
function story(
  name: string,
  names: Names,
  plans: Record<string, Plan>,
  attempts: string[],
  outcome: string[],
): void {
  t.test(name, async (t: Test) => {
    const one = start(names, plans);
    await one.clock.advance(60_000);
    t.same(one.network.attempts, attempts);
    t.same(one.outcomes, outcome);
    const winner = outcome[0]?.split(' ')[1];
    const kept = Object.values(AT).includes(winner ?? '') ? [winner] : [];
    if (outcome.length > 0) t.same(one.network.open, kept, 'all others were dropped');
    one.race.cancel();
    t.same(one.network.open, kept, 'who won is not touched by a late cancel');
  });
}

const both: Names = { v6: at(5, V6), v4: at(5, V4) };

story('IPv6 answers', both, { [AT.v6a]: { afterMs: 30 } }, [`5 ${AT.v6a}`], [`35 ${AT.v6a}`]);

story(
  'nobody answers but the last: families alternate, 250 ms apart',
  both,
  { [AT.v4b]: { afterMs: 100 } },
  [`5 ${AT.v6a}`, `255 ${AT.v4a}`, `505 ${AT.v6b}`, `755 ${AT.v4b}`],
  [`855 ${AT.v4b}`],
);

story(
  'a slow one wins when it is still the first',
  both,
  { [AT.v6a]: { afterMs: 400 }, [AT.v4a]: { afterMs: 200 } },
  [`5 ${AT.v6a}`, `255 ${AT.v4a}`],
  [`405 ${AT.v6a}`],
);

story(
  'a failure starts the next one at once',
  both,
  { [AT.v6a]: refused(10), [AT.v4a]: { afterMs: 20 } },
  [`5 ${AT.v6a}`, `15 ${AT.v4a}`],
  [`35 ${AT.v4a}`],
);

story(
  'a failure starts the next one at once, and its 250 ms begin anew',
  both,
  { [AT.v6a]: refused(240), [AT.v6b]: { afterMs: 1 } },
  [`5 ${AT.v6a}`, `245 ${AT.v4a}`, `495 ${AT.v6b}`],
  [`496 ${AT.v6b}`],
);

story(
  'IPv4 is resolved first: IPv6 gets 50 ms, and uses them',
  { v4: at(5, V4), v6: at(40, V6) },
  { [AT.v6a]: { afterMs: 10 } },
  [`40 ${AT.v6a}`],
  [`50 ${AT.v6a}`],
);

story(
  'IPv4 is resolved first, and IPv6 takes too long',
  { v4: at(5, V4), v6: at(100, V6) },
  { [AT.v4a]: { afterMs: 30 } },
  [`55 ${AT.v4a}`],
  [`85 ${AT.v4a}`],
);

story(
  'IPv6 is resolved late: it has the next turn, in its time',
  { v4: at(5, V4), v6: at(100, V6) },
  { [AT.v6a]: { afterMs: 30 } },
  [`55 ${AT.v4a}`, `305 ${AT.v6a}`],
  [`335 ${AT.v6a}`],
);

story(
  'there is no IPv6: nobody waits for it',
  { v4: at(5, V4), v6: at(7, 'ENODATA') },
  { [AT.v4a]: { afterMs: 30 } },
  [`7 ${AT.v4a}`],
  [`37 ${AT.v4a}`],
);

story(
  'IPv6 is resolved and leads nowhere, IPv4 is resolved much later: it is tried at once',
  { v6: at(5, V6.slice(0, 1)), v4: at(1000, V4) },
  { [AT.v4a]: { afterMs: 30 } },
  [`5 ${AT.v6a}`, `1000 ${AT.v4a}`],
  [`1030 ${AT.v4a}`],
);

story(
  'IPv6 has failed before IPv4 is resolved',
  { v6: at(5, V6.slice(0, 1)), v4: at(1000, V4) },
  { [AT.v6a]: refused(10), [AT.v4a]: { afterMs: 30 } },
  [`5 ${AT.v6a}`, `1000 ${AT.v4a}`],
  [`1030 ${AT.v4a}`],
);

story(
  'IPv4 has failed before IPv6 is resolved',
  { v4: at(5, V4), v6: at(1000, V6) },
  { [AT.v4a]: refused(10), [AT.v4b]: refused(10), [AT.v6a]: { afterMs: 1 } },
  [`55 ${AT.v4a}`, `65 ${AT.v4b}`, `1000 ${AT.v6a}`],
  [`1001 ${AT.v6a}`],
);

story(
  'the server for IPv6 names never answers, and IPv4 leads nowhere',
  { v4: at(5, V4.slice(0, 1)) },
  {},
  [`55 ${AT.v4a}`],
  [],
);

story(
  'all fail',
  both,
  {
    [AT.v6a]: refused(10),
    [AT.v6b]: { afterMs: 10, fails: 'unreachable' },
    [AT.v4a]: refused(10),
    [AT.v4b]: refused(10),
  },
  [`5 ${AT.v6a}`, `15 ${AT.v4a}`, `25 ${AT.v6b}`, `35 ${AT.v4b}`],
  ['45 refused'],
);

story(
  'who accepts and resets at once has answered: the others are not asked any more',
  both,
  { [AT.v6a]: { afterMs: 10, fails: 'reset' }, [AT.v4a]: { afterMs: 10 } },
  [`5 ${AT.v6a}`],
  ['15 reset'],
);

story('the name does not exist', { v6: at(5, 'ENOTFOUND'), v4: at(9, 'ENOTFOUND') }, {}, [], ['9 resolve']);
story('neither family has an address', { v6: at(5, []), v4: at(9, []) }, {}, [], ['9 resolve']);

t.test('the error names the endpoint, each address and each reason', async (t) => {
  const one = start(both, {
    [AT.v6a]: { afterMs: 10, fails: 'unreachable' },
    [AT.v6b]: refused(10),
    [AT.v4a]: refused(10),
    [AT.v4b]: refused(10),
  });
  await one.clock.advance(1000);
  t.equal(one.error?.code, 'unreachable', 'the code is that of the first');
  for (const part of ['name.example:22', ...Object.values(AT), 'planned refused', 'planned unreachable']) {
    t.ok(one.error?.message.includes(part), part);
  }
});

t.test('what a name server says about a name', async (t) => {
  for (const [code, words] of [
    ['ENOTFOUND', /cannot resolve 'name.example': no such host/],
    ['EAI_AGAIN', /the name server does not answer/],
  ] as const) {
    const one = start({ v6: at(1, 'ENOTFOUND'), v4: at(1, code) }, {});
    await one.clock.advance(10);
    t.match(one.error?.message, words);
  }
});

t.test('a numeric address is tried at once, whichever family, and nothing is looked up', async (t) => {
  for (const [host, where] of [
    ['192.0.2.1', AT.v4a],
    ['2001:db8::1', AT.v6a],
  ] as const) {
    const one = start({}, { [where]: { afterMs: 3 } }, { host, port: 22 });
    await one.clock.advance(10);
    t.same(one.network.attempts, [`0 ${where}`]);
    t.same(one.outcomes, [`3 ${where}`]);
    t.equal(one.clock.pending, 0, 'no timer is left');
  }
  const unix = start({}, { '/run/x': refused(1) }, { path: '/run/x' });
  await unix.clock.advance(10);
  t.same(unix.network.attempts, ['0 /run/x']);
  t.match(unix.error?.message, /cannot connect to \/run\/x: planned refused/);
});

t.test('cancel: everything is dropped, and nobody hears of it again', async (t) => {
  for (const when of [0, 3, 100, 400]) {
    const one = start(both, { [AT.v6a]: { afterMs: 5000 }, [AT.v4a]: refused(5000) });
    await one.clock.advance(when);
    one.race.cancel();
    const { length } = one.network.attempts;
    await one.clock.advance(60_000);
    t.same(one.network.open, []);
    t.same(one.outcomes, []);
    t.equal(one.network.attempts.length, length, 'no attempt afterwards');
  }
});

t.test('several endpoints: in their order, 250 ms apart', async (t) => {
  const [a, b] = [
    { host: '192.0.2.1', port: 1 },
    { host: '192.0.2.2', port: 2 },
  ];
  const race = start({}, { '192.0.2.2:2': { afterMs: 20 } }, a, b);
  await race.clock.advance(60_000);
  t.same(race.network.attempts, ['0 192.0.2.1:1', '250 192.0.2.2:2']);
  t.same(race.outcomes, ['270 192.0.2.2:2']);
  t.same(race.network.open, ['192.0.2.2:2'], 'the loser is let go');
  t.equal(race.clock.pending, 0);
});

t.test('several endpoints: one that fails and one whose name does not resolve are both named', async (t) => {
  const names = { v4: at(30, 'ENOTFOUND'), v6: at(10, 'ENOTFOUND') };
  const race = start(names, { '192.0.2.1:1': refused(5) }, NAME, { host: '192.0.2.1', port: 1 });
  await race.clock.advance(60_000);
  t.same(race.outcomes, ['30 refused']);
  t.match(race.error?.message, /cannot connect to .* or 192\.0\.2\.1:1: .*planned refused; cannot resolve/);
  t.equal(race.clock.pending, 0);
});

t.test('several endpoints: a name that takes its time does not hold up the others', async (t) => {
  const names = { v4: at(5000, ['192.0.2.9']), v6: at(5000, 'ENODATA') };
  const race = start(names, { '192.0.2.1:1': { afterMs: 20 } }, NAME, { host: '192.0.2.1', port: 1 });
  await race.clock.advance(60_000);
  t.match(race.outcomes, [/^(20|70) 192\.0\.2\.1:1$/]);
});
