/** Goal: the status view never leaves its place on the screen, whatever it shows, and leaves nothing behind. */
import fc from 'fast-check';
import t from 'tap';
import { columnsOf } from '../../src/core/format.ts';
import { StatusLine } from '../../src/observe/status.ts';
import {
  type CarrierCells,
  type CarrierRow,
  type ConnectionRow,
  renderStatus,
  type StatusView,
} from '../../src/observe/view.ts';
import { sleep } from '../helpers/e2e_wait.ts';
import { FakeTerminal } from '../helpers/fake_terminal.ts';
import { propertyOptions } from '../helpers/random.ts';
import { eventually } from '../helpers/settle.ts';

const row = (id: number, part: Partial<ConnectionRow> = {}): ConnectionRow => ({
  id: `c${id}`,
  from: `127.0.0.1:${40_000 + id}`,
  near: 'open',
  far: 'open',
  bytesForward: 1_536_000,
  bytesBackward: 24_000,
  congestionsForward: 3,
  congestionsBackward: 0,
  ageMs: 62_000,
  stream: null,
  ...part,
});

const viewOf = (rows: ConnectionRow[], part: Partial<StatusView> = {}): StatusView => ({
  title: 'tcp-proxy relay on 127.0.0.1:8080 -> 127.0.0.1:22',
  served: 17,
  uptimeMs: 200_000,
  carriers: [],
  open: rows.length,
  newest: (count) => rows.slice(rows.length - count),
  ...part,
});

const view = (count: number): StatusView => viewOf(Array.from({ length: count }, (_, i) => row(i + 1)));

t.test('as in its picture', async (t) => {
  t.same(renderStatus(viewOf([row(3), row(12, { far: 'dialling', bytesForward: 0 })]), 100, 20), [
    'tcp-proxy relay on 127.0.0.1:8080 -> 127.0.0.1:22   2 open, 17 served   up 3m20s',
    '  id   from             legs             sent     received  congested  age',
    '  c3   127.0.0.1:40003  open > open      1.54 MB  24.0 KB   3/0        1m02s',
    '  c12  127.0.0.1:40012  open > dialling  0 B      24.0 KB   3/0        1m02s',
  ]);
  t.equal(renderStatus(view(0), 100, 20).length, 1, 'without connections one line');
});

const carrier = (
  id: number,
  part: Partial<CarrierRow> = {},
  cells: Partial<CarrierCells> = {},
): CarrierRow => ({
  id: `k${id}`,
  way: '',
  state: 'open',
  numbers: {
    traffic: 11_200_000,
    share: 0.49,
    srttMs: 50.1,
    rate: 12_000_000,
    rateIsLimit: true,
    stalls: 0,
    unsentBytes: 0,
    retransmits: 12,
    cwndBytes: 640_000,
    ...cells,
  },
  ...part,
});

const striped = (count: number, connections = 1): StatusView =>
  viewOf(
    Array.from({ length: connections }, (_, i) =>
      row(i + 1, { stream: { windowBytes: 262_144, earlyBytes: 0, repeatedBytes: 65_000 } }),
    ),
    { carriers: Array.from({ length: count }, (_, i) => carrier(i)) },
  );

t.test('the carriers and streams of a trunk', async (t) => {
  const unknown = { rate: null, unsentBytes: null, retransmits: null, cwndBytes: null, srttMs: 0.123 };
  const carriers = [
    carrier(0, { way: '192.0.2.1:22222' }, { rateIsLimit: false }),
    carrier(1, { state: 'stalled' }, unknown),
    carrier(2, { id: '-', state: 'dialling', numbers: null }),
  ];
  t.same(renderStatus({ ...striped(0), carriers }, 120, 20).slice(1), [
    '  carrier  way              state     traffic    share  srtt    rate        unsent   retrans  stalls  cwnd',
    '  k0       192.0.2.1:22222  open      11.2 MB/s  49 %   50ms    >12.0 MB/s  0 B      12       0       640 KB',
    '  k1                        stalled   11.2 MB/s  49 %   0.12ms  -           -        -        0       -',
    '  -                         dialling  -          -      -       -           -        -        -       -',
    '  id  from             legs         sent     received  window   early    re-sent  congested  age',
    '  c1  127.0.0.1:40001  open > open  1.54 MB  24.0 KB   262 KB   0 B      65.0 KB  3/0        1m02s',
  ]);
});

