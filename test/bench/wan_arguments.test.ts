/** Goal: the WAN benchmark does what its command line says, in pieces if that is asked for, and says what is wrong with it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { UsageError } from '../../tools/bench/compare/arguments.ts';
import { parseWanPlan, type WanPlan } from '../../tools/bench/wan/arguments.ts';
import { cases, idOf } from '../../tools/bench/wan/cases.ts';
import { allContenders } from '../../tools/bench/wan/contenders.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const plan = (...args: string[]) => parseWanPlan(args, 'docs') as WanPlan;

t.test('without a word, everything, and nothing is kept', async (t) => {
  const { cases: all, congestions, carriers, contenders, parts, runs, seed, save } = plan();
  t.equal(all.length, cases.length);
  t.same(
    { congestions, carriers, contenders, parts, runs, seed, save },
    {
      congestions: ['cubic', 'bbr'],
      carriers: null,
      contenders: null,
      parts: ['bulk', 'small'],
      runs: 3,
      seed: 1,
      save: null,
    },
  );
});

t.test('a first look', async (t) => {
  const { cases: few, congestions, carriers, runs } = plan('--quick');
  t.same(
    few.map((one) => idOf(one, 'cubic')),
    ['flow-cap cubic', 'loss loss=1% rtt=100ms cubic', 'pair-near-far cubic', 'one-blackholed cubic'],
  );
  t.same({ congestions, carriers, runs }, { congestions: ['cubic'], carriers: [4], runs: 1 });
});

t.test('a part of it', async (t) => {
  t.equal(plan('--only', 'loss').cases.length, 16);
  t.same(plan('--only', 'loss', '--set', 'rtt=50ms').cases.length, 4);
  const [point, ...others] = plan('--only', 'loss', '--set', 'rtt=100ms', '--set', 'loss=1%').cases;
  t.same(others, []);
  t.match(point, { bar: 'flows', link: { mbit: 200, rttMs: 100 } });
  t.equal(idOf(point as WanPlan['cases'][0], 'bbr'), 'loss loss=1% rtt=100ms bbr', 'as in the grid');
  const words = [
    '--cc',
    'bbr',
    '--carriers',
    '2,8,auto',
    '--contenders',
    'striped-8,flows-8',
    '--part',
    'bulk',
  ];
  t.match(plan('--only', 'shared,all-dead', ...words), {
    cases: [{ name: 'shared', rival: true }, { name: 'all-dead' }],
    congestions: ['bbr'],
    carriers: [2, 8, 'auto'],
    contenders: ['striped-8', 'flows-8'],
    parts: ['bulk'],
  });
});

t.test('networks of somebody else', async (t) => {
  t.match(plan('--only', './mine.wan').cases, [{ name: './mine.wan', link: null, bar: null }]);
  t.match(plan('--only', 'loss', '--set', 'loss=7%').cases, [
    { name: 'loss', variables: ['loss=7%'], title: 'loss, loss=7%', link: null },
  ]);
});

t.test('where it is kept', async (t) => {
  t.equal(plan('--save').save, 'docs');
  t.match(plan('--save', '--resume', '--out', 'elsewhere'), { save: 'elsewhere', resume: true });
});

t.test('mistakes', async (t) => {
  for (const [args, message] of [
    [['--runs', '0'], /--runs takes a whole number from 1, not '0'/],
    [['--carriers', '4,x'], /--carriers takes a whole number from 1, not 'x'/],
    [['--part', 'big'], /--part takes bulk and small, not 'big'/],
    [['--resume'], /--resume goes with --save/],
    [['--set', 'loss=1%'], /--set goes with --only/],
    [['--onyl', 'loss'], /--onyl/],
  ] as const) {
    try {
      plan(...args);
      t.fail(`${args} is taken`);
    } catch (error) {
      t.type(error, UsageError);
      t.match(error, { message });
    }
  }
});

t.test('every case has its scenario, and sets only what that declares', async (t) => {
  for (const { name, variables } of cases) {
    const file = join(root, `tools/wan/scenarios/${name}.wan`);
    t.ok(existsSync(file), name);
    const text = readFileSync(file, 'utf8');
    for (const variable of variables)
      t.match(text, new RegExp(`^set ${variable.split('=')[0]} = `, 'm'), `${name}: ${variable}`);
  }
});

t.test('who takes part', async (t) => {
  const names = (carriers: number[], congestion: string) =>
    allContenders(carriers, congestion).map(({ name }) => name);
  t.same(names([1], 'bbr'), ['flows-1', 'relay', 'striped-1']);
  t.ok(allContenders(['auto'], 'bbr').some(({ name }) => name === 'striped-auto'));
  t.same(names([4], 'bbr'), ['flows-1', 'relay', 'flows-4', 'mptcp-4', 'round-robin-4', 'striped-4']);
  t.ok(names([4], 'cubic').includes('striped-bbr-4'), 'what apps with cubic get from carriers with bbr');
  t.notOk(names([16], 'bbr').includes('mptcp-16'), 'the kernel has no room for so many subflows');
});
