/** Goal: strangers are bounded in number and in lines of log, and one source cannot take the place of others. */
import t from 'tap';
import { PipeError } from '../../src/core/errors.ts';
import { lineLogger } from '../../src/core/log.ts';
import { CarrierIds } from '../../src/layer/trunk/carrier_ids.ts';
import { REFUSED_KEY, Refusal } from '../../src/layer/trunk/handshake.ts';
import { namelessAt } from '../../src/proxy/client_name.ts';
import { RefusalLog } from '../../src/proxy/refusal_log.ts';
import { Strangers, sourceOf } from '../../src/proxy/strangers.ts';
import { Random, SEED } from '../helpers/random.ts';
import { SimClock } from '../helpers/sim_clock.ts';

const v4 = (host: string) => ({ family: 4, host, port: 1 }) as const;
const refusalLog = (lines: string[], clock: SimClock) =>
  new RefusalLog(
    lineLogger('debug', (line) => lines.push(line)),
    clock,
    namelessAt({ host: '', port: 1 }),
  );
const v6 = (host: string) => ({ family: 6, host, port: 1 }) as const;

t.test('over a limit the oldest goes: of its source first, then of all', async (t) => {
  const strangers = new Strangers({ most: 5, mostOfOneSource: 3 });
  const gone: string[] = [];
  const add = (host: string, name: string) => strangers.add(v4(host), () => gone.push(name));
  add('10.0.0.1', 'b1');
  for (const name of ['a1', 'a2', 'a3', 'a4', 'a5']) add('10.0.0.2', name);
  t.same(gone, ['a1', 'a2'], 'one source takes the place of its own');
  add('10.0.0.3', 'c1');
  t.equal(strangers.size, 5);
  add('10.0.0.4', 'd1');
  t.same(gone, ['a1', 'a2', 'b1']);
});

t.test('who is known or gone does not count, however often that is said', async (t) => {
  const strangers = new Strangers({ most: 3, mostOfOneSource: 2 });
  const random = new Random(SEED);
  const there: (() => void)[] = [];
  let dismissed = 0;
  for (let i = 0; i < 5000; i++) {
    if (random.chance(0.5)) there.push(strangers.add(v4(`10.0.0.${random.int(1, 4)}`), () => dismissed++));
    else if (there.length > 0) random.pick(there)();
    if (strangers.size > 3) t.fail(`${strangers.size} strangers, seed ${SEED}`);
  }
  for (const leave of there) leave();
  t.equal(strangers.size, 0);
  t.ok(dismissed > 100);
});

t.test('an IPv6 source is a /64', async (t) => {
  for (const [a, b, same] of [
    ['2001:db8::1', '2001:db8::ffff:2', true],
    ['2001:db8::1', '2001:db8:0:0:9::1', true],
    ['2001:db8:0:1::1', '2001:db8:0:2::1', false],
    ['fe80::1%eth0', 'fe80::2%eth1', true],
    ['1:2:3:4:5:6:7:8', '1:2:3:4::', true],
    ['::1', '1::1', false],
  ] as const)
    t.equal(sourceOf(v6(a)) === sourceOf(v6(b)), same, `${a} ${b}`);
  t.not(sourceOf(v4('10.0.0.1')), sourceOf(v4('10.0.0.2')));
  t.equal(sourceOf(null), sourceOf({ family: 'unix', path: '' }));
});

t.test('a flood of refusals: ten lines in ten seconds, and how many there were', async (t) => {
  const clock = new SimClock();
  const lines: string[] = [];
  const refusals = refusalLog(lines, clock);
  for (let i = 0; i < 1000; i++) refusals.failed(v4('10.0.0.1'), new PipeError('malformed', 'trunk', 'no\n'));
  t.equal(lines.length, 10);
  t.match(lines[0], /warn {2}a connection from 10\.0\.0\.1:1 is refused: no\\x0a$/);
  t.match(lines[9], /more of this kind are only counted, for a while$/);
  await clock.advance(10_000);
  refusals.failed(v4('10.0.0.1'), new PipeError('malformed', 'trunk', 'no'));
  t.match(lines[10], /990 more lines of this kind were left out/);
  t.equal(lines.length, 12);
  t.equal(clock.pending, 0);
});

t.test('who refuses whom, who went away, and what somebody without an address is called', async (t) => {
  const lines: string[] = [];
  const refusals = refusalLog(lines, new SimClock());
  refusals.failed(v4('10.0.0.1'), new Refusal(REFUSED_KEY, 'the keys differ'));
  refusals.failed(v4('10.0.0.1'), new Refusal(REFUSED_KEY, 'the keys differ', true));
  refusals.failed(null, new PipeError('reset', 'trunk', 'connection reset, in the handshake'));
  t.same(
    lines.map((line) => line.replace(/^\S+ /, '')),
    [
      'warn  a connection from 10.0.0.1:1 is refused: the keys differ',
      'warn  10.0.0.1:1 refuses us: the keys differ',
      'warn  a connection from a client already gone ended: connection reset, in the handshake',
    ],
  );
  t.equal(namelessAt({ host: '', port: 1 }), 'a client already gone');
  t.equal(namelessAt({ path: '/x' }), 'a unix client');
});

t.test('a carrier id is good for once, in any order, and the memory of it is bounded', async (t) => {
  const ids = new CarrierIds();
  for (const id of [0, 2, 1, 5000, 4500]) {
    t.notOk(ids.isUsed(id), `${id}`);
    ids.use(id);
    t.ok(ids.isUsed(id), `${id} again`);
  }
  t.ok(ids.isUsed(3), 'far below the highest');
  t.notOk(ids.isUsed(4999));
  ids.use(2 ** 32 - 1);
  t.ok(ids.isUsed(5001), 'who jumps ahead harms itself only');
});