t.test('too narrow: columns are left out whole, the least telling first', async (t) => {
  t.same(renderStatus(striped(1), 55, 20).slice(1), [
    '  carrier  state     traffic    share  srtt',
    '  k0       open      11.2 MB/s  49 %   50ms',
    '  id  from             legs         sent     received',
    '  c1  127.0.0.1:40001  open > open  1.54 MB  24.0 KB',
  ]);
});

t.test('too short: connections keep half, carriers in trouble are shown before others', async (t) => {
  const view = striped(64, 20);
  const carriers = view.carriers.map((row, i) => (i === 40 ? { ...row, state: 'stalled' } : row));
  t.same(
    renderStatus({ ...view, carriers }, 100, 11).map((line) => line.slice(0, 22).trimEnd()),
    [
      'tcp-proxy relay on 127',
      '  carrier  state     t',
      '  k0       open      1',
      '  k1       open      1',
      '  k40      stalled   1',
      '  ... and 61 more',
      '  id   from',
      '  c18  127.0.0.1:40018',
      '  c19  127.0.0.1:40019',
      '  c20  127.0.0.1:40020',
      '  ... and 17 older',
    ].map((line) => line.slice(0, 22)),
  );
  t.equal(renderStatus({ ...view, carriers }, 100, 5)[1], '  carriers: 63 open, 1 stalled, 717 MB/s');
  for (let height = 1; height <= 30; height++) {
    for (const count of [1, 2, 4, 64]) {
      for (const connections of [0, 1, 5, 100]) {
        const lines = renderStatus(striped(count, connections), 100, height);
        if (lines.length > height)
          t.fail(`${count} carriers, ${connections} connections, ${height}: ${lines.length}`);
      }
    }
  }
});

t.test('more connections than room: the newest are shown, the others counted', async (t) => {
  for (let height = 1; height <= 12; height++) {
    for (let count = 0; count <= 12; count++) {
      const lines = renderStatus(view(count), 200, height);
      const said = `${count} connections in ${height} lines`;
      if (lines.length > height) t.fail(`${said}: ${lines.length} are too many`);
      const shown = lines
        .filter((line) => /^ {2}c\d/.test(line))
        .map((line) => Number(/c(\d+)/.exec(line)?.[1]));
      const newest = Array.from({ length: shown.length }, (_, i) => count - shown.length + i + 1);
      if (JSON.stringify(shown) !== JSON.stringify(newest)) t.fail(`${said}: shows ${shown}`);
      const hidden = count - shown.length;
      const counted = Number(/\.\.\. and (\d+) older/.exec(lines.join('\n'))?.[1] ?? 0);
      if (height >= 3 && counted !== hidden) t.fail(`${said}: hides ${hidden}, says ${counted}`);
      if (height >= 4 && count > 0 && shown.length === 0) t.fail(`${said}: shows none`);
    }
  }
});

t.test('rows are made for those that are shown, and for no other', async (t) => {
  const asked: number[] = [];
  const newest = (count: number) => {
    asked.push(count);
    return Array.from({ length: count }, (_, i) => row(50_000 - count + i));
  };
  const lines = renderStatus(viewOf([], { open: 50_000, newest }), 100, 10);
  t.same(asked, [7]);
  t.equal(lines.at(-1), '  ... and 49993 older');
});

t.test('within width and height, on one line each, whatever the rows hold', async () => {
  const text = fc.string({ unit: 'binary', maxLength: 100 });
  const rows = fc.array(
    fc.record({
      id: fc.nat(),
      from: text,
      bytesForward: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      ageMs: fc.nat(),
    }),
    { maxLength: 30 },
  );
  const fits = (title: string, some: { id: number; from: string }[], width: number, height: number) => {
    const lines = renderStatus(
      viewOf(
        some.map(({ id, ...rest }) => row(id, rest)),
        { title },
      ),
      width,
      height,
    );
    return (
      lines.length <= height &&
      lines.every((line) => columnsOf(line) <= width && !/[\u0000-\u001f\u007f-\u009f]/.test(line))
    );
  };
  fc.assert(
    fc.property(text, rows, fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 50 }), fits),
    propertyOptions(500),
  );
});

