/** Goal: the status view never leaves its place on the screen, whatever it shows, and leaves nothing behind. */
import fc from 'fast-check';
import t from 'tap';
import { type ConnectionRow, renderStatus, StatusLine, type StatusView } from '../../src/observe/status.ts';
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
  ...part,
});

const viewOf = (rows: ConnectionRow[], part: Partial<StatusView> = {}): StatusView => ({
  title: 'tcp-proxy relay on 127.0.0.1:8080 -> 127.0.0.1:22',
  served: 17,
  uptimeMs: 200_000,
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
      lines.every((line) => line.length <= width && !/[\u0000-\u001f\u007f-\u009f]/.test(line))
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
  const top = 'tcp-proxy relay on 127.0.0.1:8080 -> 127.0.0.1:22   1 open, 17 served   up 3m';
  t.equal(terminal.lines[0]?.startsWith(top), true);
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