t.test('it redraws in place, and log lines scroll by above', async (t) => {
  const terminal = new FakeTerminal(80, 24);
  let current = view(1);
  let looks = 0;
  const line = new StatusLine(terminal, () => {
    looks++;
    return current;
  });
  const shows = (count: number) =>
    eventually(
      `${count} lines`,
      () => terminal.lines.length === count,
      () => terminal.lines,
    );
  const top = '1 open, 17 served   up 3m20s   tcp-proxy relay on 127.0.0.1:8080 -> 127.0.0.';
  t.equal(terminal.lines[0]?.startsWith(top), true, 'too narrow for all: what changes comes first');
  t.equal(terminal.lines.length, 3);
  line.print('first log line');
  t.same(terminal.lines, ['first log line'], 'without the view, which would cost more than the line');
  await shows(1 + 3);
  t.equal(looks, 1, 'for which nothing was rendered again');
  current = view(5);
  await shows(1 + 7);
  line.print('second log line');
  await shows(2 + 7);
  t.same(terminal.lines.slice(0, 2), ['first log line', 'second log line']);
  current = view(0);
  line.print('third log line');
  await shows(3 + 1);
  line.print(`a long one ${'x'.repeat(200)}`);
  await shows(3 + 3 + 1);
  t.equal(
    terminal.lines.filter((text) => text.includes('served')).length,
    1,
    'one view, below a line that wraps',
  );
  line.close();
  t.equal(terminal.lines.filter((text) => text.includes('served')).length, 0, 'closed, it is gone');
  t.equal(terminal.lines[2], 'third log line');
  const { written } = terminal;
  line.close();
  t.equal(terminal.written, written, 'closing twice writes nothing');
  line.print('after the end');
  t.equal(terminal.lines.at(-1), 'after the end');
  const all = terminal.lines.length;
  await sleep(100);
  t.equal(terminal.lines.length, all);
  t.equal(terminal.lines.filter((text) => text.includes('served')).length, 0);
});

for (const rewraps of [true, false]) {
  t.test(
    `a window that changes its size${rewraps ? '' : ', on a terminal that cuts lines off'}`,
    async (t) => {
      const terminal = new FakeTerminal(100, 24, rewraps);
      const line = new StatusLine(terminal, () => view(4));
      line.print('a log line');
      await eventually('the view', () => terminal.lines.length === 7);
      for (const [columns, rows] of [
        [40, 24],
        [12, 30],
        [100, 24],
        [99, 16],
        [30, 60],
        [100, 24],
      ] as const) {
        terminal.resize(columns, rows);
        t.equal(terminal.scrolledViews <= 1, true, `${columns} x ${rows}: one view`);
        t.equal(terminal.lines[0], 'a log line', 'and the log above it');
      }
      t.equal(terminal.lines.length, 1 + 6);
      line.close();
      t.equal(terminal.lines.length, 1, 'and in the end none of it is left');
      const { written } = terminal;
      terminal.resize(50, 24);
      t.equal(terminal.written, written, 'a closed view does not come back');
    },
  );
}

t.test('it leaves a third of the screen to the log', async (t) => {
  const terminal = new FakeTerminal(100, 24);
  const line = new StatusLine(terminal, () => view(30));
  t.equal(terminal.lines.length, 16);
  line.close();
});

t.test('wide characters are counted as such', async (t) => {
  const [, names, row] = renderStatus(
    viewOf([{ ...view(1).newest(1)[0], from: '日本' } as ConnectionRow]),
    90,
    9,
  );
  t.equal(columnsOf(row?.slice(0, row.indexOf('open')) as string), names?.indexOf('legs'), 'in their column');
});

t.test('a terminal of no known size, and a tiny one', async (t) => {
  for (const [columns, rows] of [
    [undefined, undefined],
    [0, 0],
    [1, 1],
    [20, 2],
  ]) {
    const terminal = new FakeTerminal(columns === undefined || columns === 0 ? 80 : columns, rows || 24);
    const seen = { write: (text: string) => terminal.write(text), waiting: 0, columns, rows } as FakeTerminal;
    const line = new StatusLine(seen, () => view(30));
    for (let i = 0; i < 3; i++) {
      line.print('x');
      await sleep(100);
    }
    t.ok(terminal.scrolledViews <= 1, `${columns} x ${rows}: no view was left behind above`);
    line.close();
    t.equal(terminal.lines.filter((text) => text.includes('proxy')).length, 0, `${columns} x ${rows}`);
  }
});

t.test('a terminal that takes nothing now: log lines are handed over, views are not', async (t) => {
  const terminal = new FakeTerminal(80, 24);
  let looks = 0;
  const line = new StatusLine(terminal, () => {
    looks++;
    return view(1);
  });
  terminal.waiting = 1;
  line.print('first');
  line.print('second');
  await sleep(700);
  t.same(terminal.lines, ['first', 'second']);
  t.equal(looks, 1);
  terminal.waiting = 0;
  await eventually('the view', () => terminal.lines.length === 5);
  line.close();
  t.same(terminal.lines, ['first', 'second']);
});
